package mail

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/internal/mail/maildev"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func message() Message {
	return Message{ID: "0190aa", From: Address{"AllIN", "post@allin.example"}, To: Address{"Ann Köhler", "ann@example.com"},
		Subject: "Not sent to X – shorten it", Text: "Grüße\n.\nthe end", HTML: "<p>Grüße</p>",
		Unsubscribe: "https://allin.example/unsubscribe/" + strings.Repeat("t", 120), Date: noon}
}

func outside() Outside { return Outside{Dial: (&net.Dialer{}).DialContext} }

func send(t *testing.T, server SMTP, m Message) error {
	t.Helper()
	s, err := outside().Sender(Settings{SMTP: server.String()})
	if err != nil {
		t.Fatal(err)
	}
	return s.Send(t.Context(), m)
}

func TestMailArrives(t *testing.T) {
	dev := maildev.Start(t)
	server := SMTP{Host: "127.0.0.1", Port: dev.Port, Security: None, User: maildev.User, Password: maildev.Password}
	if err := send(t, server, message()); err != nil {
		t.Fatal(err)
	}
	got := dev.Mails(1)[0]
	if got.Subject != message().Subject || !strings.Contains(got.Text, "Grüße\n.\nthe end") || !strings.Contains(got.HTML, "Grüße") {
		t.Errorf("subject %q, text %q, html %q", got.Subject, got.Text, got.HTML)
	}
	if got.To[0] != (maildev.Box{Name: "Ann Köhler", Address: "ann@example.com"}) || got.From[0].Address != "post@allin.example" {
		t.Errorf("from %v to %v", got.From, got.To)
	}
	head, _, _ := strings.Cut(got.Source, "\r\n\r\n")
	for _, want := range []string{"Message-ID: <0190aa@allin.example>", "Auto-Submitted: auto-generated", "List-Unsubscribe: <" + message().Unsubscribe + ">",
		"List-Unsubscribe-Post: List-Unsubscribe=One-Click", "Date: Wed, 25 Nov 2026 12:00:00 +0000", "multipart/alternative"} {
		if !strings.Contains(unfold(head), want) {
			t.Errorf("no %q in\n%s", want, head)
		}
	}

	server.Password = "wrong"
	err := send(t, server, message())
	var refused *Error
	if !errors.As(err, &refused) || refused.Permanent || !strings.Contains(refused.Message, "sign in") {
		t.Errorf("a wrong password: %v", err)
	}
}

func unfold(head string) string {
	return strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", ": \r\n", ": ").Replace(head)
}

// What people call themselves must not become headers.
func TestNobodySmugglesHeaders(t *testing.T) {
	dev := maildev.Start(t)
	server := SMTP{Host: "127.0.0.1", Port: dev.Port, Security: None, User: maildev.User, Password: maildev.Password}
	m := message()
	m.Subject = "Hello\r\nBcc: victim@example.com\r\n\r\nbody"
	m.To.Name = "Ann\"\r\nBcc: victim@example.com\n"
	m.From.Name = "A\u2028B\x00\nX-Evil: yes"
	if err := send(t, server, m); err != nil {
		t.Fatal(err)
	}
	source := dev.Mails(1)[0].Source
	for l := range strings.Lines(source) {
		if strings.HasPrefix(l, "Bcc:") || strings.HasPrefix(l, "X-Evil:") {
			t.Errorf("smuggled %q into\n%s", l, source)
		}
	}
	for _, to := range []string{"ann@example.com\r\nRCPT TO:<victim@example.com>", "ann@example.com>, <victim@example.com", "", "ann"} {
		m := message()
		m.To.Email = to
		var refused *Error
		if err := send(t, server, m); !errors.As(err, &refused) || !refused.Permanent {
			t.Errorf("to %q: %v", to, err)
		}
	}
	m = message()
	m.Unsubscribe = "https://allin.example/>\r\nBcc: victim@example.com"
	if send(t, server, m) == nil {
		t.Error("an address with a line break went into a header")
	}
	if n := len(dev.Mails(1)); n != 1 {
		t.Errorf("%d mails arrived", n)
	}
}

func TestTLSIsDemandedAndChecked(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	cert, key := files(t, web.TLS.Certificates[0])
	dev := maildev.Start(t, "--incoming-secure", "--incoming-cert", cert, "--incoming-key", key)
	server := SMTP{Host: "127.0.0.1", Port: dev.Port, Security: TLS, User: maildev.User, Password: maildev.Password}
	if send(t, server, message()) == nil {
		t.Error("a certificate that nobody vouches for was taken")
	}
	pool := x509.NewCertPool()
	pool.AddCert(web.Certificate())
	s := &smtpSender{server: server, dial: (&net.Dialer{}).DialContext, roots: pool}
	if err := s.Send(t.Context(), message()); err != nil {
		t.Error(err)
	}
	dev.Mails(1)
}

func files(t *testing.T, c tls.Certificate) (cert, key string) {
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, b := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// script is a mail server that answers each command as it is told.
func script(t *testing.T, answers map[string]string) SMTP {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go converse(conn, answers)
		}
	}()
	return SMTP{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: None}
}

func converse(conn net.Conn, answers map[string]string) {
	defer conn.Close()
	say := func(word, usual string) bool {
		a, ok := answers[word]
		if !ok {
			a = usual
		}
		if a == "" {
			time.Sleep(2 * time.Second)
			return false
		}
		fmt.Fprint(conn, a+"\r\n")
		return !strings.HasPrefix(a, "221")
	}
	if !say("greeting", "220 ready") {
		return
	}
	data := false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		word, _, _ := strings.Cut(strings.ToUpper(lines.Text()), " ")
		switch {
		case data && lines.Text() == ".":
			data = false
			word = "END"
		case data:
			continue
		case word == "DATA":
			data = answers["DATA"] == ""
		}
		if !say(word, map[string]string{"DATA": "354 go on", "QUIT": "221 bye"}[word]+map[bool]string{true: "250 fine"}[word != "DATA" && word != "QUIT"]) {
			return
		}
		if word == "STARTTLS" { // it knows no TLS
			time.Sleep(2 * time.Second)
			return
		}
	}
}

func TestRefusalsAreToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		answers   map[string]string
		permanent bool
		ok        bool
		says      string
	}{
		"unknown recipient":  {map[string]string{"RCPT": "550 5.1.1 nobody of that name"}, true, false, "nobody of that name"},
		"mailbox full":       {map[string]string{"RCPT": "452 4.2.2 mailbox full"}, false, false, "mailbox full"},
		"message refused":    {map[string]string{"END": "554 5.7.1 looks like spam"}, true, false, "looks like spam"},
		"try later":          {map[string]string{"END": "451 4.7.1 greylisted"}, false, false, "greylisted"},
		"sender refused":     {map[string]string{"MAIL": "550 5.7.1 not your domain"}, false, false, "not your domain"},
		"server busy":        {map[string]string{"greeting": "421 too busy"}, false, false, ""},
		"ends after the dot": {map[string]string{"RSET": "421 bye", "QUIT": "221 bye"}, false, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := send(t, script(t, c.answers), message())
			if c.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Permanent != c.permanent || !strings.Contains(e.Message, c.says) || strings.Contains(e.Message, "ann@") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestSilenceEnds(t *testing.T) {
	t.Parallel()
	s := &smtpSender{server: script(t, map[string]string{"greeting": ""}), dial: (&net.Dialer{}).DialContext}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var e *Error
	if err := s.Send(ctx, message()); !errors.As(err, &e) || e.Permanent {
		t.Errorf("%v", err)
	}
	closed := script(t, nil)
	closed.Port = 1
	if err := send(t, closed, message()); !errors.As(err, &e) || e.Permanent || !strings.Contains(e.Message, "could not be reached") {
		t.Errorf("%v", err)
	}
	server := script(t, nil)
	server.Security = StartTLS
	if err := send(t, server, message()); !errors.As(err, &e) || !strings.Contains(e.Message, "encryption") {
		t.Errorf("without STARTTLS: %v", err)
	}
}

func TestParseSMTP(t *testing.T) {
	for address, want := range map[string]SMTP{
		"smtps://ann:p%40ss@mail.example":    {"mail.example", 465, TLS, "ann", "p@ss"},
		"smtp://ann:x@Mail.example:2525":     {"mail.example", 2525, StartTLS, "ann", "x"},
		"smtp://10.0.0.5?tls=none":           {"10.0.0.5", 25, None, "", ""},
		"smtp://a:b@127.0.0.1:1025?tls=none": {"127.0.0.1", 1025, None, "a", "b"},
	} {
		got, err := ParseSMTP(address)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", address, got, err)
		}
		if again, err := ParseSMTP(got.String()); err != nil || again != want {
			t.Errorf("%s written as %s: %+v, %v", address, got, again, err)
		}
	}
	for _, bad := range []string{"", "mail.example", "http://mail.example", "smtp://", "smtp://a:secret@10.0.0.5?tls=none", "smtps://h?tls=none",
		"smtp://h/path", "smtp://h:99999", "smtp://u:secret@h\r\n:25"} {
		if _, err := ParseSMTP(bad); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
