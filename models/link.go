package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// LinkKind is what a one-time link is for.
type LinkKind string

// Link is a one-time link as it stands in the database: what is mailed is its
// token, of which only the hash is kept.
type Link struct {
	Kind      LinkKind
	User      *uuid.UUID
	Email     string
	ExpiresAt time.Time
	data      []byte
}

// Data decodes what was kept with the link.
func (l *Link) Data(into any) error {
	if err := json.Unmarshal(l.data, into); err != nil {
		return fmt.Errorf("decode link: %w", err)
	}
	return nil
}

var errLinkGone = &Error{Code: NotFound, Message: "This link has been used already, or its time is over. Ask for a new one."}

// makeLink keeps a new link and returns its token. Older ones of the same kind
// for the same person or address end.
func (in *Install) makeLink(ctx context.Context, tx pgx.Tx, kind LinkKind, user *uuid.UUID, email string, life time.Duration, data any) (string, error) {
	if _, err := tx.Exec(ctx, `update links set used_at = now() where kind = $1 and used_at is null
		and (user_id = $2 or user_id is null and $2::uuid is null and lower(email) = lower($3))`, kind, user, email); err != nil {
		return "", fmt.Errorf("end older links: %w", err)
	}
	return in.addLink(ctx, tx, kind, user, email, life, data)
}

// addLink is makeLink beside which the older ones stay.
func (in *Install) addLink(ctx context.Context, tx pgx.Tx, kind LinkKind, user *uuid.UUID, email string, life time.Duration, data any) (string, error) {
	kept, err := json.Marshal(data)
	if err != nil {
		return "", fmt.Errorf("encode link: %w", err)
	}
	if data == nil {
		kept = []byte("{}")
	}
	token := NewToken()
	if _, err := tx.Exec(ctx, `insert into links (id, kind, user_id, email, data, expires_at) values ($1, $2, $3, $4, $5, now() + $6::interval)`,
		tokenHash(token), kind, user, email, kept, life); err != nil {
		return "", fmt.Errorf("keep link: %w", err)
	}
	return token, nil
}

// readLink returns the link with that token, if it still opens something.
func (in *Install) readLink(ctx context.Context, tx pgx.Tx, kind LinkKind, token string) (*Link, error) {
	return in.link(ctx, tx, kind, token, `select user_id, email, expires_at, data from links
		where id = $1 and kind = $2 and used_at is null and expires_at > now()`)
}

// useLink is readLink for the one time that the link opens something.
func (in *Install) useLink(ctx context.Context, tx pgx.Tx, kind LinkKind, token string) (*Link, error) {
	return in.link(ctx, tx, kind, token, `update links set used_at = now()
		where id = $1 and kind = $2 and used_at is null and expires_at > now() returning user_id, email, expires_at, data`)
}

func (in *Install) link(ctx context.Context, tx pgx.Tx, kind LinkKind, token, query string) (*Link, error) {
	if len(token) != tokenLength {
		return nil, errLinkGone
	}
	l := &Link{Kind: kind}
	err := tx.QueryRow(ctx, query, tokenHash(token), kind).Scan(&l.User, &l.Email, &l.ExpiresAt, &l.data)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errLinkGone
	}
	if err != nil {
		return nil, fmt.Errorf("find link: %w", err)
	}
	return l, nil
}
