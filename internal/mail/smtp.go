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
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	client, err := gomail.NewClient(s.server.Host, append(s.options(domain(m.From.Email)), gomail.WithDialContextFunc(s.connect(ctx)))...)
	if err != nil {
		return again(err, "The settings of the mail server cannot be used. Enter them again.")
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() { // what went wrong in the farewell undoes nothing
		return nil
	}
	return s.classify(errors.Join(err, ctx.Err()))
}

func (s *smtpSender) options(helo string) []gomail.Option {
	o := []gomail.Option{
		gomail.WithPort(s.server.Port), gomail.WithTimeout(commandTime), gomail.WithHELO(helo), gomail.WithoutNoop(),
		gomail.WithTLSConfig(s.tls()),
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

// connect dials, and shakes hands where TLS begins with the first byte. The
// connection ends with ctx: go-mail asks for that only while it dials, and
// leaves a connection open over which it could not sign in.
func (s *smtpSender) connect(ctx context.Context) gomail.DialContextFunc {
	return func(dialing context.Context, network, addr string) (net.Conn, error) {
		conn, err := s.dial(dialing, network, addr)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() }) // it may be closed already
		if s.server.Security != TLS {
			return conn, nil
		}
		secured := tls.Client(conn, s.tls())
		if err := secured.HandshakeContext(dialing); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return secured, nil
	}
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
	var untrusted *tls.CertificateVerificationError
	switch text := err.Error(); {
	case errors.Is(err, egress.ErrNotAllowed):
		return again(err, "%s is no public address. Whoever runs this installation can allow it with ALLIN_PRIVATE_HOSTS=%s.", s.server.Host, s.server.addr())
	case errors.As(err, &untrusted):
		return again(err, "The certificate of %s is not one to trust, so nothing was sent: %s", s.server.Host, strings.TrimPrefix(untrusted.Err.Error(), "x509: "))
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout(), strings.Contains(text, "i/o timeout"):
		return again(err, "%s did not answer in time.", s.server.Host)
	case errors.Is(err, gomail.ErrNoSupportedAuthDiscovered), strings.Contains(text, "does not support SMTP AUTH"):
		return again(err, "%s does not let AllIN sign in: it offers no way to do so with a password.", s.server.Host)
	case strings.Contains(text, "SMTP AUTH"), strings.Contains(text, "AUTH mechanism"):
		return again(err, "%s does not let AllIN sign in: %s", s.server.Host, saidToPassword(text))
	case strings.Contains(text, "STARTTLS"):
		return again(err, "%s offers no encryption (STARTTLS), so nothing was sent.", s.server.Host)
	}
	return again(err, "%s could not be reached, or broke off.", s.server.Host)
}

// saidToPassword is what the server said to the password, without go-mail's words before it.
func saidToPassword(text string) string {
	if _, said, ok := strings.Cut(text, "SMTP AUTH failed: "); ok {
		return line(said)
	}
	return line(strings.TrimPrefix(text, "dial failed: "))
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
		return nil, &Error{Permanent: true, Message: "Mail cannot be sent to an address that is written like this.", err: err}
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.Date)
	for _, h := range m.headers() {
		if h.name == string(gomail.HeaderMessageID) { // among the preformatted, go-mail overlooks it and adds its own
			msg.SetGenHeader(gomail.HeaderMessageID, h.value)
			continue
		}
		msg.SetGenHeaderPreformatted(gomail.Header(h.name), h.value)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}
