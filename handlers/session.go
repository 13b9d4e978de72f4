package handlers

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/gorilla/sessions"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// cookieAge is as long as browsers keep any cookie. When a session ends, the
// database decides.
const cookieAge = 400 * 24 * 60 * 60 // seconds

// Names of what a session keeps.
const (
	keptOrganization = "organization" // id of the one that is open
	keptToken        = "csrf"
)

// rowKey is where a gorilla session has the row that it was read from.
type rowKey struct{}

// sessionStore is a gorilla sessions.Store whose sessions are rows. There is a
// row for each browser that is signed in and none for anybody else.
type sessionStore struct {
	install *models.Install
	name    string
	options sessions.Options
}

func newSessionStore(install *models.Install, secure bool) *sessionStore {
	st := &sessionStore{install: install, name: "allin",
		options: sessions.Options{Path: "/", MaxAge: cookieAge, HttpOnly: true, SameSite: http.SameSiteLaxMode}}
	if secure {
		// With this prefix browsers take it from this very host only, and by https.
		st.name, st.options.Secure = "__Host-allin", true
	}
	return st
}

// Get returns the request's session, which is read once.
func (st *sessionStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(st, name)
}

// New reads the session that the cookie names, or returns an empty one.
func (st *sessionStore) New(r *http.Request, name string) (*sessions.Session, error) {
	se := sessions.NewSession(st, name)
	options := st.options
	se.Options, se.IsNew = &options, true
	cookie, err := r.Cookie(name)
	if err != nil {
		return se, nil // there is none
	}
	row, err := st.install.Session(r.Context(), cookie.Value)
	if err != nil || row == nil {
		return se, err
	}
	var kept map[string]string
	if err := json.Unmarshal(row.Data, &kept); err != nil {
		return se, fmt.Errorf("decode session: %w", err)
	}
	for k, v := range kept {
		se.Values[k] = v
	}
	se.Values[rowKey{}] = row
	se.ID, se.IsNew = row.Token, false
	return se, nil
}

// Save keeps the session's values and gives the browser its cookie. A session
// whose MaxAge is negative is ended.
func (st *sessionStore) Save(r *http.Request, w http.ResponseWriter, se *sessions.Session) error {
	if se.Options.MaxAge < 0 {
		http.SetCookie(w, sessions.NewCookie(se.Name(), "", se.Options))
		return st.install.EndSession(r.Context(), se.ID)
	}
	row, ok := se.Values[rowKey{}].(*models.Session)
	if !ok {
		return errors.New("a session is kept only for those who are signed in")
	}
	kept := map[string]string{}
	for k, v := range se.Values {
		if name, ok := k.(string); ok {
			kept[name], _ = v.(string)
		}
	}
	data, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("encode session: %w", err)
	}
	row.Data = data
	if err := st.install.SaveSession(r.Context(), row, r.RemoteAddr, r.UserAgent()); err != nil {
		return err
	}
	se.ID, se.IsNew = row.Token, false
	http.SetCookie(w, sessions.NewCookie(se.Name(), se.ID, se.Options))
	return nil
}

// session is the session of somebody who is signed in.
type session struct {
	*sessions.Session
	row *models.Session
}

func (se *session) get(name string) string { v, _ := se.Values[name].(string); return v }

// session returns the request's session, or nil when nobody is signed in.
func (s *Server) session(c *fiber.Ctx) (*session, error) {
	a := of(c)
	if a.looked {
		return a.session, nil
	}
	stored, err := s.sessions.Get(s.request(c), s.sessions.name)
	if err != nil {
		return nil, err
	}
	a.looked = true
	if row, ok := stored.Values[rowKey{}].(*models.Session); ok && row.Person != nil {
		a.session = &session{Session: stored, row: row}
		a.person = row.Person.User.ID.String()
	}
	return a.session, nil
}

// request is as much of an *http.Request as a session store looks at.
func (s *Server) request(c *fiber.Ctx) *http.Request {
	r := &http.Request{Method: c.Method(), RemoteAddr: s.clientIP(c), Header: http.Header{
		"Cookie": {c.Get(fiber.HeaderCookie)}, "User-Agent": {c.Get(fiber.HeaderUserAgent)}}}
	return r.WithContext(c.UserContext())
}

// headersOnly is the http.ResponseWriter that a session store writes its cookie to.
type headersOnly struct{ header http.Header }

func (w headersOnly) Header() http.Header         { return w.header }
func (w headersOnly) Write(b []byte) (int, error) { return len(b), nil }
func (w headersOnly) WriteHeader(int)             {}

func (s *Server) save(c *fiber.Ctx, se *session) error {
	w := headersOnly{http.Header{}}
	if err := s.sessions.Save(s.request(c), w, se.Session); err != nil {
		return err
	}
	for _, cookie := range w.header["Set-Cookie"] {
		c.Response().Header.Add(fiber.HeaderSetCookie, cookie) // fiber's Append would put two cookies into one line
	}
	return nil
}

// signInAs begins a session under a new id, with the first of the person's
// organizations open. One that the browser had ends.
func (s *Server) signInAs(c *fiber.Ctx, p *models.Person) error {
	memberships, err := p.Memberships(c.UserContext())
	if err != nil {
		return err
	}
	if old, err := s.session(c); err != nil {
		return err
	} else if old != nil {
		if err := s.install.EndSession(c.UserContext(), old.row.Token); err != nil {
			return err
		}
	}
	stored := sessions.NewSession(s.sessions, s.sessions.name)
	options := s.sessions.options
	stored.Options = &options
	se := &session{Session: stored, row: &models.Session{Token: models.NewToken(), Person: p}}
	stored.Values[rowKey{}] = se.row
	stored.Values[keptToken] = models.NewToken()
	if len(memberships) > 0 {
		stored.Values[keptOrganization] = memberships[0].OrganizationID.String()
	}
	a := of(c)
	a.session, a.looked, a.person = se, true, p.User.ID.String()
	return s.save(c, se)
}

// switchTo opens another organization in the session, under a new id
// and a new token: pages that other tabs still show of the last one can change
// nothing in this one.
func (s *Server) switchTo(c *fiber.Ctx, se *session, organization uuid.UUID) error {
	if err := s.install.RenewSession(c.UserContext(), se.row); err != nil {
		return err
	}
	se.Values[keptToken] = models.NewToken()
	se.Values[keptOrganization] = organization.String()
	return s.save(c, se)
}

// endSession signs the browser out.
func (s *Server) endSession(c *fiber.Ctx, se *session) error {
	se.Options.MaxAge = -1
	a := of(c)
	a.session = nil
	return s.save(c, se)
}

// newsAge is how long news wait for the page that shows them, in seconds.
const newsAge = 60

// newsCookie carries what one request has to say on the page that the next one
// shows. It is plain text for the person whose browser it is, so it need not
// wait for the database as a session's row would.
func (s *Server) newsCookie(value string, age int) *fiber.Cookie {
	return &fiber.Cookie{Name: s.sessions.name + "-news", Value: value, Path: "/", MaxAge: age, HTTPOnly: true,
		Secure: s.secure, SameSite: fiber.CookieSameSiteLaxMode}
}

// leave keeps news for the next page.
func (s *Server) leave(c *fiber.Ctx, toast ui.ToastParams) error {
	text, err := json.Marshal(toast)
	if err != nil {
		return fmt.Errorf("encode news: %w", err)
	}
	c.Cookie(s.newsCookie(base64.RawURLEncoding.EncodeToString(text), newsAge))
	return nil
}

// left takes the news that the request before left.
func (s *Server) left(c *fiber.Ctx) []ui.ToastParams {
	kept := c.Cookies(s.sessions.name + "-news")
	if kept == "" {
		return nil
	}
	c.Cookie(s.newsCookie("", -1))
	var toast ui.ToastParams
	text, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil || json.Unmarshal(text, &toast) != nil {
		return nil // somebody has written into the cookie: there are no news in it
	}
	return []ui.ToastParams{toast}
}
