package console

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// OutboxParams is the list of mails, and how mail leaves.
type OutboxParams struct {
	CSRF   string
	Setup  models.MailSetup
	Page   models.OutboxPage
	Filter models.OutboxFilter
	First  bool // it is the first page
	Change bool // the reader may change settings and open mails
	Zone   string
}

func (p OutboxParams) filtered() bool { return p.Filter.State != "" || p.Filter.Search != "" }

// address is that of the list with another state, or from a mail on.
func (p OutboxParams) address(state models.MailState, after string) string {
	v := url.Values{}
	for name, value := range map[string]string{"state": string(state), "q": p.Filter.Search, "after": after} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if len(v) == 0 {
		return "/console/mail"
	}
	return "/console/mail?" + v.Encode()
}

// chips are the states to choose from.
func (p OutboxParams) chips() []ui.ChipParams {
	var list []ui.ChipParams
	for _, s := range models.MailStates {
		if s == models.MailSending {
			continue // a moment
		}
		c := ui.ChipParams{Text: mailWord(s), Icon: mailIcon(s), On: p.Filter.State == s, Href: p.address(s, "")}
		if c.On {
			c.Href = p.address("", "")
		}
		list = append(list, c)
	}
	return list
}

func mailWord(s models.MailState) string {
	switch s {
	case models.MailWaiting:
		return "Waiting"
	case models.MailSending:
		return "Being sent"
	case models.MailSent:
		return "Sent"
	case models.MailKept:
		return "Kept here"
	}
	return "Failed"
}

func mailIcon(s models.MailState) string {
	switch s {
	case models.MailWaiting:
		return "clock"
	case models.MailSending:
		return "send"
	case models.MailSent:
		return "circle-check"
	case models.MailKept:
		return "inbox"
	}
	return "circle-alert"
}

func mailBadge(m models.MailEntry) ui.BadgeParams {
	b := ui.BadgeParams{Text: mailWord(m.State), Icon: mailIcon(m.State)}
	switch m.State {
	case models.MailSent:
		b.Tone = "good"
	case models.MailFailed:
		b.Tone = "bad"
	case models.MailSending:
		b.Tone = "info"
	case models.MailWaiting:
		if b.Tone = "info"; m.Tries > 0 {
			b.Text, b.Tone = "Tried, waiting", "care"
		}
	}
	return b
}

// mailKind is a kind in words: "sign_up" is "Sign up".
func mailKind(kind string) string {
	words := strings.NewReplacer("_", " ", ".", " ", "-", " ").Replace(kind)
	if words == "" {
		return words
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

var mailColumns = []ui.Column{{Text: "Mail"}, {Text: "To"}, {Text: "State"}, {Text: "Tries", Number: true}, {Text: "Made"}}

// wayWords say how mail leaves and who set that.
func wayWords(s models.MailSetup) (title, text string) {
	switch s.Way {
	case mail.BySMTP:
		title, text = "Mail leaves by "+s.SMTP.Host+".", "From "+s.From+"."
	case mail.ByMailgun:
		title, text = "Mail leaves by Mailgun, from "+s.Mailgun.Domain+".", "From "+s.From+"."
	default:
		return "Nothing sends mail yet.", "Mails are kept here and can be read by super admins, for 30 days. Set a mail server or Mailgun, so that they reach people."
	}
	if s.WaySet {
		text += " Set in the environment."
	}
	return title, text
}

// MailParams is one mail.
type MailParams struct {
	CSRF                string
	Mail                models.MailEntry
	Change              bool // the reader may open it and send it again
	Sends               bool // there is a way to send mail
	Unreadable          bool // there are no words for it, or no key
	Subject, Text, Zone string
}

// moving reports whether the state changes by itself soon.
func (p MailParams) moving() bool {
	return p.Mail.State == models.MailSending || p.Mail.State == models.MailWaiting && p.Mail.Tries == 0
}

func (p MailParams) href() string { return "/console/mail/" + p.Mail.ID.String() }

// statusText says what became of the mail.
func (p MailParams) statusText() string {
	m := p.Mail
	switch m.State {
	case models.MailSent:
		return "The mail server took it at " + at(*m.SentAt, p.Zone) + "."
	case models.MailKept:
		return "Nothing sent mail when it was made, so it is kept here."
	case models.MailFailed:
		return "It is not tried any more. " + m.Error
	case models.MailSending:
		return "It is on its way to the mail server."
	}
	if m.Tries > 0 && m.NextAt != nil {
		return m.Error + " The next try is at " + at(*m.NextAt, p.Zone) + "."
	}
	return "It leaves in a moment."
}

// piece is a piece of a text: words, or an address to follow.
type piece struct{ Text, Href string }

// pieces parts a plain text at the addresses that stand on lines of their own.
func pieces(text string) []piece {
	var list []piece
	for l := range strings.Lines(text) {
		trimmed := strings.TrimSpace(l)
		if strings.HasPrefix(trimmed, "https://") || strings.HasPrefix(trimmed, "http://") {
			list = append(list, piece{l, trimmed})
		} else {
			list = append(list, piece{Text: l})
		}
	}
	return list
}

// MailSettingsParams is how mail leaves, as forms.
type MailSettingsParams struct {
	CSRF          string
	Change        bool
	Setup         models.MailSetup
	SMTPFrom      string
	SMTP          mail.SMTP
	Port          string
	SMTPErrors    map[string]string // by field: from, host, port, user, password
	MailgunFrom   string
	Mailgun       mail.Mailgun
	MailgunErrors map[string]string // by field: from, domain, key, api
}

// MailSettings are the forms as they stand before anybody types.
func MailSettings(s models.MailSetup) MailSettingsParams {
	p := MailSettingsParams{Setup: s, SMTPFrom: s.From, MailgunFrom: s.From, SMTP: s.SMTP, Mailgun: s.Mailgun}
	if s.Way != mail.BySMTP {
		p.SMTP = mail.SMTP{Security: mail.StartTLS, Port: 587}
	}
	p.Port = strconv.Itoa(p.SMTP.Port)
	if p.Mailgun.API == "" {
		p.Mailgun.API = mail.MailgunUS
	}
	return p
}

func (p MailSettingsParams) secretHelp(way mail.Way) string {
	if p.Setup.Way == way && p.Setup.HasSecret {
		return "One is kept and not shown again. Leave this empty to keep it."
	}
	return ""
}

var securities = []ui.Choice{
	{Value: string(mail.StartTLS), Label: "STARTTLS (usually port 587)"},
	{Value: string(mail.TLS), Label: "TLS from the start (usually port 465)"},
	{Value: string(mail.None), Label: "None, for a server on this machine"},
}

func at(t time.Time, zone string) string {
	if loc, err := models.LoadZone(zone); err == nil {
		t = t.In(loc)
	}
	return t.Format("2 Jan 2006, 15:04")
}
