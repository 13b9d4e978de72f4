package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/mail"
)

// TestLetter shows that mail arrives.
type TestLetter struct {
	Name string `json:"name"` // of who asked for it
	Href string `json:"href"` // of the outbox
}

// Kind names the letter.
func (TestLetter) Kind() string { return "test" }

// MailEntry is a mail as the console lists it.
type MailEntry struct {
	ID        uuid.UUID
	Kind      string
	State     MailState
	Name      string
	Email     string
	Tries     int
	Error     string
	CreatedAt time.Time
	NextAt    *time.Time // of the next try
	SentAt    *time.Time
}

// Resendable mails leave again by hand only.
func (m MailEntry) Resendable() bool { return m.State == MailFailed || m.State == MailKept }

// OutboxFilter says which mails are wanted.
type OutboxFilter struct {
	State  MailState // "": any
	Search string    // in name and address
}

// OutboxPage is a piece of the outbox, newest first.
type OutboxPage struct {
	Mails []MailEntry
	Next  string // where the following page begins; "" at the end
}

// outboxRead bounds how many mails one search opens: addresses lie sealed.
const outboxRead = 5000

const selectMails = `select id, kind, state, tries, error, created_at, next_at, sent_at, sealed from mails`

// Outbox lists mails from the one named after on.
func (c *Console) Outbox(ctx context.Context, f OutboxFilter, after string, limit int) (OutboxPage, error) {
	var page OutboxPage
	if err := c.demand(ReadInstallation); err != nil {
		return page, err
	}
	cursor, err := uuid.Parse(after)
	if err != nil {
		cursor = uuid.Max
	}
	search, most := strings.ToLower(strings.TrimSpace(f.Search)), outboxRead
	if search == "" {
		most = limit + 1
	}
	err = c.store.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, selectMails+` where ($1 = '' or state = $1) and ($2 = 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
				or (created_at, id) < (select created_at, id from mails where id = $2))
			order by created_at desc, id desc limit $3`, string(f.State), cursor, most)
		if err != nil {
			return err
		}
		defer rows.Close()
		read := 0
		for rows.Next() {
			m, _, err := c.store.scanMail(rows)
			if err != nil {
				return err
			}
			if len(page.Mails) == limit {
				page.Next = page.Mails[limit-1].ID.String()
				return nil
			}
			if search == "" || strings.Contains(strings.ToLower(m.Name+" "+m.Email), search) {
				page.Mails = append(page.Mails, m)
			}
			if read++; read == outboxRead {
				page.Next = m.ID.String()
			}
		}
		return rows.Err()
	})
	if err != nil {
		return page, fmt.Errorf("list mails: %w", err)
	}
	return page, nil
}

// scanMail reads a row of selectMails, and the letter in it. One whose key is
// gone shows no address.
func (s *Store) scanMail(row pgx.Row) (m MailEntry, content []byte, err error) {
	var sealed []byte
	if err := row.Scan(&m.ID, &m.Kind, &m.State, &m.Tries, &m.Error, &m.CreatedAt, &m.NextAt, &m.SentAt, &sealed); err != nil {
		return m, nil, err
	}
	if opened, err := s.openMail(m.ID, sealed); err == nil {
		m.Name, m.Email, content = opened.Name, opened.Email, opened.Letter
	}
	return m, content, nil
}

// MailEntry is how far a mail has come.
func (c *Console) MailEntry(ctx context.Context, id uuid.UUID) (MailEntry, error) {
	if err := c.demand(ReadInstallation); err != nil {
		return MailEntry{}, err
	}
	m, _, err := c.mail(ctx, id)
	return m, err
}

func (c *Console) mail(ctx context.Context, id uuid.UUID) (m MailEntry, content []byte, err error) {
	err = c.store.system(ctx, func(tx pgx.Tx) error {
		m, content, err = c.store.scanMail(tx.QueryRow(ctx, selectMails+` where id = $1`, id))
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return m, nil, notFound("mail")
	}
	if err != nil {
		return m, nil, fmt.Errorf("find mail: %w", err)
	}
	return m, content, nil
}

// OpenMail reads what a mail says. Mails carry links that sign people in, so
// only those who may change the installation open one, and the audit log
// tells, once for each few minutes that one looks.
func (c *Console) OpenMail(ctx context.Context, id uuid.UUID) (MailEntry, []byte, error) {
	if err := c.demand(ChangeInstallation); err != nil {
		return MailEntry{}, nil, err
	}
	m, content, err := c.mail(ctx, id)
	if err != nil {
		return m, nil, err
	}
	err = c.store.system(ctx, func(tx pgx.Tx) error {
		object := "mail " + id.String()
		var told bool
		if err := tx.QueryRow(ctx, `select exists (select from audit where chain = $1 and act = 'mail.opened' and object = $2 and actor_id = $3
			and at > now() - interval '5 minutes')`, uuid.Nil, object, c.Admin.ID).Scan(&told); err != nil || told {
			return err
		}
		return c.audit(ctx, tx, "mail.opened", object, map[string]any{"kind": m.Kind})
	})
	if err != nil {
		return m, nil, fmt.Errorf("open mail: %w", err)
	}
	return m, content, nil
}

// RetryMail lets a mail that failed or was kept leave after all.
func (c *Console) RetryMail(ctx context.Context, id uuid.UUID) error {
	if err := c.demand(ChangeInstallation); err != nil {
		return err
	}
	m, _, err := c.mail(ctx, id)
	if err != nil {
		return err
	}
	if !m.Resendable() {
		return conflict("This mail is not waiting for anybody: it was sent, or is on its way.")
	}
	err = c.store.system(ctx, func(tx pgx.Tx) error {
		set, err := c.store.mailSettings(ctx, tx)
		if err != nil {
			return err
		}
		if set.Way() == mail.Kept {
			return conflict("Nothing sends mail yet. Set a mail server or Mailgun first.")
		}
		tag, err := tx.Exec(ctx, `update mails set state = 'waiting', tries = 0, next_at = now(), enqueued_at = null, error = ''
			where id = $1 and state in ('failed', 'kept')`, id)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return c.audit(ctx, tx, "mail.retried", "mail "+id.String(), map[string]any{"kind": m.Kind})
	})
	if err == nil {
		c.store.wakeClock()
	}
	return err
}

// SendTestMail posts a mail to the admin, to see whether it arrives, and
// returns its id.
func (c *Console) SendTestMail(ctx context.Context) (uuid.UUID, error) {
	if err := c.demand(ChangeInstallation); err != nil {
		return uuid.Nil, err
	}
	id := newID()
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		if err := c.store.postAs(ctx, tx, id, Addressee{Name: c.Admin.Name, Email: c.Admin.Email, User: &c.Admin.ID},
			TestLetter{Name: c.Admin.Name, Href: c.store.address("/console/mail")}); err != nil {
			return err
		}
		return c.audit(ctx, tx, "mail.tested", "mail "+id.String(), nil)
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("send a test mail: %w", err)
	}
	return id, nil
}
