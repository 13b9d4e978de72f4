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
)

// challengeKind is what a browser has begun to prove.
type challengeKind string

// The kinds of challenges.
const (
	factorChallenge   challengeKind = "factor"   // who it is was shown once; the second factor is asked
	passkeyChallenge  challengeKind = "passkey"  // an authenticator was asked to sign
	providerChallenge challengeKind = "provider" // the person was sent to a provider to sign in there
	linkChallenge     challengeKind = "link"     // an identity waits for the proof of the account it is to belong to
	joinChallenge     challengeKind = "join"     // an identity waits for what a new account needs
)

// challengeLife is how long a proof may take.
const challengeLife = 10 * time.Minute

var errChallengeGone = &Error{Code: NotFound, Message: "This sign-in was not begun in this browser, is done already, or took longer than ten minutes. Start again."}

// challenge is a proof that was begun.
type challenge struct {
	kind    challengeKind
	browser string     // token of a cookie, where what travels comes back by way of others
	user    *uuid.UUID // whose it is, once that is known
}

func challengeAD(id []byte) []byte { return seal.At("challenges", "sealed", "", fmt.Sprintf("%x", id)) }

// begin keeps what the server has to know when the proof comes, for ten
// minutes, and returns the token that travels.
func (s *Store) begin(ctx context.Context, tx pgx.Tx, c challenge, data any) (string, error) {
	token := NewToken()
	return token, s.beginAs(ctx, tx, c, token, data)
}

// beginAs is begin with a token that is made already.
func (s *Store) beginAs(ctx context.Context, tx pgx.Tx, c challenge, token string, data any) error {
	plain, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode challenge: %w", err)
	}
	id := tokenHash(token)
	if _, err := tx.Exec(ctx, `insert into challenges (id, kind, browser, user_id, sealed, expires_at) values ($1, $2, $3, $4, $5, now() + $6::interval)`,
		id, c.kind, tokenHash(c.browser), c.user, s.box.Seal(plain, challengeAD(id)), challengeLife); err != nil {
		return fmt.Errorf("keep challenge: %w", err)
	}
	return nil
}

// look reads a challenge without using it up, and holds it until the
// transaction ends: of two answers at once, one is looked at first.
func (s *Store) look(ctx context.Context, tx pgx.Tx, c *challenge, token string, data any) error {
	return s.challenge(ctx, tx, c, token, data, `select user_id, sealed from challenges
		where id = $1 and kind = $2 and browser = $3 and expires_at > now() for update`)
}

// take is look for the one time that a challenge is good.
func (s *Store) take(ctx context.Context, tx pgx.Tx, c *challenge, token string, data any) error {
	return s.challenge(ctx, tx, c, token, data, `delete from challenges
		where id = $1 and kind = $2 and browser = $3 and expires_at > now() returning user_id, sealed`)
}

func (s *Store) challenge(ctx context.Context, tx pgx.Tx, c *challenge, token string, data any, query string) error {
	if len(token) != tokenLength {
		return errChallengeGone
	}
	id := tokenHash(token)
	var sealed []byte
	err := tx.QueryRow(ctx, query, id, c.kind, tokenHash(c.browser)).Scan(&c.user, &sealed)
	if errors.Is(err, pgx.ErrNoRows) {
		return errChallengeGone
	}
	if err != nil {
		return fmt.Errorf("find challenge: %w", err)
	}
	plain, err := s.box.Unseal(sealed, challengeAD(id))
	if err == nil {
		err = json.Unmarshal(plain, data)
	}
	if err != nil {
		return fmt.Errorf("open challenge: %w", err)
	}
	return nil
}

// account is a person as signing in looks at them.
type account struct {
	User
	passwordHash string
}

// account reads who has that id, unless they are suspended.
func (s *Store) account(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*account, error) {
	a := &account{}
	err := tx.QueryRow(ctx, `select id, email, name, time_zone, week_start, theme, platform_role, password_hash from users
		where id = $1 and suspended_at is null`, id).
		Scan(&a.ID, &a.Email, &a.Name, &a.TimeZone, &a.WeekStart, &a.Theme, &a.Platform, &a.passwordHash)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errChallengeGone
	}
	if err != nil {
		return nil, fmt.Errorf("find person: %w", err)
	}
	return a, nil
}

func (a *account) person(s *Store) *Person { return &Person{store: s, User: a.User} }
