package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// keyPrefix begins every API key, so that scanners for leaked secrets know them.
const keyPrefix = "allin_key_"

// APIKey is a key with which a program acts for a member. The key itself is
// shown once, when it is made.
type APIKey struct {
	ID       uuid.UUID
	Owner    uuid.UUID
	By       string // the owner's name
	Name     string
	Hint     string // how the key begins
	Scopes   []Scope
	Created  time.Time
	Expires  time.Time
	LastUsed *time.Time // to the minute; nil: never
}

// NewAPIKey is what somebody chooses for a key.
type NewAPIKey struct {
	Name   string
	Scopes []Scope
	Days   int // that it is good for
}

// KeyDays are the times that a key may be good for.
var KeyDays = []int{30, 90, 180, 365}

// mostKeys is how many keys one member may have.
const mostKeys = 50

// CreateAPIKey makes a key for the member and returns it with its secret, which
// nobody can show again.
func (w *Workspace) CreateAPIKey(ctx context.Context, k NewAPIKey) (*APIKey, string, error) {
	if err := w.Role.demand(UseAPIKeys); err != nil {
		return nil, "", err
	}
	if err := w.checkKey(&k); err != nil {
		return nil, "", err
	}
	secret := NewToken()
	key := keyPrefix + secret
	made := &APIKey{ID: newID(), Owner: w.Member.ID, By: w.Member.Name, Name: k.Name, Hint: key[:len(keyPrefix)+4], Scopes: k.Scopes}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext($1))`, "api_keys "+w.Member.ID.String()); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from api_keys where user_id = $1`, w.Member.ID).Scan(&n); err != nil {
			return err
		}
		if n >= mostKeys {
			return conflict("You have %d keys here, which is the most. Revoke one that is no longer used.", n)
		}
		if err := tx.QueryRow(ctx, `insert into api_keys (id, user_id, name, hint, hash, scopes, expires_at)
			values ($1, $2, $3, $4, $5, $6, now() + make_interval(days => $7)) returning created_at, expires_at`,
			made.ID, w.Member.ID, made.Name, made.Hint, tokenHash(key), made.Scopes, k.Days).Scan(&made.Created, &made.Expires); err != nil {
			return err
		}
		return w.audit(ctx, tx, "api_key.created", "api_key "+made.ID.String(), map[string]any{"scopes": made.Scopes, "expires": made.Expires})
	})
	if err != nil {
		return nil, "", known(err, "create API key")
	}
	return made, key, nil
}

// known leaves an error alone that people are told, and says of any other what
// was being done.
func known(err error, doing string) error {
	var told *Error
	if err == nil || errors.As(err, &told) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// checkKey tidies what was chosen and finds what is wrong with it.
func (w *Workspace) checkKey(k *NewAPIKey) error {
	fields := map[string]string{}
	k.Name = strings.TrimSpace(k.Name)
	if err := validName("name", k.Name, "what the key is for"); err != nil {
		fields["name"] = err.(*Error).Fields["name"]
	}
	given := len(k.Scopes)
	k.Scopes = tidyScopes(k.Scopes)
	switch {
	case len(k.Scopes) == 0:
		fields["scopes"] = "Choose at least one thing that the key may do."
	case len(k.Scopes) < given:
		fields["scopes"] = "Choose from the list, each once."
	}
	for _, s := range k.Scopes {
		if !w.Role.Grants(s) {
			fields["scopes"] = fmt.Sprintf("Your role here is %s, which does not include %s.", w.Role.Name(), s)
		}
	}
	ok := false
	for _, d := range KeyDays {
		ok = ok || d == k.Days
	}
	if !ok {
		fields["days"] = "Choose how long the key is good."
	}
	if len(fields) > 0 {
		return &Error{Code: Invalid, Message: "Some of this needs another look.", Fields: fields}
	}
	return nil
}

// APIKeys lists the member's keys, and everybody's for those who look after
// keys, the newest first.
func (w *Workspace) APIKeys(ctx context.Context) ([]APIKey, error) {
	if err := w.Role.demand(UseAPIKeys); err != nil {
		return nil, err
	}
	var list []APIKey
	err := w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select k.id, k.user_id, u.name, k.name, k.hint, k.scopes, k.created_at, k.expires_at, k.last_used_at
			from api_keys k join users u on u.id = k.user_id where $1 or k.user_id = $2
			order by k.created_at desc, k.id limit 500`, w.May(ManageAPIKeys), w.Member.ID)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[APIKey])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return list, nil
}

// RevokeAPIKey makes a key open nothing any more: one of the member's own, or,
// for those who look after keys, anybody's.
func (w *Workspace) RevokeAPIKey(ctx context.Context, id uuid.UUID) error {
	if err := w.Role.demand(UseAPIKeys); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		var owner uuid.UUID
		err := tx.QueryRow(ctx, `delete from api_keys where id = $1 and ($2 or user_id = $3) returning user_id`,
			id, w.May(ManageAPIKeys), w.Member.ID).Scan(&owner)
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound("key")
		}
		if err != nil {
			return err
		}
		return w.audit(ctx, tx, "api_key.revoked", "api_key "+id.String(), map[string]any{"owner": owner})
	})
	return known(err, "revoke API key")
}

// keyAccess returns whoever the API key acts for.
func (in *Install) keyAccess(ctx context.Context, key string) (*Caller, error) {
	if len(key) != len(keyPrefix)+tokenLength {
		return nil, errBearer
	}
	caller := &Caller{}
	b := &pgx.Batch{}
	b.Queue(`
		with used as (
			update api_keys set last_used_at = date_trunc('minute', now()) where hash = $1 and expires_at > now()
				and (last_used_at is null or last_used_at < date_trunc('minute', now()))
		)
		select `+personColumns+`, k.id, k.organization_id, k.scopes from api_keys k join users u on u.id = k.user_id
		where k.hash = $1 and k.expires_at > now() and u.suspended_at is null`, tokenHash(key)).
		QueryRow(func(row pgx.Row) (err error) {
			caller.Person, err = in.scanPerson(row, &caller.Key, &caller.Organization, &caller.Scopes)
			return err
		})
	return in.called(ctx, caller, b)
}
