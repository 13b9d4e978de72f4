package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/allin-platform/allin/internal/egress"
)

// How long a mail server may take: to answer one command, and in all.
const (
	commandTime = 20 * time.Second
	sendTime    = time.Minute
)

// smtpSender sends by a mail server, over a connection of its own each time.
type smtpSender struct {
	server SMTP
	dial   Dial
	roots  *x509.CertPool // who vouches for the server; nil: whom this machine trusts
}

// Send hands the message to the server.
func (s *smtpSender) Send(ctx context.Context, m Message) error {
	m, err := m.tidy()
	if err != nil {
		return err
	}
	msg, err := compose(m)
	if err != nil {
		return err
	}
	client, err := gomail.NewClient(s.server.Host, s.options(domain(m.From.Email))...)
	if err != nil {
		return again(err, "The settings of the mail server cannot be used.")
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() { // what went wrong in the farewell undoes nothing
		return nil
	}
	return s.classify(err)
}

func (s *smtpSender) options(helo string) []gomail.Option {
	o := []gomail.Option{
		gomail.WithPort(s.server.Port), gomail.WithTimeout(commandTime), gomail.WithHELO(helo), gomail.WithoutNoop(),
		gomail.WithTLSConfig(s.tls()), gomail.WithDialContextFunc(s.connect),
	}
	plain, login := gomail.SMTPAuthPlain, gomail.SMTPAuthLogin
	switch s.server.Security {
	case TLS:
		o = append(o, gomail.WithSSL())
	case StartTLS:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case None:
		// ParseSMTP has seen to it that a password stays on this machine.
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
		plain, login = gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc
	}
	if s.server.User != "" {
		o = append(o, gomail.WithOpportunisticSMTPAuth(plain, login), gomail.WithUsername(s.server.User), gomail.WithPassword(s.server.Password))
	}
	return o
}

func (s *smtpSender) tls() *tls.Config {
	return &tls.Config{ServerName: s.server.Host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// connect dials, and shakes hands where TLS begins with the first byte.
func (s *smtpSender) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := s.dial(ctx, network, addr)
	if err != nil || s.server.Security != TLS {
		return conn, err
	}
	secured := tls.Client(conn, s.tls())
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secured, nil
}

// classify tells a refusal of the recipient or the message from everything
// that may be over in an hour, or when somebody puts the settings right.
func (s *smtpSender) classify(err error) error {
	var refused *gomail.SendError
	if errors.As(err, &refused) && refused.ErrorCode() > 0 {
		code := refused.ErrorCode()
		ofRecipient := refused.Reason == gomail.ErrSMTPRcptTo || refused.Reason == gomail.ErrSMTPDataClose
		return &Error{Permanent: code >= 500 && ofRecipient, err: err, Message: fmt.Sprintf("%s answered: %s", s.server.Host, answer(refused))}
	}
	var network net.Error
	switch text := err.Error(); {
	case errors.Is(err, egress.ErrNotAllowed):
		return again(err, "%s is no public address. Whoever runs this installation can allow it with ALLIN_PRIVATE_HOSTS=%s.", s.server.Host, s.server.addr())
	case errors.As(err, &network) && network.Timeout():
		return again(err, "%s did not answer in time.", s.server.Host)
	case strings.Contains(text, "SMTP AUTH"), strings.Contains(text, "AUTH mechanism"):
		return again(err, "%s does not let AllIN sign in: %s", s.server.Host, strings.TrimPrefix(text, "dial failed: "))
	case strings.Contains(text, "STARTTLS"):
		return again(err, "%s offers no encryption (STARTTLS), so nothing was sent.", s.server.Host)
	}
	return again(err, "%s could not be reached, or broke off.", s.server.Host)
}

// answer is what the server said, without the message's own words around it.
func answer(e *gomail.SendError) string {
	text := strings.TrimPrefix(e.Error(), e.Reason.String()+": ")
	if i := strings.Index(text, ", affected"); i > 0 {
		text = text[:i]
	}
	return line(text)
}

// compose writes the message as MIME: plain text, and HTML beside it.
func compose(m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(m.From.String()), msg.To(m.To.String())); err != nil {
		return nil, &Error{Permanent: true, Message: "The address cannot be written to.", err: err}
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.Date)
	for _, h := range m.headers() {
		msg.SetGenHeaderPreformatted(gomail.Header(h.name), h.value)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}
