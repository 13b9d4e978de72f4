package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// secret is a password with what breaks addresses and command lines.
const secret = "p@ss:w/rd 99%"

// post is a mail server on loopback that takes mail only over TLS and only
// from ann, and keeps it.
type post struct {
	mechanism string // by which one signs in
	mu        sync.Mutex
	signedIn  int
	from, to  string
	encrypted bool
	mails     []string
}

// open starts the server until the test ends. The pool holds who vouches for it.
func (p *post) open(t *testing.T, security Security) (SMTP, *x509.CertPool) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate, which is one for 127.0.0.1
	web.Close()
	config := &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &visit{post: p, conn: c}, nil }))
	server.Domain = "127.0.0.1"
	server.ErrorLog = log.New(io.Discard, "", 0)
	at := SMTP{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: security, User: "ann", Password: secret}
	switch security {
	case StartTLS:
		server.TLSConfig = config
	case TLS:
		l = tls.NewListener(l, config)
	}
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-done); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
			t.Error(err)
		}
	})
	pool := x509.NewCertPool()
	pool.AddCert(web.Certificate())
	return at, pool
}

// visit is one connection to the server.
type visit struct {
	post *post
	conn *smtp.Conn
	in   bool
}

func (v *visit) Reset()        {}
func (v *visit) Logout() error { return nil }

func (v *visit) AuthMechanisms() []string { return []string{v.post.mechanism} }

func (v *visit) Auth(string) (sasl.Server, error) {
	if v.post.mechanism == "LOGIN" {
		return &login{check: v.check}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return v.check(user, password) }), nil
}

func (v *visit) check(user, password string) error {
	if user != "ann" || password != secret {
		return smtp.ErrAuthFailed
	}
	v.in = true
	v.post.mu.Lock()
	defer v.post.mu.Unlock()
	v.post.signedIn++
	return nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if !v.in {
		return smtp.ErrAuthRequired
	}
	v.post.mu.Lock()
	defer v.post.mu.Unlock()
	v.post.from = from
	return nil
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.post.mu.Lock()
	defer v.post.mu.Unlock()
	v.post.to = to
	return nil
}

func (v *visit) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.post.mu.Lock()
	defer v.post.mu.Unlock()
	_, v.post.encrypted = v.conn.TLSConnectionState()
	v.post.mails = append(v.post.mails, string(mail))
	return nil
}

// login is the server's side of LOGIN: it asks for the name, then for the password.
type login struct {
	check func(user, password string) error
	asked int
	user  string
}

func (l *login) Next(said []byte) (challenge []byte, done bool, err error) {
	l.asked++
	switch l.asked {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(said)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(said))
}

func TestMailLeavesEncrypted(t *testing.T) {
	for _, security := range []Security{StartTLS, TLS} {
		for _, mechanism := range []string{"PLAIN", "LOGIN"} {
			t.Run(string(security)+" "+mechanism, func(t *testing.T) {
				t.Parallel()
				p := &post{mechanism: mechanism}
				server, pool := p.open(t, security)
				read, err := ParseSMTP(server.String()) // as it stands in the settings
				if err != nil {
					t.Fatal(err)
				}
				s := &smtpSender{server: read, dial: (&net.Dialer{}).DialContext, roots: pool}
				if err := s.Send(t.Context(), message()); err != nil {
					t.Fatal(err)
				}
				p.mu.Lock()
				defer p.mu.Unlock()
				if p.signedIn != 1 || p.from != "post@allin.example" || p.to != "ann@example.com" || len(p.mails) != 1 || !p.encrypted {
					t.Fatalf("%d sign-ins, from %q to %q, %d mails, encrypted %t", p.signedIn, p.from, p.to, len(p.mails), p.encrypted)
				}
				if got := unfold(p.mails[0]); strings.Count(strings.ToLower(got), "message-id: ") != 1 || !strings.Contains(got, "Message-ID: <0190aa@allin.example>") || !strings.Contains(got, "Content-Type: multipart/alternative") {
					t.Errorf("not our message:\n%s", got)
				}
			})
		}
	}
}

func TestWrongPassword(t *testing.T) {
	for _, security := range []Security{StartTLS, TLS} {
		for _, mechanism := range []string{"PLAIN", "LOGIN"} {
			t.Run(string(security)+" "+mechanism, func(t *testing.T) {
				t.Parallel()
				p := &post{mechanism: mechanism}
				server, pool := p.open(t, security)
				server.Password = "another: pass/word"
				s := &smtpSender{server: server, dial: (&net.Dialer{}).DialContext, roots: pool}
				temporary(t, s.Send(t.Context(), message()), server.Password, `127.0.0.1 does not let AllIN sign in: 535 "5.7.8 Authentication failed"`)
				if len(p.mails) != 0 {
					t.Error("a mail arrived")
				}
			})
		}
	}
	t.Run("no way to sign in", func(t *testing.T) {
		t.Parallel()
		p := &post{mechanism: "EXTERNAL"}
		server, pool := p.open(t, StartTLS)
		s := &smtpSender{server: server, dial: (&net.Dialer{}).DialContext, roots: pool}
		temporary(t, s.Send(t.Context(), message()), secret, "127.0.0.1 does not let AllIN sign in: it offers no way")
	})
}

func TestUntrustedCertificate(t *testing.T) {
	for _, security := range []Security{StartTLS, TLS} {
		t.Run(string(security), func(t *testing.T) {
			t.Parallel()
			p := &post{mechanism: "PLAIN"}
			server, pool := p.open(t, security)
			dial := (&net.Dialer{}).DialContext
			s := &smtpSender{server: server, dial: dial} // whom this machine trusts
			temporary(t, s.Send(t.Context(), message()), secret, "The certificate of 127.0.0.1 is not one to trust, so nothing was sent: ", "unknown authority")

			server.Host = "mail.allin.example" // which the certificate is not for
			s = &smtpSender{server: server, roots: pool, dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dial(ctx, network, net.JoinHostPort("127.0.0.1", strings.TrimPrefix(server.addr(), "mail.allin.example:")))
			}}
			temporary(t, s.Send(t.Context(), message()), secret, "The certificate of mail.allin.example is not one to trust", "not mail.allin.example")
			if p.signedIn != 0 || len(p.mails) != 0 {
				t.Errorf("%d sign-ins and %d mails", p.signedIn, len(p.mails))
			}
		})
	}
}

// A server that takes a connection and then says nothing, at each step before
// the message is there.
func TestHangingServer(t *testing.T) {
	for name, c := range map[string]struct {
		security Security
		answers  map[string]string
	}{
		"no greeting":         {StartTLS, map[string]string{"greeting": ""}},
		"no answer to EHLO":   {StartTLS, map[string]string{"EHLO": ""}},
		"no STARTTLS":         {StartTLS, map[string]string{"EHLO": "250-127.0.0.1\r\n250 STARTTLS", "STARTTLS": ""}},
		"no handshake":        {StartTLS, map[string]string{"EHLO": "250-127.0.0.1\r\n250 STARTTLS", "STARTTLS": "220 go on"}},
		"no handshake at all": {TLS, map[string]string{"greeting": ""}},
		"no answer to MAIL":   {None, map[string]string{"MAIL": ""}},
		"no answer to a mail": {None, map[string]string{"END": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := script(t, c.answers)
			server.Security = c.security
			if c.security != None {
				server.User, server.Password = "ann", secret
			}
			s := &smtpSender{server: server, dial: (&net.Dialer{}).DialContext}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			temporary(t, s.Send(ctx, message()), secret, "127.0.0.1 did not answer in time.")
			if took := time.Since(began); took > 1500*time.Millisecond {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// hasty is a connection on which the time for a command is over sooner.
type hasty struct{ net.Conn }

func (h hasty) SetDeadline(time.Time) error {
	return h.Conn.SetDeadline(time.Now().Add(200 * time.Millisecond))
}

// Each command has an end of its own, before that of the whole.
func TestSlowCommandEnds(t *testing.T) {
	for _, word := range []string{"greeting", "EHLO", "MAIL", "END"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			s := &smtpSender{server: script(t, map[string]string{word: ""}), dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return hasty{conn}, err
			}}
			temporary(t, s.Send(t.Context(), message()), secret, "127.0.0.1 did not answer in time.")
		})
	}
}

// temporary demands an error after which another try may go better, with
// those words for people, and without the password.
func temporary(t *testing.T, err error, password string, says ...string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Permanent {
		t.Fatalf("%v is not temporary", err)
	}
	for _, want := range says {
		if !strings.Contains(e.Message, want) {
			t.Errorf("%q does not say %q", e.Message, want)
		}
	}
	for _, form := range []string{password, base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString([]byte("\x00ann\x00" + password))} {
		if strings.Contains(err.Error(), form) {
			t.Errorf("the password is in %q", err)
		}
	}
}
