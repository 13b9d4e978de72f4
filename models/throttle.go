package models

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// How often something may be tried. Who guesses is slowed down on one account,
// whatever addresses they come from, and from one address, whatever accounts
// they try.
const (
	signInsEach  = 15 * time.Minute
	signInsOfOne = 10 // on one account
	signInsFrom  = 60 // from one address

	asksEach  = time.Hour
	asksOfOne = 5 // mails to one address
	asksFrom  = 20
)

func signInKey(email string) string { return "sign-in:email:" + email }

// throttleSignIn counts a try to prove who one is.
func (in *Install) throttleSignIn(ctx context.Context, email, ip string) error {
	if err := in.throttle(ctx, "sign-in:ip:"+neighbourhood(ip), signInsFrom, signInsEach); err != nil {
		return err
	}
	return in.throttle(ctx, signInKey(email), signInsOfOne, signInsEach)
}

// throttleAsk counts a mail that somebody who is not signed in has sent.
func (in *Install) throttleAsk(ctx context.Context, what, email, ip string) error {
	if err := in.throttle(ctx, what+":ip:"+neighbourhood(ip), asksFrom, asksEach); err != nil {
		return err
	}
	return in.throttle(ctx, what+":email:"+email, asksOfOne, asksEach)
}

// neighbourhood is what counts as one address: of IPv6 whoever has one has
// all of its /64.
func neighbourhood(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil || !a.Is6() || a.Is4In6() {
		return ip
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}

// throttle counts one use of key and refuses it beyond most uses in each
// window. A failing database refuses too.
func (in *Install) throttle(ctx context.Context, key string, most int, window time.Duration) error {
	if !in.set.Limits {
		return nil
	}
	var hits int
	var resets time.Time
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			insert into throttles as t (key, hits, resets_at) values ($1, 1, now() + $2)
			on conflict (key) do update set
				hits = case when t.resets_at < now() then 1 else t.hits + 1 end,
				resets_at = case when t.resets_at < now() then now() + $2 else t.resets_at end
			returning hits, resets_at`, key, window).Scan(&hits, &resets)
	})
	if err != nil {
		return fmt.Errorf("throttle: %w", err)
	}
	if hits > most {
		minutes := int(resets.Sub(in.now()).Minutes()) + 1
		return &Error{Code: Limited, Message: fmt.Sprintf("Too many tries. Wait %s and try again.", plural(minutes, "minute"))}
	}
	return nil
}

func (in *Install) unthrottle(ctx context.Context, key string) error {
	return in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from throttles where key = $1`, key)
		return err
	})
}
