package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models/tenant"
)

// connectLife is how long a person may take at the network.
const connectLife = 10 * time.Minute

// Connecting is a consent that a person has been sent away for.
type Connecting struct {
	Network string
	Sandbox bool
	Site    string
	Account *uuid.UUID // to be reconnected
	Session string     // goth's, with the PKCE verifier: never leaves the server
}

// BeginConnect keeps c for ten minutes and returns the state that travels
// with the person. Only the same session can come back with it, and only once.
func (w *Workspace) BeginConnect(ctx context.Context, session *Session, c func(state string) (Connecting, error)) error {
	if err := w.Role.demand(ManageAccounts); err != nil {
		return err
	}
	state := NewToken()
	conn, err := c(state)
	if err != nil {
		return err
	}
	id := tokenHash(state)
	sealed := w.store.box.Seal([]byte(conn.Session), connectAD(w.Organization.ID, id))
	err = w.rows(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into connect_states (id, session_id, user_id, network, sandbox, site, account_id, sealed, expires_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9::interval)`, id, session.ID(), w.Member.ID, conn.Network, conn.Sandbox,
			conn.Site, conn.Account, sealed, connectLife)
		return err
	})
	if err != nil {
		return saveError("begin connecting", err)
	}
	return nil
}

func connectAD(organization uuid.UUID, id []byte) []byte {
	return seal.At("connect_states", "sealed", organization.String(), fmt.Sprintf("%x", id))
}

// EndConnect takes back what BeginConnect kept under that state, once, and
// returns the workspace it was begun in. Whoever comes with a state of another
// session, of another network or a second time gets nothing.
func (in *Install) EndConnect(ctx context.Context, session *Session, network, state string) (*Workspace, *Connecting, error) {
	expired := &Error{Code: Invalid, Message: "This sign-in at the network was not begun here, or took longer than ten minutes. Start again."}
	if session.Person == nil || len(state) != tokenLength {
		return nil, nil, expired
	}
	var organization uuid.UUID
	var sealed []byte
	c := &Connecting{}
	id := tokenHash(state)
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `delete from connect_states where id = $1 and session_id = $2 and user_id = $3 and network = $4 and expires_at > now()
			returning organization_id, network, sandbox, site, account_id, sealed`, id, session.ID(), session.Person.User.ID, network).
			Scan(&organization, &c.Network, &c.Sandbox, &c.Site, &c.Account, &sealed)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, expired
	}
	if err != nil {
		return nil, nil, fmt.Errorf("end connecting: %w", err)
	}
	plain, err := in.box.Unseal(sealed, connectAD(organization, id))
	if err != nil {
		return nil, nil, fmt.Errorf("open connecting: %w", err)
	}
	c.Session = string(plain)
	w, err := session.Person.Workspace(ctx, organization)
	return w, c, err
}
