package jobs_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/egress"
	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/internal/mail/maildev"
	"github.com/allin-platform/allin/internal/pgtest"
	"github.com/allin-platform/allin/jobs"
	"github.com/allin-platform/allin/models"
)

// sql runs a statement that no policy binds.
func (w *world) sql(statement string) {
	w.t.Helper()
	c, err := pgx.Connect(w.t.Context(), pgtest.Superuser(w.dsn))
	w.ok(err)
	defer c.Close(context.Background())
	_, err = c.Exec(w.t.Context(), statement)
	w.ok(err)
}

// console is Ann's, who looks after the installation.
func (w *world) console() *models.Console {
	w.t.Helper()
	w.sql(`update users set platform_role = 'SUPER_ADMIN', email_verified_at = now()`)
	p, err := w.store.Install("test").SignIn(w.t.Context(), "ann@example.com", "correct horse", "127.0.0.1")
	w.ok(err)
	c, err := p.Console(w.t.Context())
	w.ok(err)
	return c
}

// mailer is a process that may reach the given hosts of this machine, and
// what it logged.
func (w *world) mailer(private ...string) *log {
	w.t.Helper()
	store, db := w.open()
	p, err := store.Install("process").Join(w.t.Context(), "test")
	w.ok(err)
	l := &log{}
	logger := slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	q, err := jobs.NewQueue(db, store, p, logger, jobs.Options{Now: time.Now, Guard: egress.New(egress.Options{PrivateHosts: private})})
	w.ok(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.Keep(ctx) })
	running.Go(func() { _ = jobs.NewClock(store, q, logger).Run(ctx) })
	running.Go(func() { _ = q.Run(ctx) })
	w.t.Cleanup(func() {
		cancel()
		running.Wait()
		p.Leave(context.Background())
	})
	return l
}

// log keeps what was logged.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// entry waits until the mail is in the state.
func (w *world) entry(con *models.Console, id uuid.UUID, is func(models.MailEntry) bool) models.MailEntry {
	w.t.Helper()
	for waited := time.Duration(0); ; waited += 20 * time.Millisecond {
		e, err := con.MailEntry(w.t.Context(), id)
		w.ok(err)
		if is(e) {
			return e
		}
		if waited > 20*time.Second {
			w.t.Fatalf("the mail is %s: %s", e.State, e.Error)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func inState(s models.MailState) func(models.MailEntry) bool {
	return func(e models.MailEntry) bool { return e.State == s }
}

func (w *world) testMail(con *models.Console) uuid.UUID {
	w.t.Helper()
	id, err := con.SendTestMail(w.t.Context())
	w.ok(err)
	return id
}

func TestMailLeavesByTheServerThatTheConsoleNames(t *testing.T) {
	t.Parallel()
	dev := maildev.Start(t)
	w := newWorld(t, tuning{})
	con := w.console()
	logged := w.mailer(fmt.Sprintf("127.0.0.1:%d", dev.Port))

	// Nothing sends mail yet.
	kept := w.testMail(con)
	w.entry(con, kept, inState(models.MailKept))

	server := mail.SMTP{Host: "127.0.0.1", Port: dev.Port, Security: mail.None, User: maildev.User, Password: maildev.Password}
	w.ok(con.SendBySMTP(t.Context(), "AllIN <post@allin.example>", server))
	began := time.Now()
	id := w.testMail(con)
	w.entry(con, id, inState(models.MailSent))
	t.Logf("sent after %s", time.Since(began))
	got := dev.Mails(1)[0]
	if got.Subject != "Mail from AllIN arrives" || got.To[0].Address != "ann@example.com" || !strings.Contains(got.Source, "Message-ID: <"+id.String()+"@allin.example>") {
		t.Errorf("%s to %v", got.Subject, got.To)
	}
	if !strings.Contains(got.HTML, "test mail that you asked for") || !strings.Contains(got.Text, "test mail that you asked for") {
		t.Errorf("text %q", got.Text)
	}

	// A notification carries what ends it with one click.
	w.sql(`insert into notifications (organization_id, user_id, kind, title, body, mail)
		select organization_id, user_id, 'delivery.failed', 'Not sent to X', 'Geheimer Text', true from memberships`)
	got = dev.Mails(2)[1]
	if got.Subject != "Not sent to X" || !strings.Contains(got.Source, "List-Unsubscribe-Post: List-Unsubscribe=One-Click") {
		t.Errorf("%s", got.Source)
	}

	// Killed after the server took it: it goes out again, known by its id.
	w.sql(`update mails set state = 'sending', next_at = now(), lease_until = now(), sent_at = null where id = '` + id.String() + `'`)
	again := dev.Mails(3)[2]
	if !strings.Contains(again.Source, "Message-ID: <"+id.String()+"@allin.example>") {
		t.Errorf("another mail: %s", again.Source)
	}
	w.entry(con, id, inState(models.MailSent))

	server.Password = "wrong"
	w.ok(con.SendBySMTP(t.Context(), "post@allin.example", server))
	e := w.entry(con, w.testMail(con), func(e models.MailEntry) bool { return e.Error != "" })
	if e.State != models.MailWaiting || !strings.Contains(e.Error, "sign in") {
		t.Errorf("%s: %s", e.State, e.Error)
	}
	for _, secret := range []string{"ann@example.com", "Geheimer", "test mail that", maildev.Password, "unsubscribe/"} {
		if strings.Contains(logged.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// A server that the console names must be a public one.
func TestTheConsoleReachesNoPrivateServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	called := make(chan struct{}, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Close()
			called <- struct{}{}
		}
	}()
	w := newWorld(t, tuning{})
	con := w.console()
	w.mailer()
	w.ok(con.SendBySMTP(t.Context(), "post@allin.example", mail.SMTP{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: mail.None}))
	e := w.entry(con, w.testMail(con), func(e models.MailEntry) bool { return e.Error != "" })
	if !strings.Contains(e.Error, "no public address") {
		t.Errorf("%s: %s", e.State, e.Error)
	}
	select {
	case <-called:
		t.Error("it was called")
	default:
	}
}

// What the environment names is stronger than the console, and may be anywhere.
func TestTheEnvironmentIsStronger(t *testing.T) {
	t.Parallel()
	dev := maildev.Start(t)
	w := newWorld(t, tuning{})
	con := w.console()
	w.ok(con.SendByMailgun(t.Context(), "console@allin.example", mail.Mailgun{Domain: "mg.example.com", Key: "key", API: mail.MailgunEU}))
	w.mail = mail.Settings{From: "AllIN <env@allin.example>",
		SMTP: mail.SMTP{Host: "127.0.0.1", Port: dev.Port, Security: mail.None, User: maildev.User, Password: maildev.Password}.String()}
	w.store, _ = w.open()
	con = w.console()
	w.mailer()
	w.entry(con, w.testMail(con), inState(models.MailSent))
	if got := dev.Mails(1)[0]; got.From[0].Address != "env@allin.example" {
		t.Errorf("from %v", got.From)
	}
	if setup, err := con.MailSetup(t.Context()); err != nil || !setup.WaySet || !setup.FromSet || setup.Way != mail.BySMTP || setup.SMTP.Password != "" {
		t.Errorf("%+v, %v", setup, err)
	}
	if err := con.KeepMails(t.Context()); models.CodeOf(err) != models.Conflict {
		t.Errorf("the console changed it: %v", err)
	}
}

func TestMailgunRefusesForGood(t *testing.T) {
	t.Parallel()
	status, answer := 200, `{"id":"1","message":"Queued. Thank you."}`
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		rw.WriteHeader(status)
		fmt.Fprint(rw, answer)
	}))
	defer server.Close()
	w := newWorld(t, tuning{})
	con := w.console()
	w.mailer(strings.TrimPrefix(server.URL, "http://"))
	w.ok(con.SendByMailgun(t.Context(), "post@allin.example", mail.Mailgun{Domain: "mg.example.com", Key: "key", API: server.URL}))
	w.entry(con, w.testMail(con), inState(models.MailSent))
	mu.Lock()
	status, answer = 400, `{"message":"'to' parameter is not a valid address"}`
	mu.Unlock()
	if e := w.entry(con, w.testMail(con), inState(models.MailFailed)); e.Tries != 1 {
		t.Errorf("failed after %d tries", e.Tries)
	}
	mu.Lock()
	status, answer = 503, `later`
	mu.Unlock()
	if e := w.entry(con, w.testMail(con), func(e models.MailEntry) bool { return e.Error != "" }); e.State != models.MailWaiting || e.NextAt == nil {
		t.Errorf("%s: %s", e.State, e.Error)
	}
}
