package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/allin-platform/allin/internal/egress"
	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/models"
	words "github.com/allin-platform/allin/views/mail"
)

const (
	mailQueue   = "mail"
	mailWorkers = 8
	// mailTime bounds one mail, within the lease of its claim.
	mailTime = 90 * time.Second
)

// mailWorker sends one mail: claim, write, send, write how it went.
type mailWorker struct {
	river.WorkerDefaults[models.MailArgs]
	in  *models.Install
	log *slog.Logger
	now func() time.Time

	guarded mail.Outside // where the console names the server: public addresses
	free    mail.Outside // where the environment does
}

func newMailWorker(in *models.Install, o Options, log *slog.Logger) *mailWorker {
	guard := o.Guard
	if guard == nil {
		guard = egress.New(egress.Options{})
	}
	api := guard.API(mailTime)
	return &mailWorker{in: in, log: log, now: o.Now,
		guarded: mail.Outside{HTTP: api, Dial: guard.Dial},
		free:    mail.Outside{HTTP: api, Dial: (&net.Dialer{Timeout: 10 * time.Second}).DialContext}}
}

// Timeout bounds the job.
func (w *mailWorker) Timeout(*river.Job[models.MailArgs]) time.Duration { return mailTime }

// Work sends the mail, if it is still to be sent.
func (w *mailWorker) Work(ctx context.Context, job *river.Job[models.MailArgs]) error {
	set, err := w.in.MailSettings(ctx)
	if err != nil {
		return err
	}
	m, err := w.in.ClaimMail(ctx, job.Args.Mail)
	if err != nil || m == nil {
		return err
	}
	if err := w.finish(ctx, m, set); !errors.Is(err, models.ErrStale) {
		return err
	}
	return nil
}

// finish brings a claimed mail to an outcome. What is logged names the mail
// and its kind, never whom it goes to or what it says.
func (w *mailWorker) finish(ctx context.Context, m *models.MailClaim, set models.MailSettings) error {
	if m.Spent() {
		return m.Fail(ctx, "It was begun too often and never brought to an end.")
	}
	message, err := words.Render(m.Kind, m.Content)
	if errors.Is(err, words.ErrUnknown) {
		return m.Retry(ctx, "This version of AllIN cannot write this kind of mail; another one posted it.")
	}
	if err != nil {
		w.log.Error("write mail", "mail", m.ID, "kind", m.Kind, "error", err)
		return m.Fail(ctx, "It could not be written. The log says more.")
	}
	outside := w.guarded
	if set.WaySet {
		outside = w.free
	}
	sender, err := outside.Sender(set.Settings)
	if err != nil {
		return m.Retry(ctx, "The mail settings cannot be used: "+err.Error()+".")
	}
	if sender == nil {
		return m.Keep(ctx)
	}
	from, err := mail.ParseAddress(set.From)
	if err != nil {
		return m.Retry(ctx, "The sender in the mail settings is no address.")
	}
	err = sender.Send(ctx, mail.Message{ID: m.ID.String(), From: from, To: mail.Address{Name: m.Name, Email: m.Email},
		Subject: message.Subject, HTML: message.HTML, Text: message.Text, Unsubscribe: message.Unsubscribe, Date: w.now()})
	return w.settle(ctx, m, err)
}

// settle writes how the send went. It does so even when the job's time is over.
func (w *mailWorker) settle(ctx context.Context, m *models.MailClaim, sent error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if sent == nil {
		return m.Sent(ctx)
	}
	reason, permanent := "It could not be sent.", false
	var e *mail.Error
	if errors.As(sent, &e) {
		reason, permanent = e.Message, e.Permanent
	}
	w.log.Warn("mail not sent", "mail", m.ID, "kind", m.Kind, "try", m.Tries, "permanent", permanent)
	if permanent {
		return m.Fail(ctx, reason)
	}
	return m.Retry(ctx, reason)
}

// insertMails puts a job for each mail into the queue.
func (q *Queue) insertMails(ctx context.Context, tx pgx.Tx, due []models.MailArgs) error {
	params := make([]river.InsertManyParams, len(due))
	for i, d := range due {
		params[i] = river.InsertManyParams{Args: d, InsertOpts: &river.InsertOpts{Queue: mailQueue}}
	}
	if _, err := q.client.InsertManyFastTx(ctx, tx, params); err != nil {
		return fmt.Errorf("insert mail jobs: %w", err)
	}
	return nil
}
