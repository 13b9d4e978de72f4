package models

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/seal"
)

// Letter is what a mail says, before it is written: package views/mail makes
// words of it when it is sent. A letter is plain data.
type Letter interface {
	// Kind names the letter, such as "invitation". It never changes: mails
	// that wait are read by it.
	Kind() string
}

// Addressee is who a mail goes to.
type Addressee struct {
	Name         string
	Email        string
	User         *uuid.UUID // nil for somebody without an account
	Organization *uuid.UUID // the one that causes it; nil for none
}

// sealedMail is what lies sealed in a mail's row.
type sealedMail struct {
	Name   string          `json:"name"`
	Email  string          `json:"email"`
	Letter json.RawMessage `json:"letter"`
}

func mailAD(id uuid.UUID) []byte { return seal.At("mails", "sealed", "", id.String()) }

// post hands a letter to the mail, in the transaction that causes it: a
// worker sends it when that is committed. The clock is woken, so that the mail
// leaves at once; calls to it are gathered for longer than a commit takes.
func (s *Store) post(ctx context.Context, tx pgx.Tx, to Addressee, letter Letter) error {
	return s.postAs(ctx, tx, newID(), to, letter)
}

// postAs is post for somebody who wants to know what becomes of the mail.
func (s *Store) postAs(ctx context.Context, tx pgx.Tx, id uuid.UUID, to Addressee, letter Letter) error {
	content, err := json.Marshal(letter)
	if err != nil {
		return fmt.Errorf("encode letter: %w", err)
	}
	plain, err := json.Marshal(sealedMail{Name: to.Name, Email: to.Email, Letter: content})
	if err != nil {
		return fmt.Errorf("encode mail: %w", err)
	}
	if _, err := tx.Exec(ctx, `insert into mails (id, organization_id, user_id, kind, sealed) values ($1, $2, $3, $4, $5)`,
		id, to.Organization, to.User, letter.Kind(), s.box.Seal(plain, mailAD(id))); err != nil {
		return fmt.Errorf("post mail: %w", err)
	}
	s.wakeClock()
	return nil
}

// link is an address of ours, for mails: it is made from the configured
// origin and never from what a request calls the server.
func (s *Store) address(path string) string { return s.origin + path }
