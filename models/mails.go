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

// MailState is how far a mail has come.
type MailState string

// The states of mails.
const (
	MailWaiting MailState = "waiting" // for its first or its next try
	MailSending MailState = "sending" // a worker has it in hand
	MailSent    MailState = "sent"    // the mail server took it
	MailKept    MailState = "kept"    // no way to send mail is set: it is read in the console
	MailFailed  MailState = "failed"  // refused, or tried too often
)

// MailStates lists all of them.
var MailStates = []MailState{MailWaiting, MailSending, MailSent, MailKept, MailFailed}

const (
	// mailLease is how long a worker has for one mail. A send is given up
	// after a minute, so that nobody else takes the mail meanwhile.
	mailLease = 2 * time.Minute
	// mailTries is how often a mail is tried; with the pauses between, about
	// eight hours pass.
	mailTries = 10
	// keepMails is how long the console shows what was sent or not sent.
	keepMails = 30 * 24 * time.Hour
)

// mailPause is how long a mail waits after so many tries: 1, 2, 4 … minutes.
func mailPause(tries int) time.Duration {
	return min(time.Minute<<min(max(tries, 1)-1, 16), 6*time.Hour)
}

// EnqueueMails calls enqueue with up to limit mails that are due, in the
// transaction that marks them, and returns how many there were. A mail that
// lay in a restored database may have been sent before: it waits for the
// release of the hold, while newer ones leave.
func (in *Install) EnqueueMails(ctx context.Context, limit int, enqueue func(ctx context.Context, tx pgx.Tx, due []MailArgs) error) (int, error) {
	var due []MailArgs
	err := in.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			update mails set enqueued_at = now() where id in (
				select id from mails
				where next_at <= now() and (enqueued_at is null or greatest(enqueued_at, next_at) < now() - $2::interval)
					and not exists (select 1 from installation where held_at > mails.created_at)
				order by next_at limit $1 for update skip locked)
			returning id`, limit, staleJob)
		if err != nil {
			return err
		}
		if due, err = pgx.CollectRows(rows, pgx.RowToStructByPos[MailArgs]); err != nil || len(due) == 0 {
			return err
		}
		return enqueue(ctx, tx, due)
	})
	if err != nil {
		return 0, fmt.Errorf("enqueue mails: %w", err)
	}
	return len(due), nil
}

// MailClaim is one mail in the hands of one worker. Whoever writes under an
// older claim writes nothing.
//
// A mail is sent at least once: a worker that dies after the mail server took
// the mail and before Sent was written leaves it to another, which sends it a
// second time, under the same Message-ID. No mail is lost on the way.
type MailClaim struct {
	in    *Install
	fence int

	ID      uuid.UUID
	Tries   int // this one included
	Kind    string
	Name    string
	Email   string
	Content []byte // the letter, as views/mail reads it
}

// ClaimMail takes the mail, if it is due and nobody has it in hand; else it
// returns nil.
func (in *Install) ClaimMail(ctx context.Context, id uuid.UUID) (*MailClaim, error) {
	c := &MailClaim{in: in, ID: id}
	var sealed []byte
	err := in.system(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			update mails set state = 'sending', fence = fence + 1, tries = tries + 1, enqueued_at = null,
				lease_until = now() + $2::interval, next_at = now() + $2::interval
			where id = $1 and state in ('waiting', 'sending') and next_at <= now()
			returning fence, tries, kind, sealed`, id, mailLease).Scan(&c.fence, &c.Tries, &c.Kind, &sealed)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("claim mail: %w", err)
	}
	m, err := in.openMail(id, sealed)
	if err != nil {
		return nil, errors.Join(err, c.Fail(ctx, "The mail cannot be opened: the key that sealed it is not in the key file."))
	}
	c.Name, c.Email, c.Content = m.Name, m.Email, m.Letter
	return c, nil
}

func (s *Store) openMail(id uuid.UUID, sealed []byte) (sealedMail, error) {
	var m sealedMail
	plain, err := s.box.Unseal(sealed, mailAD(id))
	if err == nil {
		err = json.Unmarshal(plain, &m)
	}
	if err != nil {
		return m, fmt.Errorf("open mail %s: %w", id, err)
	}
	return m, nil
}

// Sent writes that the mail server took the mail.
func (c *MailClaim) Sent(ctx context.Context) error {
	return c.end(ctx, MailSent, nil, "")
}

// Keep writes that the mail stays here, to be read in the console.
func (c *MailClaim) Keep(ctx context.Context) error {
	return c.end(ctx, MailKept, nil, "")
}

// Fail writes that the mail is not tried any more. reason is for those who
// look after the installation.
func (c *MailClaim) Fail(ctx context.Context, reason string) error {
	return c.end(ctx, MailFailed, nil, reason)
}

// Retry lets the mail wait for its next try, or fail when it had its last.
func (c *MailClaim) Retry(ctx context.Context, reason string) error {
	if c.Tries >= mailTries {
		return c.Fail(ctx, reason)
	}
	pause := mailPause(c.Tries)
	return c.end(ctx, MailWaiting, &pause, reason)
}

// Spent reports whether the mail has been claimed too often: workers die of it.
func (c *MailClaim) Spent() bool { return c.Tries > mailTries }

func (c *MailClaim) end(ctx context.Context, state MailState, after *time.Duration, reason string) error {
	var one int
	err := c.in.system(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			update mails set state = $3, next_at = now() + $4::interval, lease_until = null, enqueued_at = null, error = $5,
				sent_at = case when $3 = 'sent' then now() end
			where id = $1 and fence = $2 and state = 'sending' returning 1`, c.ID, c.fence, state, after, reason).Scan(&one)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrStale
	}
	return wrapEnd(err)
}
