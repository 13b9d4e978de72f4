package sandbox

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The confidential client that X's imitation knows. X hands out such names in
// its developer portal; the sandbox has one for everybody.
const (
	XClientID     = "sandbox-x-client"
	XClientSecret = "sandbox-x-secret"
)

// xScopes are the scopes that X's imitation can grant.
var xScopes = []string{"tweet.read", "tweet.write", "users.read", "media.write", "offline.access"}

// How long things live on X.
const (
	xCodeLife   = 30 * time.Second
	xAccessLife = 2 * time.Hour
	xMediaLife  = 24 * time.Hour
)

func (s *Server) addXClient() {
	s.networks[X].apps.Store(XClientID, &app{id: XClientID, secret: XClientSecret, name: "AllIN", scopes: xScopes})
}

func newXTokens() tokens {
	return tokens{access: secret(40), refresh: secret(40), lives: xAccessLife}
}

// code is an authorization code: good once, for a short time.
type code struct {
	acct             *account
	client, redirect string
	scopes           []string
	challenge        string // of PKCE, S256; "" where there was none
	ends             time.Time
}

// proves reports whether the verifier fits the code's challenge (RFC 7636 §4.6).
func (c *code) proves(verifier string) bool {
	if c.challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	return len(verifier) >= 43 && len(verifier) <= 128 &&
		same(base64.RawURLEncoding.EncodeToString(sum[:]), c.challenge)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// takeCode returns the code of that name and makes sure that nobody gets it again.
func (n *network) takeCode(name string) *code {
	if c, ok := n.codes.LoadAndDelete(name); ok {
		return c.(*code)
	}
	return nil
}

// oauthError is the error of a token call (RFC 6749 §5.2).
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description,omitempty"`
}

// values returns the fields of a form or of a JSON object.
func values(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if !isJSON(r) {
		r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
		err := r.ParseForm()
		return r.PostForm, err
	}
	var fields map[string]any
	if err := decodeJSON(w, r, &fields, false); err != nil {
		return nil, err
	}
	v := url.Values{}
	for name, field := range fields {
		switch field := field.(type) {
		case string:
			v.Set(name, field)
		case []any:
			for _, item := range field {
				if text, ok := item.(string); ok {
					v.Add(name, text)
				}
			}
		}
	}
	return v, nil
}

// xClient returns the client that makes a token call: a confidential one says
// who it is by HTTP Basic.
func (s *Server) xClient(w http.ResponseWriter, r *http.Request) (*app, url.Values, bool) {
	v, err := values(w, r)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, oauthError{"invalid_request", "The body could not be read."})
		return nil, nil, false
	}
	id, password, _ := r.BasicAuth()
	if decoded, err := url.QueryUnescape(id); err == nil {
		id = decoded
	}
	if decoded, err := url.QueryUnescape(password); err == nil {
		password = decoded
	}
	known, ok := s.networks[X].apps.Load(id)
	if !ok || !same(known.(*app).secret, password) {
		writeJSON(w, http.StatusUnauthorized, oauthError{"unauthorized_client", "Missing valid authorization header"})
		return nil, nil, false
	}
	return known.(*app), v, true
}

func (s *Server) xToken(w http.ResponseWriter, r *http.Request) {
	client, v, ok := s.xClient(w, r)
	if !ok {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	switch v.Get("grant_type") {
	case "authorization_code":
		s.xExchange(w, client, v)
	case "refresh_token":
		s.xRefresh(w, client, v)
	default:
		writeJSON(w, http.StatusBadRequest, oauthError{"unsupported_grant_type", "Missing or unknown parameter [grant_type]."})
	}
}

func (s *Server) xExchange(w http.ResponseWriter, client *app, v url.Values) {
	c := s.networks[X].takeCode(v.Get("code"))
	switch {
	case c == nil || c.client != client.id || !s.now().Before(c.ends):
		writeJSON(w, http.StatusBadRequest, oauthError{"invalid_grant", "Value passed for the authorization code was invalid."})
		return
	case c.redirect != v.Get("redirect_uri"):
		writeJSON(w, http.StatusBadRequest, oauthError{"invalid_grant", "Value passed for the redirect uri did not match the uri of the authorization code."})
		return
	case !c.proves(v.Get("code_verifier")):
		writeJSON(w, http.StatusBadRequest, oauthError{"invalid_grant", "Value passed for the code verifier did not match the code challenge."})
		return
	}
	t := newXTokens()
	if !slices.Contains(c.scopes, "offline.access") {
		t.refresh = ""
	}
	g, err := s.open(c.acct, client.id, c.scopes, t, false)
	if err != nil {
		s.networks[X].dialect.failed(w)
		return
	}
	writeXTokens(w, g, t)
}

func writeXTokens(w http.ResponseWriter, g *grant, t tokens) {
	body := map[string]any{"token_type": "bearer", "expires_in": int(t.lives.Seconds()),
		"access_token": t.access, "scope": strings.Join(g.scopes, " ")}
	if t.refresh != "" {
		body["refresh_token"] = t.refresh
	}
	writeJSON(w, http.StatusOK, body)
}

// xRefresh gives new tokens for a refresh token, once. Who shows a spent one
// has it from a thief, or is one: the whole grant ends.
func (s *Server) xRefresh(w http.ResponseWriter, client *app, v url.Values) {
	refused := oauthError{"invalid_grant", "Value passed for the token was invalid."}
	known, ok := s.networks[X].refresh.Load(v.Get("refresh_token"))
	if !ok {
		writeJSON(w, http.StatusBadRequest, refused)
		return
	}
	old := known.(*refreshToken)
	g := old.grant
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.client != client.id || g.revoked.Load() {
		writeJSON(w, http.StatusBadRequest, refused)
		return
	}
	if old.spent {
		if err := s.revoke(g); err != nil {
			s.cfg.Log.Error("sandbox: revoke", "error", err)
		}
		writeJSON(w, http.StatusBadRequest, refused)
		return
	}
	t := newXTokens()
	if err := s.renew(g, old, t); err != nil {
		s.networks[X].dialect.failed(w)
		return
	}
	writeXTokens(w, g, t)
}

// xRevoke ends the grant of a token. An unknown token is no error (RFC 7009 §2.2).
func (s *Server) xRevoke(w http.ResponseWriter, r *http.Request) {
	client, v, ok := s.xClient(w, r)
	if !ok {
		return
	}
	if g := s.networks[X].grantOf(v.Get("token")); g != nil && g.client == client.id {
		if err := s.revoke(g); err != nil {
			s.networks[X].dialect.failed(w)
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]bool{"revoked": true})
}

// grantOf returns the grant that a token of either kind belongs to, or nil.
func (n *network) grantOf(token string) *grant {
	if t, ok := n.access.Load(token); ok {
		return t.(*accessToken).grant
	}
	if t, ok := n.refresh.Load(token); ok {
		return t.(*refreshToken).grant
	}
	return nil
}
