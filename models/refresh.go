package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
)

// refreshLease is how long one process may take to renew a token: a call's
// time-out and what is written after it.
const refreshLease = 45 * time.Second

// How often, and how long, one looks whether another process has renewed it.
const (
	refreshPoll = 100 * time.Millisecond
	refreshWait = 3 * time.Second
)

// ErrRenewing says that another process is renewing the token: come back.
var ErrRenewing = errors.New("the token is being renewed elsewhere")

// RenewToken renews the account's token once, however many ask at the same
// time in however many processes. seen is the version of the token that the
// caller found wanting: when a newer one is there, nothing is called. An
// error of kind networks.Reauthorize says that the grant has ended; the
// account has then been marked, and people told. Where another process takes
// its time over it, the error is ErrRenewing.
func (in *Install) RenewToken(ctx context.Context, organization, account uuid.UUID, seen int) error {
	for waited := time.Duration(0); waited < refreshWait; waited += refreshPoll {
		a, version, leased, err := in.leaseToken(ctx, organization, account, seen)
		if err != nil || version != seen {
			return err
		}
		if leased {
			return in.renew(ctx, organization, a, version)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(refreshPoll):
		}
	}
	return ErrRenewing
}

// leaseToken takes the right to renew the version that was seen. The account
// comes with its token. No transaction stays open over the network call.
func (in *Install) leaseToken(ctx context.Context, organization, account uuid.UUID, seen int) (*tokened, int, bool, error) {
	var version int
	leased := false
	a := &tokened{}
	var sealed []byte
	var expires *time.Time
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select version from account_tokens where organization_id = $1 and account_id = $2 for update`,
			organization, account).Scan(&version)
		if err != nil || version != seen {
			return err
		}
		tag, err := tx.Exec(ctx, `update account_tokens set refresh_lease = now() + $3::interval
			where organization_id = $1 and account_id = $2 and refresh_lease < now()`, organization, account, refreshLease)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		leased = true
		list, err := in.accounts(ctx, tx, `where a.id = $1`, account)
		if err != nil {
			return err
		}
		a.Account = list[0]
		return tx.QueryRow(ctx, `select sealed, expires_at from account_tokens where organization_id = $1 and account_id = $2`,
			organization, account).Scan(&sealed, &expires)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, false, notFound("token")
	}
	if err != nil {
		return nil, 0, false, fmt.Errorf("lease token: %w", err)
	}
	if leased {
		a.token, err = in.openToken(organization, account, sealed, expires)
	}
	return a, version, leased, err
}

// tokened is an account with its opened token.
type tokened struct {
	Account
	token networks.Token
}

func (in *Install) renew(ctx context.Context, organization uuid.UUID, a *tokened, version int) error {
	n, err := in.networks.Get(a.Network, a.Sandbox)
	if err != nil {
		return err
	}
	app, err := in.App(ctx, n, a.Site, "")
	if err != nil {
		return err
	}
	fresh, err := n.Refresh(ctx, a.network(a.token), app)
	if err == nil && fresh.Refresh == "" {
		fresh.Refresh = a.token.Refresh // an answer without one never takes the old one away
	}
	// What the network said is written even when the caller has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	var failed *networks.Error
	switch {
	case err == nil:
		return in.keepToken(ctx, organization, a.ID, version, fresh)
	case errors.As(err, &failed) && failed.Kind == networks.Reauthorize:
		markErr := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
			return in.markReconnect(ctx, tx, organization, a.Account, failed.Message)
		})
		return errors.Join(err, markErr)
	}
	freeErr := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update account_tokens set refresh_lease = '-infinity' where organization_id = $1 and account_id = $2`, organization, a.ID)
		return err
	})
	return errors.Join(err, freeErr)
}

// keepToken stores access and refresh token together.
func (in *Install) keepToken(ctx context.Context, organization, account uuid.UUID, version int, t networks.Token) error {
	sealed, err := in.sealToken(organization, account, t)
	if err != nil {
		return err
	}
	err = in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update account_tokens set sealed = $4, expires_at = $5, version = version + 1,
				refresh_lease = '-infinity', updated_at = now()
			where organization_id = $1 and account_id = $2 and version = $3`, organization, account, version, sealed, expiry(t))
		return err
	})
	if err != nil {
		return fmt.Errorf("keep renewed token: %w", err)
	}
	return nil
}

// Expiring lists accounts whose token should be renewed now: each network
// says how early. before tells that for a network's key.
func (in *Install) Expiring(ctx context.Context, before func(network string) time.Duration) ([]RefreshArgs, error) {
	var list []RefreshArgs
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select k.organization_id, k.account_id, a.network, k.expires_at - now()
			from account_tokens k join social_accounts a on a.id = k.account_id
			where a.state = 'connected' and k.expires_at < now() + interval '30 days' and k.refresh_lease < now()
			order by k.expires_at limit 1000`)
		if err != nil {
			return err
		}
		var r RefreshArgs
		var network string
		var left time.Duration
		_, err = pgx.ForEachRow(rows, []any{&r.Organization, &r.Account, &network, &left}, func() error {
			if left < before(network) {
				list = append(list, r)
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list expiring tokens: %w", err)
	}
	return list, nil
}

// TokenVersion is the version of the account's token; 0 when there is none.
func (in *Install) TokenVersion(ctx context.Context, organization, account uuid.UUID) (int, error) {
	t, err := in.token(ctx, organization, account)
	if CodeOf(err) == NotFound {
		return 0, nil
	}
	return t.Version, err
}
