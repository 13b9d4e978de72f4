// Package mail sends one message at a time, by an SMTP server or by Mailgun.
// It knows nothing of what is said in it, keeps nothing, and tries nothing
// again: whether that would help, its errors tell.
package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/mail"
	"strings"
	"time"
	"unicode"
)

// Address is a mailbox with the name of whose it is.
type Address struct{ Name, Email string }

// ParseAddress reads "AllIN <post@allin.example>", or an address alone.
func ParseAddress(v string) (Address, error) {
	a, err := mail.ParseAddress(v)
	if err != nil || a.Address != line(a.Address) {
		return Address{}, errors.New("write an address such as AllIN <post@allin.example>")
	}
	return Address{Name: line(a.Name), Email: a.Address}, nil
}

// String is the address as it stands in a header.
func (a Address) String() string {
	return (&mail.Address{Name: line(a.Name), Address: a.Email}).String()
}

// Message is a mail, ready to be sent.
type Message struct {
	ID         string // of the mail: the same one, sent twice, is known by it
	From, To   Address
	Subject    string
	HTML, Text string
	// Unsubscribe is an address that ends mails of this kind with one click
	// (RFC 8058); "" where there is nothing to be ended.
	Unsubscribe string
	Date        time.Time
}

// header is one of the lines above a message.
type header struct{ name, value string }

// headers are those beyond sender, recipient, subject and date. Auto-Submitted
// keeps answering machines from answering a program.
func (m *Message) headers() []header {
	list := []header{
		{"Message-ID", "<" + m.ID + "@" + domain(m.From.Email) + ">"},
		{"Auto-Submitted", "auto-generated"},
	}
	if m.Unsubscribe != "" {
		list = append(list, header{"List-Unsubscribe", "<" + m.Unsubscribe + ">"},
			header{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"})
	}
	return list
}

// tidy makes single lines of what people gave: a line break in a name or a
// subject would begin a header of their own.
func (m Message) tidy() (Message, error) {
	m.Subject, m.From.Name, m.To.Name = line(m.Subject), line(m.From.Name), line(m.To.Name)
	if m.Unsubscribe != line(m.Unsubscribe) || strings.ContainsAny(m.Unsubscribe, "<> ") || m.ID != line(m.ID) || strings.ContainsAny(m.ID, "<>@ ") {
		return m, errors.New("the message's id or its address for ending mails cannot stand in a header")
	}
	for _, a := range []Address{m.From, m.To} {
		if p, err := mail.ParseAddress(a.Email); err != nil || p.Address != a.Email || a.Email != line(a.Email) {
			return m, &Error{Permanent: true, Message: "Mail cannot be sent to an address that is written like this.", err: errors.New("not an address")}
		}
	}
	return m, nil
}

// line is v on one line, without control characters.
func line(v string) string {
	v = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, v)
	return strings.TrimSpace(v)
}

func domain(email string) string { return email[strings.LastIndexByte(email, '@')+1:] }

// Error says why a message did not leave.
type Error struct {
	// Permanent: the recipient's side refused it, and would again. Everything
	// else, wrong settings too, may be another thing on the next try.
	Permanent bool
	// Message is a sentence for those who look after the installation.
	Message string

	err error
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%v)", e.Message, e.err) }

func (e *Error) Unwrap() error { return e.err }

// again is an error after which another try may go better.
func again(err error, format string, args ...any) *Error {
	return &Error{Message: fmt.Sprintf(format, args...), err: err}
}

// Sender sends messages one way.
type Sender interface {
	// Send returns nil once the other side has taken the message, and an
	// *Error when it has not, or when nobody knows.
	Send(ctx context.Context, m Message) error
}

// Dial opens a connection to a mail server.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Outside is how senders reach others.
type Outside struct {
	HTTP *http.Client // for Mailgun; internal/egress makes it
	Dial Dial         // for SMTP
}

// Sender returns the way that the settings name; nil where they name none.
func (o Outside) Sender(s Settings) (Sender, error) {
	switch s.Way() {
	case BySMTP:
		server, err := ParseSMTP(s.SMTP)
		if err != nil {
			return nil, err
		}
		return &smtpSender{server: server, dial: o.Dial}, nil
	case ByMailgun:
		return newMailgun(s.Mailgun, o.HTTP)
	}
	return nil, nil
}
