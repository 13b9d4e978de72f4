package handlers

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/ui"
)

// byHTMX reports whether a script asks, for whatever size of answer.
func byHTMX(c *fiber.Ctx) bool { return c.Get("HX-Request") == "true" }

// wantsPart reports whether only the part of the page that changes is wanted.
func wantsPart(c *fiber.Ctx) bool {
	return byHTMX(c) && c.Get("HX-Boosted") != "true" && c.Get("HX-History-Restore-Request") != "true"
}

// forPanel reports whether the answer goes into the side panel.
func forPanel(c *fiber.Ctx) bool { return wantsPart(c) && c.Get("HX-Target") == "panel" }

// html answers with the component. It is rendered to memory, so that what goes
// wrong half way leaves no half page.
func html(c *fiber.Ctx, status int, component templ.Component) error {
	c.Status(status)
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Response().ResetBody()
	if err := component.Render(c.UserContext(), c.Response().BodyWriter()); err != nil {
		c.Response().ResetBody()
		return fmt.Errorf("render: %w", err)
	}
	return nil
}

// screen is a page of a workspace in its two sizes.
type screen struct {
	area   layout.Area
	title  string
	status int // 0: 200
	page   func(layout.Frame) templ.Component
	part   templ.Component // nil: scripts get the page too
}

// show answers with the screen in the size that is asked for.
func (s *Server) show(c *fiber.Ctx, ws *models.Workspace, v screen) error {
	if v.status == 0 {
		v.status = fiber.StatusOK
	}
	if v.part != nil && wantsPart(c) {
		return html(c, v.status, v.part)
	}
	f, err := s.frame(c, ws, v.area, v.title)
	if err != nil {
		return err
	}
	return html(c, v.status, v.page(f))
}

// bare answers with a page of one column.
func (s *Server) bare(c *fiber.Ctx, status int, title string, whole func(layout.Page) templ.Component, part templ.Component) error {
	if part != nil && wantsPart(c) {
		return html(c, status, part)
	}
	p, err := s.page(c, title)
	if err != nil {
		return err
	}
	return html(c, status, whole(p))
}

// page is what the document around every page shows.
func (s *Server) page(c *fiber.Ctx, title string) (layout.Page, error) {
	p := layout.Page{Title: title, Theme: c.Cookies("theme"), Folded: c.Cookies("nav") == "folded", Now: s.config.Now()}
	se, err := s.session(c)
	if err != nil || se == nil {
		return p, err
	}
	if p.Theme == "" {
		p.Theme = se.row.Person.User.Theme
	}
	p.CSRF = se.get(keptToken)
	p.Toasts = s.left(c)
	return p, nil
}

// frame is what stands around a page of the workspace.
func (s *Server) frame(c *fiber.Ctx, ws *models.Workspace, area layout.Area, title string) (layout.Frame, error) {
	known, err := ws.Frame(c.UserContext())
	if err != nil {
		return layout.Frame{}, err
	}
	p, err := s.page(c, title)
	if err != nil {
		return layout.Frame{}, err
	}
	p.Live = "/live"
	f := layout.Frame{Page: p, Area: area, Organization: ws.Organization.Name, Logo: ui.LogoURL(ws.Organization.ID, ws.Organization.Logo),
		Sandbox: ws.Organization.Demo, Organize: ws.May(models.ManageOrganization), Billing: ws.May(models.ManageBilling),
		Person:  layout.Person{Name: ws.Member.Name, Email: ws.Member.Email, Avatar: ui.PictureURL(ws.Member.ID, ws.Member.Picture)},
		Compose: ws.May(models.WriteDrafts), Console: ws.Member.Platform.May(models.ReadInstallation), Unread: known.Unread}
	for _, m := range known.Organizations {
		f.Organizations = append(f.Organizations, layout.Organization{Name: m.Name, Logo: ui.LogoURL(m.OrganizationID, m.Logo),
			URL: "/organizations/" + m.OrganizationID.String() + "/open", Current: m.OrganizationID == ws.Organization.ID})
	}
	if known.Hold != nil {
		f.Hold = known.Hold.Reason
		if f.Hold == "" {
			f.Hold = "Whoever runs this installation has stopped it for a while. Nothing is lost: posts go out when it goes on."
		}
	}
	if f.Hold != "" && ws.Member.Platform.May(models.ChangeInstallation) {
		f.ReleaseHold = "/console"
	}
	return f, nil
}

// thin is as much of a frame as a part of a page needs: it asks the database
// for nothing.
func (s *Server) thin(c *fiber.Ctx) layout.Frame {
	return layout.Frame{Page: layout.Page{CSRF: s.csrf(c), Now: s.config.Now()}}
}

// csrf is the token that forms of this session carry.
func (s *Server) csrf(c *fiber.Ctx) string {
	if se := of(c).session; se != nil {
		return se.get(keptToken)
	}
	return ""
}

// toast is news that a script shows.
type toast struct {
	Tone   string  `json:"tone"`
	Text   string  `json:"text"`
	Action *action `json:"action,omitempty"`
}

// action is what may be done about the news.
type action struct {
	Word   string            `json:"word"`
	URL    string            `json:"url"`
	Method string            `json:"method,omitempty"` // none: it is a link
	Values map[string]string `json:"values,omitempty"`
}

// tell sends the news along with an answer to a script.
func tell(c *fiber.Ctx, t toast) {
	text, err := json.Marshal(map[string]toast{"toast": t})
	if err != nil {
		return // strings always encode
	}
	c.Set("HX-Trigger", ascii(text))
}

// ascii writes JSON so that it can stand in a header.
func ascii(text []byte) string {
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return b.String()
}

// goTo answers a form that was carried out: the browser goes to another page
// of ours, which shows the news.
func (s *Server) goTo(c *fiber.Ctx, path, tone, news string) error {
	if news != "" {
		if err := s.leave(c, ui.ToastParams{Tone: tone, Text: news}); err != nil {
			return err
		}
	}
	if wantsPart(c) {
		c.Set("HX-Redirect", path)
		return c.SendStatus(fiber.StatusNoContent)
	}
	return c.Redirect(path, fiber.StatusSeeOther)
}
