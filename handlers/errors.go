package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/problem"

	"github.com/a-h/templ"
)

// failure is an error as an answer.
type failure struct {
	status  int
	code    models.Code
	title   string
	message string
	fields  map[string]string
}

// kinds are the answers to the classes of errors.
var kinds = map[models.Code]failure{
	models.Invalid:         {status: 422, title: "This needs another look"},
	models.NotFound:        {status: 404, title: "Not found"},
	models.Conflict:        {status: 409, title: "This has changed"},
	models.Forbidden:       {status: 403, title: "Not allowed"},
	models.Suspended:       {status: 403, title: "Suspended"},
	models.Unauthenticated: {status: 401, title: "Signed out"},
	models.FactorNeeded:    {status: 403, title: "Second factor needed"},
	models.Limited:         {status: 429, title: "Too many tries"},
	models.Upstream:        {status: 502, title: "A network does not answer"},
	models.Internal:        {status: 500, title: "Something went wrong", message: "Something went wrong on our side. Nothing of yours is lost; try again in a moment."},
}

// classify tells what err is to the person.
func classify(err error) failure {
	if errors.Is(err, errAwaits) {
		return failure{status: fiber.StatusForbidden, code: models.Forbidden, title: nobodyYet,
			message: "This installation awaits its first account. The terminal on which AllIN was started shows the link that makes it; starting AllIN again prints a new one."}
	}
	var known *models.Error
	if errors.As(err, &known) && known.Code != models.Internal {
		f := kinds[known.Code]
		f.code, f.message, f.fields = known.Code, known.Message, known.Fields
		return f
	}
	var upstream *networks.Error
	if errors.As(err, &upstream) {
		f := kinds[models.Upstream]
		f.code, f.message = models.Upstream, upstream.Message
		return f
	}
	var refused *fiber.Error
	if errors.As(err, &refused) {
		return refusal(refused)
	}
	f := kinds[models.Internal]
	f.code = models.Internal
	if errors.Is(err, context.DeadlineExceeded) {
		f.status, f.message = 503, "This took too long and was given up. Try again in a moment."
	}
	return f
}

// refusal is what Fiber itself says no to, before any handler.
func refusal(e *fiber.Error) failure {
	f := failure{status: e.Code, code: models.Invalid, title: "Not possible", message: "AllIN cannot answer this request."}
	switch e.Code {
	case fiber.StatusNotFound:
		f.code, f.title, f.message = models.NotFound, "Not found", "There is no page at this address."
	case fiber.StatusMethodNotAllowed:
		f.message = "This address does not take requests of this kind."
	case fiber.StatusRequestEntityTooLarge:
		f.title, f.message = "Too large", "What was sent is too large to be taken in one piece, so nothing was changed. Go back: what you typed is still there. Make it shorter, or add files with the upload button."
	case fiber.StatusRequestHeaderFieldsTooLarge:
		f.message = "The browser sent more cookies or a longer address than AllIN takes. Delete the cookies of this site and try again."
	case fiber.StatusUpgradeRequired:
		f.message = "This address is for live updates of open pages."
	case fiber.StatusMisdirectedRequest:
		f.title, f.message = "Another address", "This server does not answer under this name. Use the address that you were given for AllIN."
	case fiber.StatusRequestTimeout:
		f.message = "The request took too long to arrive. Check your connection and try again."
	}
	return f
}

// fail is the one place where an error becomes an answer: a page, a note for
// htmx's page, a sentence for an upload, or JSON. It is logged here, once,
// under the id that the person sees.
func (s *Server) fail(c *fiber.Ctx, err error) {
	var first *detour
	if errors.As(err, &first) {
		if err = s.goTo(c, first.path, "", ""); err == nil {
			return
		}
	}
	f := classify(err)
	s.note(c, f, err)
	s.protect(c)
	if f.status == fiber.StatusTooManyRequests || isAPI(c) {
		s.tellLimit(c)
	}
	c.Response().ResetBody()
	c.Status(f.status)
	switch {
	case wantsJSON(c):
		s.failJSON(c, f)
	case strings.HasPrefix(c.Path(), "/media/uploads"):
		text(c, f.message)
	case f.code == models.FactorNeeded && wantsPart(c):
		c.Set("HX-Redirect", "/second-factor?next="+url.QueryEscape(comeBack(c)))
		text(c, f.message)
	case f.code == models.FactorNeeded && !strings.HasPrefix(c.Path(), "/live"):
		c.Set(fiber.HeaderLocation, "/second-factor?next="+url.QueryEscape(comeBack(c)))
		c.Status(fiber.StatusSeeOther)
	case wantsPart(c):
		s.failPart(c, f)
	case errors.Is(err, errNoOrganization) && c.Method() == fiber.MethodGet:
		c.Set(fiber.HeaderLocation, "/organizations/new")
		c.Status(fiber.StatusSeeOther)
	case f.status == 401 && c.Method() == fiber.MethodGet:
		c.Set(fiber.HeaderLocation, "/sign-in?next="+url.QueryEscape(comeBack(c)))
		c.Status(fiber.StatusSeeOther)
	default:
		s.failPage(c, f)
	}
}

func (s *Server) note(c *fiber.Ctx, f failure, err error) {
	level := slog.LevelDebug
	if f.status >= 500 {
		level = slog.LevelError
	}
	attrs := []slog.Attr{slog.String("id", of(c).id), slog.String("method", c.Method()), slog.String("path", loggedPath(c)),
		slog.Int("status", f.status), slog.Any("error", err)}
	var p *panicked
	if errors.As(err, &p) {
		attrs = append(attrs, slog.String("stack", p.stack))
	}
	s.config.Log.LogAttrs(c.UserContext(), level, "failed", attrs...)
	if f.status >= 500 {
		fault := models.Fault{Origin: models.FaultOfRequest, Place: c.Method() + " " + c.Route().Path, Message: err.Error(), Request: of(c).id}
		if p != nil {
			fault.Stack = p.stack
		}
		s.config.Store.Fault(fault)
	}
}

func text(c *fiber.Ctx, sentence string) {
	c.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	c.Response().SetBodyString(sentence + "\n")
}

func wantsJSON(c *fiber.Ctx) bool {
	return strings.HasPrefix(c.Path(), "/api/") || strings.HasPrefix(c.Get(fiber.HeaderAccept), fiber.MIMEApplicationJSON)
}

// failJSON answers as RFC 9457 has it.
func (s *Server) failJSON(c *fiber.Ctx, f failure) {
	body, err := json.Marshal(f.problem(c))
	if err != nil {
		body = []byte(`{"status":500}`)
	}
	c.Set(fiber.HeaderContentType, "application/problem+json")
	c.Response().SetBody(body)
}

// failPart leaves the page as it is and tells what is the matter.
func (s *Server) failPart(c *fiber.Ctx, f failure) {
	t := toast{Tone: "bad", Text: f.message}
	switch {
	case f.status == 401:
		t.Action = &action{Word: "Sign in", URL: "/sign-in?next=" + url.QueryEscape(comeBack(c))}
	case f.status >= 500:
		t.Text += " (" + of(c).id + ")"
	}
	tell(c, t)
	c.Set("HX-Reswap", "none")
	text(c, t.Text)
}

func (s *Server) failPage(c *fiber.Ctx, f failure) {
	if f.code == models.Suspended {
		s.showSuspended(c, f)
		return
	}
	p := problem.Params{Status: f.status, Title: f.title, Message: f.message}
	if f.status >= 500 {
		p.ID = of(c).id
	}
	if f.status == 401 {
		p.Href, p.Word = "/sign-in", "Sign in"
	}
	switch {
	case f.title == nobodyYet:
		p.Href, p.Word = "/", "Look again"
	case f.status == 404 && strings.HasPrefix(c.Path(), reviewLinks):
		p.Title, p.Nowhere = opensNothing, true // nothing here is a client's
	case f.status == 404 && strings.HasPrefix(c.Path(), "/invitations/"):
		p.Title, p.Href, p.Word = opensNothing, "/", "Go to AllIN"
	}
	whole := layout.Page{Title: p.Title, Theme: c.Cookies("theme")}
	if err := html(c, f.status, templ.Component(problem.Page(whole, p))); err != nil {
		text(c, f.message)
	}
}

// comeBack is where somebody who has to sign in first goes on: the page they
// asked for, or the one that they have open.
func comeBack(c *fiber.Ctx) string {
	if c.Method() == fiber.MethodGet && !wantsPart(c) {
		if strings.HasPrefix(c.Path(), "/accounts/callback/") {
			return "/accounts" // what came with it is for the session that has ended
		}
		return c.OriginalURL()
	}
	if u, err := url.Parse(c.Get("HX-Current-URL")); err == nil && u.Path != "" {
		return u.RequestURI()
	}
	return "/"
}

// ownPath returns a path of ours to go on to, or "/": what came in an address
// may lead anywhere.
func ownPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") || len(next) > 2000 {
		return "/"
	}
	return next
}
