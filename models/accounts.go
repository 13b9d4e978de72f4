package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
)

// accountColumns are read by scanAccount, in this order.
const accountColumns = `a.id, a.network, a.sandbox, a.site, a.remote_id, a.handle, a.name, a.url,
	a.limits, a.state, a.state_reason, a.connected_at`

func (s *Store) scanAccount(row pgx.CollectableRow) (Account, error) {
	var a Account
	err := row.Scan(&a.ID, &a.Network, &a.Sandbox, &a.Site, &a.RemoteID, &a.Handle, &a.Name, &a.URL,
		&a.Limits, &a.State, &a.StateReason, &a.ConnectedAt, &a.ExpiresAt)
	if info, ok := s.networks.Info(a.Network); ok {
		a.NetworkName = info.Name
	} else {
		a.NetworkName = a.Network
	}
	return a, err
}

const selectAccounts = `select ` + accountColumns + `, t.expires_at from social_accounts a
	left join account_tokens t on t.organization_id = a.organization_id and t.account_id = a.id `

func (s *Store) accounts(ctx context.Context, tx pgx.Tx, where string, args ...any) ([]Account, error) {
	rows, err := tx.Query(ctx, selectAccounts+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, s.scanAccount)
}

const accountOrder = ` order by a.state = 'disconnected', a.network, lower(a.handle), a.id`

// Accounts lists the organization's accounts, those in use first.
func (w *Workspace) Accounts(ctx context.Context) ([]Account, error) {
	if err := w.Role.demand(ReadAccounts); err != nil {
		return nil, err
	}
	var list []Account
	err := w.rows(ctx, func(tx pgx.Tx) (err error) {
		list, err = w.store.accounts(ctx, tx, accountOrder)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return list, nil
}

// Account returns one account.
func (w *Workspace) Account(ctx context.Context, id uuid.UUID) (*Account, error) {
	if err := w.Role.demand(ReadAccounts); err != nil {
		return nil, err
	}
	var list []Account
	err := w.rows(ctx, func(tx pgx.Tx) (err error) {
		list, err = w.store.accounts(ctx, tx, `where a.id = $1`, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find account: %w", err)
	}
	if len(list) == 0 {
		return nil, notFound("account")
	}
	return &list[0], nil
}

// sealedToken is what lies sealed beside an account.
type sealedToken struct {
	Access  string   `json:"a"`
	Refresh string   `json:"r,omitempty"`
	Scopes  []string `json:"s,omitempty"`
}

// tokenAD binds a sealed token to its row: moved to another it does not open.
func tokenAD(organization, account uuid.UUID) []byte {
	return seal.At("account_tokens", "sealed", organization.String(), account.String())
}

func (s *Store) sealToken(organization, account uuid.UUID, t networks.Token) ([]byte, error) {
	plain, err := json.Marshal(sealedToken{Access: t.Access, Refresh: t.Refresh, Scopes: t.Scopes})
	if err != nil {
		return nil, fmt.Errorf("encode token: %w", err)
	}
	return s.box.Seal(plain, tokenAD(organization, account)), nil
}

func (s *Store) openToken(organization, account uuid.UUID, sealed []byte, expires *time.Time) (networks.Token, error) {
	plain, err := s.box.Unseal(sealed, tokenAD(organization, account))
	if err != nil {
		return networks.Token{}, fmt.Errorf("open token of account %s: %w", account, err)
	}
	var t sealedToken
	if err := json.Unmarshal(plain, &t); err != nil {
		return networks.Token{}, fmt.Errorf("decode token of account %s: %w", account, err)
	}
	out := networks.Token{Access: t.Access, Refresh: t.Refresh, Scopes: t.Scopes}
	if expires != nil {
		out.Expires = *expires
	}
	return out, nil
}

// Connection is what a network has granted.
type Connection struct {
	Network string
	Sandbox bool
	Site    string
	Profile networks.Profile
	Token   networks.Token
	// Account is the one to be reconnected; nil for whichever the profile names.
	Account *uuid.UUID
}

// KeepConnection stores a granted account. One that is known already keeps
// its id, its posts and its statistics and gets the new token; what waited
// for it goes on.
func (w *Workspace) KeepConnection(ctx context.Context, c Connection) (*Account, error) {
	if err := w.Role.demand(ManageAccounts); err != nil {
		return nil, err
	}
	var id uuid.UUID
	var act string
	err := w.rows(ctx, func(tx pgx.Tx) error {
		if c.Account != nil {
			var remote string
			err := tx.QueryRow(ctx, `select remote_id from social_accounts where id = $1 and network = $2`, *c.Account, c.Network).Scan(&remote)
			if errors.Is(err, pgx.ErrNoRows) {
				return notFound("account")
			}
			if err != nil {
				return err
			}
			if remote != c.Profile.RemoteID {
				return conflict("You signed in as @%s, which is another account. Sign in as the one to be reconnected, or connect @%s as a new account.",
					c.Profile.Handle, c.Profile.Handle)
			}
		}
		err := tx.QueryRow(ctx, `
			insert into social_accounts (id, network, sandbox, site, remote_id, handle, name, avatar_url, url, limits, connected_by)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			on conflict (organization_id, network, sandbox, site, remote_id) do update set
				handle = excluded.handle, name = excluded.name, avatar_url = excluded.avatar_url, url = excluded.url,
				limits = excluded.limits, state = 'connected', state_reason = '', connected_by = excluded.connected_by,
				connected_at = now(), updated_at = now()
			returning id, case when xmax = 0 then 'account.connected' else 'account.reconnected' end`, newID(), c.Network, c.Sandbox, c.Site, c.Profile.RemoteID, c.Profile.Handle, c.Profile.Name,
			c.Profile.AvatarURL, c.Profile.URL, limitsOf(c.Profile), w.Member.ID).Scan(&id, &act)
		if err != nil {
			return err
		}
		sealed, err := w.store.sealToken(w.Organization.ID, id, c.Token)
		if err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `insert into account_tokens as t (account_id, sealed, expires_at) values ($1, $2, $3)
			on conflict (organization_id, account_id) do update set sealed = $2, expires_at = $3,
				version = t.version + 1, updated_at = now()`, id, sealed, expiry(c.Token)); err != nil {
			return err
		}
		if _, err = tx.Exec(ctx, `update deliveries set state = case when fence = 0 then 'scheduled' else 'retrying' end, next_at = now(),
				enqueued_at = null, reason = 'reconnected', message = '', updated_at = now()
			where account_id = $1 and state = 'waiting' and reason = 'reconnect'`, id); err != nil {
			return err
		}
		return w.auditAccount(ctx, tx, act, id, c.Network, c.Sandbox)
	})
	var known *Error
	if errors.As(err, &known) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("keep connection: %w", err)
	}
	w.changed(topicAccounts, id)
	w.store.wakeClock()
	return w.Account(ctx, id)
}

func (w *Workspace) auditAccount(ctx context.Context, tx pgx.Tx, act string, id uuid.UUID, network string, sandbox bool) error {
	if info, ok := w.store.networks.Info(network); ok {
		network = info.Name
	}
	return w.audit(ctx, tx, act, "account "+id.String(), map[string]any{"network": network, "sandbox": sandbox})
}

func limitsOf(p networks.Profile) networks.Limits {
	if p.Limits == nil {
		return networks.Limits{}
	}
	return p.Limits
}

func expiry(t networks.Token) *time.Time {
	if t.Expires.IsZero() {
		return nil
	}
	return &t.Expires
}

// Disconnect forgets the account's token. What is scheduled there waits until
// it is connected again. It returns the token so that the network can be told.
func (w *Workspace) Disconnect(ctx context.Context, id uuid.UUID) (networks.Account, error) {
	if err := w.Role.demand(ManageAccounts); err != nil {
		return networks.Account{}, err
	}
	account, err := w.Account(ctx, id)
	if err != nil {
		return networks.Account{}, err
	}
	// The member may not read tokens; the installation may, to revoke this one.
	in := w.store.Install("revoke the token of an account that its organization disconnects")
	token, err := in.token(ctx, w.Organization.ID, id)
	if err != nil && CodeOf(err) != NotFound {
		return networks.Account{}, err
	}
	err = w.rows(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update social_accounts set state = 'disconnected', state_reason = '', updated_at = now() where id = $1`, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from account_tokens where account_id = $1`, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update deliveries set state = 'waiting', next_at = null, enqueued_at = null, reason = 'reconnect',
				message = $2, updated_at = now()
			where account_id = $1 and state in ('scheduled', 'retrying')`, id,
			"The account is disconnected. Connect it again and this goes on."); err != nil {
			return err
		}
		return w.auditAccount(ctx, tx, "account.disconnected", id, account.Network, account.Sandbox)
	})
	if err != nil {
		return networks.Account{}, fmt.Errorf("disconnect account: %w", err)
	}
	w.changed(topicAccounts, id)
	return account.network(token.Token), nil
}

// storedToken is an account's token as the database has it.
type storedToken struct {
	networks.Token
	Version int
}

func (in *Install) token(ctx context.Context, organization, account uuid.UUID) (storedToken, error) {
	var t storedToken
	var sealed []byte
	var expires *time.Time
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select sealed, expires_at, version from account_tokens where organization_id = $1 and account_id = $2`,
			organization, account).Scan(&sealed, &expires, &t.Version)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return t, notFound("token")
	}
	if err != nil {
		return t, fmt.Errorf("read token: %w", err)
	}
	t.Token, err = in.openToken(organization, account, sealed, expires)
	return t, err
}
