package mail

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/mailgun/mailgun-go/v5"
)

// mailgunSender sends by Mailgun's API.
type mailgunSender struct {
	client *mailgun.Client
	domain string
}

func newMailgun(s Mailgun, http *http.Client) (Sender, error) {
	client := mailgun.NewMailgun(s.Key)
	client.SetHTTPClient(http)
	if s.API != "" {
		if err := client.SetAPIBase(s.API); err != nil {
			return nil, errors.New("the base address of Mailgun's API is written without a version, such as " + MailgunEU)
		}
	}
	return &mailgunSender{client: client, domain: s.Domain}, nil
}

// Send hands the message to Mailgun. Links stay as they are: one that opens
// something once must not be led through another's server, and nobody is watched.
func (s *mailgunSender) Send(ctx context.Context, m Message) error {
	m, err := m.tidy()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	msg := mailgun.NewMessage(s.domain, m.From.String(), m.Subject, m.Text, m.To.String())
	msg.SetHTML(m.HTML)
	msg.SetTracking(false)
	msg.SetTrackingClicks(false)
	msg.SetTrackingOpens(false)
	for _, h := range m.headers() {
		msg.AddHeader(h.name, h.value)
	}
	if _, err := s.client.Send(ctx, msg); err != nil {
		return classifyMailgun(err)
	}
	return nil
}

// classifyMailgun tells a refusal of the recipient from what may go better
// another time: a wrong key or domain is put right by somebody.
func classifyMailgun(err error) error {
	var refused *mailgun.UnexpectedResponseError
	if !errors.As(err, &refused) {
		var network net.Error
		if errors.As(err, &network) && network.Timeout() {
			return again(err, "Mailgun did not answer in time.")
		}
		return again(err, "Mailgun could not be reached.")
	}
	said := saidByMailgun(refused.Data)
	switch refused.Actual {
	case http.StatusBadRequest:
		return &Error{Permanent: ofRecipient(said), Message: "Mailgun refused the message: " + said, err: errors.New("status 400")}
	case http.StatusUnauthorized, http.StatusForbidden:
		return again(errors.New("status 401"), "Mailgun does not accept the key: %s", said)
	case http.StatusNotFound:
		return again(errors.New("status 404"), "Mailgun does not know the domain: %s", said)
	case http.StatusTooManyRequests:
		return again(errors.New("status 429"), "Mailgun takes no more for now: %s", said)
	}
	return again(errors.New(http.StatusText(refused.Actual)), "Mailgun answered with status %d: %s", refused.Actual, said)
}

// ofRecipient tells a refusal of the address from one of anything else in the
// message. Mailgun writes the parameter's name with and without quotes.
func ofRecipient(said string) bool {
	return strings.HasPrefix(strings.ReplaceAll(said, "'", ""), "to parameter")
}

// saidByMailgun is the sentence in an answer, which is an object, a string of
// JSON, or plain text.
func saidByMailgun(data []byte) string {
	var body struct{ Message string }
	if json.Unmarshal(data, &body) == nil && body.Message != "" {
		return clip(line(body.Message))
	}
	var sentence string
	if json.Unmarshal(data, &sentence) == nil {
		return clip(line(sentence))
	}
	return clip(line(string(data)))
}

func clip(s string) string {
	const most = 300
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
