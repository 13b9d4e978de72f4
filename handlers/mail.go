package handlers

import (
	"errors"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/models"
	consoleviews "github.com/allin-platform/allin/views/console"
	"github.com/allin-platform/allin/views/layout"
	words "github.com/allin-platform/allin/views/mail"
)

// mailsShown is how many mails a page of the outbox has.
const mailsShown = 50

// listMails is the outbox, and how mail leaves.
func (s *Server) listMails(c *fiber.Ctx, con *models.Console) error {
	f := models.OutboxFilter{State: models.MailState(c.Query("state")), Search: c.Query("q")}
	setup, err := con.MailSetup(c.UserContext())
	if err != nil {
		return err
	}
	page, err := con.Outbox(c.UserContext(), f, c.Query("after"), mailsShown)
	if err != nil {
		return err
	}
	p := consoleviews.OutboxParams{CSRF: s.csrf(c), Setup: setup, Page: page, Filter: f, First: c.Query("after") == "",
		Change: con.May(models.ChangeInstallation), Zone: con.Admin.TimeZone}
	return s.showConsole(c, screen{title: "Mail", part: consoleviews.Outbox(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.OutboxPage(f, p) }})
}

func (s *Server) showMailSettings(c *fiber.Ctx, con *models.Console) error {
	setup, err := con.MailSetup(c.UserContext())
	if err != nil {
		return err
	}
	return s.mailForm(c, con, fiber.StatusOK, consoleviews.MailSettings(setup))
}

func (s *Server) mailForm(c *fiber.Ctx, con *models.Console, status int, p consoleviews.MailSettingsParams) error {
	p.CSRF, p.Change = s.csrf(c), con.May(models.ChangeInstallation)
	return s.showConsole(c, screen{title: "Mail settings", status: status, part: consoleviews.MailForms(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.MailSettingsPage(f, p) }})
}

// setMail keeps one of the three ways: smtp, mailgun, or none.
func (s *Server) setMail(c *fiber.Ctx, con *models.Console) error {
	setup, err := con.MailSetup(c.UserContext())
	if err != nil {
		return err
	}
	p := consoleviews.MailSettings(setup)
	news := ""
	switch way := c.Params("way"); way {
	case "smtp":
		p.SMTPFrom = c.FormValue("from")
		p.SMTP = mail.SMTP{Host: c.FormValue("host"), Security: mail.Security(c.FormValue("security")), User: c.FormValue("user")}
		p.Port = c.FormValue("port")
		if p.SMTP.Port, err = strconv.Atoi(strings.TrimSpace(p.Port)); err != nil {
			p.SMTP.Port = 0
		}
		given := p.SMTP
		given.Password = c.FormValue("password")
		err = con.SendBySMTP(c.UserContext(), p.SMTPFrom, given)
		p.SMTPErrors, news = fieldsOf(err), "Mail leaves by this server now. Send a test mail to see whether it arrives."
	case "mailgun":
		p.MailgunFrom = c.FormValue("from")
		p.Mailgun = mail.Mailgun{Domain: c.FormValue("domain"), API: c.FormValue("api")}
		given := p.Mailgun
		given.Key = c.FormValue("key")
		err = con.SendByMailgun(c.UserContext(), p.MailgunFrom, given)
		p.MailgunErrors, news = fieldsOf(err), "Mail leaves by Mailgun now. Send a test mail to see whether it arrives."
	case "none":
		err, news = con.KeepMails(c.UserContext()), "Mails stay here now. Read them in the outbox."
	default:
		return errNotThere
	}
	if _, ok := wrong(err); ok {
		return s.mailForm(c, con, fiber.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	s.security(c, "mail settings changed")
	return s.goTo(c, "/console/mail", "good", news)
}

// fieldsOf is what is wrong with a form, field by field.
func fieldsOf(err error) map[string]string {
	if e, ok := wrong(err); ok {
		return e.Fields
	}
	return nil
}

func (s *Server) sendTestMail(c *fiber.Ctx, con *models.Console) error {
	id, err := con.SendTestMail(c.UserContext())
	if err != nil {
		return err
	}
	return s.goTo(c, "/console/mail/"+id.String(), "", "")
}

// showMail is one mail: how far it came, and, for those who may, what it says.
// Its HTML stands in a frame without rights, which this page alone may show.
func (s *Server) showMail(c *fiber.Ctx, con *models.Console) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	entry, err := con.MailEntry(c.UserContext(), id)
	if err != nil {
		return err
	}
	setup, err := con.MailSetup(c.UserContext())
	if err != nil {
		return err
	}
	p := consoleviews.MailParams{CSRF: s.csrf(c), Mail: entry, Change: con.May(models.ChangeInstallation), Sends: setup.Way != mail.Kept,
		Zone: con.Admin.TimeZone}
	if c.Get("HX-Target") == "mail-state" {
		return html(c, fiber.StatusOK, consoleviews.MailStatus(p))
	}
	if p.Change {
		message, err := s.openMail(c, con)
		switch {
		case errors.Is(err, words.ErrUnknown):
			p.Unreadable = true
		case err != nil:
			return err
		}
		p.Subject, p.Text = message.Subject, message.Text
		c.Set(fiber.HeaderContentSecurityPolicy, s.policy+"; frame-src 'self'")
	}
	return s.showConsole(c, screen{title: "Mail", part: consoleviews.Mail(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.MailPage(f, p) }})
}

func (s *Server) openMail(c *fiber.Ctx, con *models.Console) (words.Message, error) {
	id, err := idParam(c, "id")
	if err != nil {
		return words.Message{}, err
	}
	entry, content, err := con.OpenMail(c.UserContext(), id)
	if err != nil {
		return words.Message{}, err
	}
	if content == nil {
		return words.Message{}, words.ErrUnknown // the key that sealed it is gone
	}
	return words.Render(entry.Kind, content)
}

// mailPolicy lets a mail have its own styles and nothing else: no script, no
// picture from elsewhere, no form, no origin. Links in it lead nowhere; they
// work in the text beside it.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"

// showMailHTML is a mail as a mail program shows it.
func (s *Server) showMailHTML(c *fiber.Ctx, con *models.Console) error {
	m, err := s.openMail(c, con)
	if errors.Is(err, words.ErrUnknown) {
		return errNotThere
	}
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, mailPolicy)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	return c.SendString(m.HTML)
}

func (s *Server) retryMail(c *fiber.Ctx, con *models.Console) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	if err := con.RetryMail(c.UserContext(), id); err != nil {
		return err
	}
	return s.goTo(c, "/console/mail/"+id.String(), "", "")
}
