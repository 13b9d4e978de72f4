package models_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/models"
)

// promote gives the organization's owner that platform role.
func (w *world) promote(ws *models.Workspace, role models.PlatformRole) *models.Console {
	w.t.Helper()
	super(w.t, w.dsn, `update users set platform_role = '`+string(role)+`' where id = '`+ws.Member.ID.String()+`'`)
	return w.consoleOf(ws.Member.Email)
}

// due lists the mails that the clock would put into the queue now.
func (w *world) due() (ids []uuid.UUID) {
	w.t.Helper()
	_, err := w.Install("clock").EnqueueMails(w.t.Context(), 100, func(_ context.Context, _ pgx.Tx, due []models.MailArgs) error {
		for _, d := range due {
			ids = append(ids, d.Mail)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return ids
}

func TestMailsAreClaimedOnceAndTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	con := w.promote(w.organization("Acme"), models.SuperAdmin)
	in, ctx := w.Install("mail"), t.Context()
	id, err := con.SendTestMail(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if due := w.due(); !slices.Equal(due, []uuid.UUID{id}) {
		t.Fatalf("due: %v", due)
	}
	if due := w.due(); len(due) != 0 {
		t.Errorf("put in twice: %v", due)
	}
	m, err := in.ClaimMail(ctx, id)
	if err != nil || m == nil {
		t.Fatalf("%v, %v", m, err)
	}
	if m.Kind != "test" || m.Email != "acme@example.com" || !strings.Contains(string(m.Content), "/console/mail") {
		t.Errorf("claimed %s for %s with %s", m.Kind, m.Email, m.Content)
	}
	if other, err := in.ClaimMail(ctx, id); err != nil || other != nil {
		t.Errorf("claimed twice: %v, %v", other, err)
	}

	// The worker dies: its lease ends, another takes the mail, and what the
	// first still has to say counts for nothing.
	super(t, w.dsn, `update mails set lease_until = now(), next_at = now()`)
	if due := w.due(); len(due) != 1 {
		t.Fatalf("a dead worker's mail is not due: %v", due)
	}
	second, err := in.ClaimMail(ctx, id)
	if err != nil || second == nil || second.Tries != 2 {
		t.Fatalf("%+v, %v", second, err)
	}
	if err := m.Sent(ctx); !errors.Is(err, models.ErrStale) {
		t.Errorf("the dead worker's word: %v", err)
	}
	if err := second.Retry(ctx, "busy"); err != nil {
		t.Fatal(err)
	}
	entry, err := con.MailEntry(ctx, id)
	if err != nil || entry.State != models.MailWaiting || entry.Error != "busy" {
		t.Fatalf("%+v, %v", entry, err)
	}
	if wait := time.Until(*entry.NextAt); wait < 115*time.Second || wait > 121*time.Second {
		t.Errorf("the second pause is %s", wait)
	}
	if due := w.due(); len(due) != 0 {
		t.Errorf("tried before its time: %v", due)
	}
	w.exhaust(id, con)
}

// exhaust tries the mail until it has failed.
func (w *world) exhaust(id uuid.UUID, con *models.Console) {
	t, ctx := w.t, w.t.Context()
	for try := 3; try <= 10; try++ {
		super(t, w.dsn, `update mails set next_at = now()`)
		m, err := w.Install("mail").ClaimMail(ctx, id)
		if err != nil || m == nil || m.Tries != try {
			t.Fatalf("try %d: %+v, %v", try, m, err)
		}
		if err := m.Retry(ctx, "still busy"); err != nil {
			t.Fatal(err)
		}
	}
	entry, err := con.MailEntry(ctx, id)
	if err != nil || entry.State != models.MailFailed || entry.NextAt != nil {
		t.Fatalf("after ten tries: %+v, %v", entry, err)
	}
	if code := models.CodeOf(con.RetryMail(ctx, id)); code != models.Conflict {
		t.Errorf("sent again though nothing sends: %s", code)
	}
	if err := con.SendBySMTP(ctx, "post@allin.example", mail.SMTP{Host: "smtp.example.com", Port: 465, Security: mail.TLS, User: "u", Password: "p"}); err != nil {
		t.Fatal(err)
	}
	if err := con.RetryMail(ctx, id); err != nil {
		t.Fatal(err)
	}
	if due := w.due(); len(due) != 1 {
		t.Errorf("not due after a retry by hand: %v", due)
	}
}

func TestHoldKeepsOldMailsBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	con := w.promote(w.organization("Acme"), models.SuperAdmin)
	if _, err := con.SendTestMail(t.Context()); err != nil {
		t.Fatal(err)
	}
	super(t, w.dsn, `update installation set held_at = now()`)
	fresh, err := con.SendTestMail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if due := w.due(); !slices.Equal(due, []uuid.UUID{fresh}) {
		t.Errorf("on hold, due are %v, want %v", due, fresh)
	}
}

func TestMailSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	con := w.promote(w.organization("Acme"), models.SuperAdmin)
	ctx := t.Context()
	server := mail.SMTP{Host: "smtp.example.com", Port: 465, Security: mail.TLS, User: "ann", Password: "geheim"}
	if err := con.SendBySMTP(ctx, "AllIN <post@allin.example>", server); err != nil {
		t.Fatal(err)
	}
	setup, err := con.MailSetup(ctx)
	if err != nil || setup.SMTP.Password != "" || !setup.HasSecret || setup.Way != mail.BySMTP || setup.WaySet {
		t.Errorf("%+v, %v", setup, err)
	}
	keep, elsewhere := server, server
	keep.Password, elsewhere.Password = "", ""
	elsewhere.Host = "evil.example.com"
	if err := con.SendBySMTP(ctx, "post@allin.example", keep); err != nil {
		t.Errorf("the password is not kept: %v", err)
	}
	if set, err := w.Install("test").MailSettings(ctx); err != nil || !strings.Contains(set.SMTP, "geheim") {
		t.Errorf("the password is gone, %v", err)
	}
	for name, err := range map[string]error{
		"the kept password at another server": con.SendBySMTP(ctx, "post@allin.example", elsewhere),
		"a password in the clear":             con.SendBySMTP(ctx, "post@allin.example", mail.SMTP{Host: "smtp.example.com", Port: 25, Security: mail.None, User: "a", Password: "b"}),
		"no sender":                           con.SendBySMTP(ctx, "nobody", server),
		"two senders":                         con.SendBySMTP(ctx, "a@b.example\r\nBcc: c@d.example", server),
		"no port":                             con.SendBySMTP(ctx, "post@allin.example", mail.SMTP{Host: "smtp.example.com"}),
		"no key":                              con.SendByMailgun(ctx, "post@allin.example", mail.Mailgun{Domain: "mg.example.com", API: mail.MailgunUS}),
	} {
		if models.CodeOf(err) != models.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	var text string
	super(t, w.dsn, `select coalesce(string_agg(details::text, ' '), '') from audit`, &text)
	if !strings.Contains(text, "smtp.example.com") || strings.Contains(text, "geheim") {
		t.Errorf("the audit log says %s", text)
	}
}

func TestOnlySuperAdminsOpenMails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, clerk := w.promote(w.organization("Acme"), models.SuperAdmin), w.promote(w.organization("Clerk"), models.PlatformAdmin)
	ctx := t.Context()
	id, err := boss.SendTestMail(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if page, err := clerk.Outbox(ctx, models.OutboxFilter{}, "", 10); err != nil || len(page.Mails) != 1 || page.Mails[0].Email != "acme@example.com" {
		t.Errorf("an admin's outbox: %+v, %v", page, err)
	}
	for name, err := range map[string]error{
		"open":     third(clerk.OpenMail(ctx, id)),
		"retry":    clerk.RetryMail(ctx, id),
		"test":     second(clerk.SendTestMail(ctx)),
		"settings": clerk.KeepMails(ctx),
	} {
		if models.CodeOf(err) != models.Forbidden {
			t.Errorf("%s by an admin: %v", name, err)
		}
	}
	for range 2 {
		if _, content, err := boss.OpenMail(ctx, id); err != nil || content == nil {
			t.Errorf("%s, %v", content, err)
		}
	}
	var n int
	super(t, w.dsn, `select count(*) from audit where act = 'mail.opened'`, &n)
	if n != 1 {
		t.Errorf("%d entries tell of the look", n)
	}
	for search, want := range map[string]int{"ACME@": 1, "nobody": 0} {
		if page, err := boss.Outbox(ctx, models.OutboxFilter{Search: search}, "", 10); err != nil || len(page.Mails) != want {
			t.Errorf("search for %q: %d, %v", search, len(page.Mails), err)
		}
	}
}

func third[T, U any](_ T, _ U, err error) error { return err }

func TestOutboxPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	con := w.promote(w.organization("Acme"), models.SuperAdmin)
	for range 7 {
		if _, err := con.SendTestMail(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var seen []uuid.UUID
	after := ""
	for range 4 {
		page, err := con.Outbox(t.Context(), models.OutboxFilter{State: models.MailWaiting}, after, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Mails {
			seen = append(seen, m.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	slices.SortFunc(seen, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	if len(slices.Compact(seen)) != 7 || after != "" {
		t.Errorf("%d mails on all pages, next %q", len(seen), after)
	}
}
