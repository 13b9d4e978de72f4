package sandbox

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// demoClientID is the application whose tokens CreateAccount hands out.
const demoClientID = "sandbox-mastodon-client"

var mastodonScopes = []string{"read:accounts", "read:statuses", "write:statuses", "write:media"}

// knownScopes are the scopes that the server can grant.
var knownScopes = []string{"read", "write", "follow", "push", "profile",
	"read:accounts", "read:statuses", "read:search", "read:notifications", "read:lists",
	"write:accounts", "write:statuses", "write:media", "write:lists"}

// mastodonCodeLife is how long a code can be exchanged.
const mastodonCodeLife = 10 * time.Minute

// outOfBand is the redirect address that stands for none: the code is shown.
const outOfBand = "urn:ietf:wg:oauth:2.0:oob"

// mastodonDemoApp returns the application of CreateAccount.
func (s *Server) mastodonDemoApp() (*app, error) {
	n := s.networks[Mastodon]
	if known, ok := n.apps.Load(demoClientID); ok {
		return known.(*app), nil
	}
	a := &app{id: demoClientID, secret: "sandbox-mastodon-secret", name: "AllIN", scopes: mastodonScopes}
	known, _ := n.apps.LoadOrStore(demoClientID, a)
	return known.(*app), s.keepApp(n, a)
}

func (s *Server) keepApp(n *network, a *app) error {
	return s.journal.append(&Entry{At: s.now(), Op: opApp, Network: n.key, State: &state{Client: a.id, Secret: a.secret,
		Name: a.name, Redirects: a.redirects, Scopes: a.scopes}})
}

// mastodonRegister makes an application known to the server.
func (s *Server) mastodonRegister(w http.ResponseWriter, r *http.Request) {
	v, err := values(w, r)
	if err != nil {
		mastodonFail(w, http.StatusBadRequest, "Error occurred while parsing request parameters")
		return
	}
	var redirects []string
	for _, given := range list(v, "redirect_uris") {
		redirects = append(redirects, strings.Fields(given)...)
	}
	for _, address := range redirects {
		if u, err := url.Parse(address); err != nil || u.Scheme == "" || u.Fragment != "" {
			mastodonFail(w, http.StatusUnprocessableEntity, "Validation failed: Redirect URI must be an absolute URI.")
			return
		}
	}
	name, scopes := v.Get("client_name"), strings.Fields(v.Get("scopes"))
	if len(scopes) == 0 {
		scopes = []string{"read"}
	}
	for _, scope := range scopes {
		if !slices.Contains(knownScopes, scope) {
			mastodonFail(w, http.StatusUnprocessableEntity, "Validation failed: Scopes doesn't match configured on the server.")
			return
		}
	}
	if name == "" || len(redirects) == 0 {
		mastodonFail(w, http.StatusUnprocessableEntity, "Validation failed: Application name can't be blank, Redirect URI can't be blank")
		return
	}
	a := &app{id: secret(16), secret: secret(16), name: name, redirects: redirects, scopes: scopes}
	n := s.networks[Mastodon]
	if err := s.keepApp(n, a); err != nil {
		n.dialect.failed(w)
		return
	}
	n.apps.Store(a.id, a)
	writeJSON(w, http.StatusOK, map[string]any{"id": fmt.Sprint(n.nextID(s.now())), "name": name, "website": orNull(v.Get("website")),
		"scopes": scopes, "redirect_uris": redirects, "redirect_uri": strings.Join(redirects, "\n"), "client_id": a.id,
		"client_secret": a.secret, "client_secret_expires_at": 0, "vapid_key": "BCk-QqERU0q-CfYZjcuB6lnyyOYfJ2AifKqfeGIm7Z-HiTU5T9eTG5GxVA0_OH5mMlI4UkkDTpaZwozy0TzdZ2M="})
}

// mastodonClient returns the application that makes a token call; it says who
// it is in the body or by HTTP Basic.
func (s *Server) mastodonClient(w http.ResponseWriter, r *http.Request) (*app, url.Values, bool) {
	v, err := values(w, r)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, oauthError{"invalid_request", "The request is malformed."})
		return nil, nil, false
	}
	id, password := v.Get("client_id"), v.Get("client_secret")
	if user, pass, ok := r.BasicAuth(); ok {
		id, password = user, pass
	}
	known, ok := s.networks[Mastodon].apps.Load(id)
	if !ok || !same(known.(*app).secret, password) {
		writeJSON(w, http.StatusUnauthorized, oauthError{"invalid_client", "Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method."})
		return nil, nil, false
	}
	return known.(*app), v, true
}

func (s *Server) mastodonToken(w http.ResponseWriter, r *http.Request) {
	client, v, ok := s.mastodonClient(w, r)
	if !ok {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if v.Get("grant_type") != "authorization_code" {
		writeJSON(w, http.StatusBadRequest, oauthError{"unsupported_grant_type", "The authorization grant type is not supported by the authorization server."})
		return
	}
	c := s.networks[Mastodon].takeCode(v.Get("code"))
	if c == nil || c.client != client.id || c.redirect != v.Get("redirect_uri") || !s.now().Before(c.ends) || !c.proves(v.Get("code_verifier")) {
		writeJSON(w, http.StatusBadRequest, oauthError{"invalid_grant", "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."})
		return
	}
	t := tokens{access: secret(32)}
	if _, err := s.open(c.acct, client.id, c.scopes, t, false); err != nil {
		s.networks[Mastodon].dialect.failed(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"access_token": t.access, "token_type": "Bearer",
		"scope": strings.Join(c.scopes, " "), "created_at": s.now().Unix()})
}

// mastodonRevoke ends a token of the application that asks.
func (s *Server) mastodonRevoke(w http.ResponseWriter, r *http.Request) {
	client, v, ok := s.mastodonClient(w, r)
	if !ok {
		return
	}
	if g := s.networks[Mastodon].grantOf(v.Get("token")); g != nil {
		if g.client != client.id {
			writeJSON(w, http.StatusForbidden, oauthError{"unauthorized_client", "You are not authorized to revoke this token"})
			return
		}
		if err := s.revoke(g); err != nil {
			s.networks[Mastodon].dialect.failed(w)
			return
		}
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

func (s *Server) mastodonMetadata(w http.ResponseWriter, _ *http.Request) {
	site := s.networks[Mastodon].site
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": site + "/", "service_documentation": "https://docs.joinmastodon.org/",
		"authorization_endpoint": site + "/oauth/authorize", "token_endpoint": site + "/oauth/token",
		"app_registration_endpoint": site + "/api/v1/apps", "revocation_endpoint": site + "/oauth/revoke",
		"userinfo_endpoint": site + "/oauth/userinfo", "scopes_supported": knownScopes,
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query", "fragment", "form_post"},
		"grant_types_supported":                 []string{"authorization_code", "client_credentials"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"code_challenge_methods_supported":      []string{"S256"},
	})
}

func (s *Server) mastodonNodeinfoLinks(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"links": []map[string]string{{
		"rel": "http://nodeinfo.diaspora.software/ns/schema/2.0", "href": s.networks[Mastodon].site + "/nodeinfo/2.0"}}})
}

func (s *Server) mastodonNodeinfo(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"version": "2.0", "software": map[string]string{"name": "mastodon", "version": "4.5.0"},
		"protocols": []string{"activitypub"}, "services": map[string]any{"outbound": []any{}, "inbound": []any{}},
		"usage": map[string]any{"users": map[string]int{"total": len(s.networks[Mastodon].allAccounts())}}, "openRegistrations": false,
		"metadata": map[string]string{"nodeName": "Sandbox", "nodeDescription": "An imitation for trying things out"}})
}

func (s *Server) mastodonInstance(w http.ResponseWriter, _ *http.Request) {
	n := s.networks[Mastodon]
	icon := s.cfg.Base + "/sandbox.svg"
	writeJSON(w, http.StatusOK, map[string]any{
		"domain": siteHost(n.site), "uri": siteHost(n.site), "title": "Sandbox", "version": "4.5.0", "source_url": "https://github.com/mastodon/mastodon",
		"description": "An imitation for trying things out", "usage": map[string]any{"users": map[string]int{"active_month": len(n.allAccounts())}},
		"thumbnail": map[string]string{"url": icon}, "icon": []any{}, "languages": []string{"en"}, "api_versions": map[string]int{"mastodon": 7},
		"rules": []any{}, "registrations": map[string]any{"enabled": false, "approval_required": false, "message": nil},
		"contact": map[string]any{"email": "", "account": nil},
		"configuration": map[string]any{
			"urls":     map[string]any{"streaming": nil},
			"accounts": map[string]int{"max_featured_tags": 10, "max_pinned_statuses": 5},
			"statuses": map[string]int{"max_characters": mastodonMaxChars, "max_media_attachments": mastodonMaxMedia, "characters_reserved_per_url": mastodonLinkChars},
			"media_attachments": map[string]any{"supported_mime_types": mastodonTypes, "description_limit": mastodonMaxAlt,
				"image_size_limit": mastodonMaxImage, "image_matrix_limit": 33177600,
				"video_size_limit": mastodonMaxVideo, "video_frame_rate_limit": 120, "video_matrix_limit": 8294400},
			"polls":       map[string]int{"max_options": 4, "max_characters_per_option": 50, "min_expiration": 300, "max_expiration": 2629746},
			"translation": map[string]bool{"enabled": false},
		},
	})
}

// mastodonUpload takes a file: a picture is ready at once, a video is worked on first.
func (s *Server) mastodonUpload(w http.ResponseWriter, r *http.Request, g *grant) {
	id := fmt.Sprint(g.acct.net.nextID(s.now()))
	m := &medium{id: id, acct: g.acct, at: s.now(), done: s.now(), file: s.mediaFile(Mastodon, id)}
	got, err := readMastodonUpload(w, r, m)
	if err != nil {
		message := err.Error()
		mastodonFail(w, http.StatusUnprocessableEntity, "Validation failed: "+strings.ToUpper(message[:1])+message[1:])
		return
	}
	m.size, m.typ = got.size, sniff(got.head)
	m.category = xCategories[kindOf(m.typ)]
	m.slow = m.category == xVideo
	refusal := ""
	switch {
	case !slices.Contains(mastodonTypes, m.typ):
		refusal = "File content type is invalid, File is invalid"
	case m.category != xVideo && m.size > mastodonMaxImage:
		refusal = "File file size must be less than 16 MB"
	case len([]rune(m.alt)) > mastodonMaxAlt:
		refusal = fmt.Sprintf("Description is too long (maximum is %d characters)", mastodonMaxAlt)
	}
	if refusal != "" {
		_ = os.Remove(m.file) // a leftover file hurts nobody
		mastodonFail(w, http.StatusUnprocessableEntity, "Validation failed: "+refusal)
		return
	}
	if err := s.keep(m); err != nil {
		g.acct.net.dialect.failed(w)
		return
	}
	if m.slow {
		writeJSON(w, http.StatusAccepted, s.attachment(m, false))
		return
	}
	writeJSON(w, http.StatusOK, s.attachment(m, true))
}

func readMastodonUpload(w http.ResponseWriter, r *http.Request, m *medium) (received, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return received{}, errors.New("file can't be blank")
	}
	parts := multipart.NewReader(http.MaxBytesReader(w, r.Body, mastodonMaxVideo+maxJSON), params["boundary"])
	var got received
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return got, fmt.Errorf("the multipart body is broken: %w", err)
		}
		switch part.FormName() {
		case "file":
			got, err = receive(m.file, part, mastodonMaxVideo)
		case "description":
			var text []byte
			text, err = io.ReadAll(io.LimitReader(part, 64<<10))
			m.alt = string(text)
		}
		if err != nil {
			return got, err
		}
	}
	if got.size == 0 {
		return got, errors.New("file can't be blank")
	}
	return got, nil
}

// ownMedium finds a medium of the account, or answers that there is none.
func (s *Server) ownMedium(w http.ResponseWriter, r *http.Request, g *grant) *medium {
	m := g.acct.net.medium(r.PathValue("id"))
	if m == nil || m.acct != g.acct {
		mastodonFail(w, http.StatusNotFound, "Record not found")
		return nil
	}
	return m
}

func (s *Server) mastodonMediaByID(w http.ResponseWriter, r *http.Request, g *grant) {
	m := s.ownMedium(w, r, g)
	if m == nil {
		return
	}
	if !m.poll(s.now()) {
		writeJSON(w, http.StatusPartialContent, s.attachment(m, false))
		return
	}
	writeJSON(w, http.StatusOK, s.attachment(m, true))
}

func (s *Server) mastodonDescribe(w http.ResponseWriter, r *http.Request, g *grant) {
	m := s.ownMedium(w, r, g)
	if m == nil {
		return
	}
	var alt string
	if isJSON(r) {
		var d struct {
			Description string `json:"description"`
		}
		if err := decodeJSON(w, r, &d, false); err != nil {
			mastodonFail(w, http.StatusBadRequest, "Error occurred while parsing request parameters")
			return
		}
		alt = d.Description
	} else {
		r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
		alt = r.FormValue("description")
	}
	if len([]rune(alt)) > mastodonMaxAlt {
		mastodonFail(w, http.StatusUnprocessableEntity, fmt.Sprintf("Validation failed: Description is too long (maximum is %d characters)", mastodonMaxAlt))
		return
	}
	if err := s.describe(m, alt); err != nil {
		g.acct.net.dialect.failed(w)
		return
	}
	writeJSON(w, http.StatusOK, s.attachment(m, m.ready(s.now())))
}
