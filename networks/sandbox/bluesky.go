package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// How long a PDS's tokens live, and for how long a refresh token that was
// used still gives the same session's next tokens.
const (
	blueskyAccessLife  = 2 * time.Hour
	blueskyRefreshLife = 90 * 24 * time.Hour
	refreshGrace       = 2 * time.Hour
)

// pdsDID is the name of the imitated PDS.
const pdsDID = "did:web:sandbox.test"

type xrpcFailure struct {
	Error   string `json:"error"`
	Message string `json:"message"`
}

func xrpcError(w http.ResponseWriter, status int, name, message string) {
	writeJSON(w, status, xrpcFailure{name, message})
}

func invalidRequest(message string) *answer {
	return &answer{http.StatusBadRequest, xrpcFailure{"InvalidRequest", message}}
}

var internalFailure = answer{http.StatusInternalServerError, xrpcFailure{"InternalServerError", "Internal Server Error"}}

func blueskyDialect(s *Server) dialect {
	return dialect{
		created: http.StatusOK,
		limited: func(w http.ResponseWriter, wait time.Duration) {
			blueskyRate(w.Header(), blueskyHour, 0, s.now().Add(wait).Add(999*time.Millisecond))
			xrpcError(w, http.StatusTooManyRequests, "RateLimitExceeded", "Rate Limit Exceeded")
		},
		failed: func(w http.ResponseWriter) { writeJSON(w, internalFailure.status, internalFailure.body) },
		refused: func(w http.ResponseWriter, after bool) {
			if after {
				xrpcError(w, http.StatusBadRequest, "UpstreamFailure", "Upstream Failure")
				return
			}
			xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Invalid app.bsky.feed.post record: Record/text is not welcome here")
		},
		down: func(w http.ResponseWriter) {
			xrpcError(w, http.StatusServiceUnavailable, "NotEnoughResources", "Service Unavailable")
		},
	}
}

func (s *Server) routeBluesky(mux *http.ServeMux) {
	open := func(pattern string, h http.HandlerFunc) {
		method, name, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /bluesky/xrpc/"+name, s.api(Bluesky, h))
	}
	api := func(pattern string, points int, h func(http.ResponseWriter, *http.Request, *grant)) {
		open(pattern, s.blueskyDoor(points, h))
	}
	open("GET _health", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"version": "0.4.217"})
	})
	open("GET com.atproto.server.describeServer", s.describeServer)
	open("POST com.atproto.server.createSession", s.createSession)
	open("POST com.atproto.server.refreshSession", s.refreshSession)
	open("POST com.atproto.server.deleteSession", s.deleteSession)
	open("GET com.atproto.identity.resolveHandle", s.resolveHandle)
	open("GET com.atproto.repo.getRecord", s.getRecord)
	open("GET com.atproto.repo.listRecords", s.listRecords)
	open("GET com.atproto.sync.getBlob", s.getBlob)
	api("GET com.atproto.server.getSession", 0, s.getSession)
	api("GET app.bsky.actor.getProfile", 0, s.getProfile)
	api("POST com.atproto.repo.uploadBlob", 0, s.uploadBlob)
	api("POST com.atproto.repo.createRecord", 3, s.createRecord)
	api("POST com.atproto.repo.putRecord", 2, s.putRecord)
	api("POST com.atproto.repo.deleteRecord", 1, s.deleteRecord)
}

// blueskyDoor lets calls in that hold a session's access token and that are
// within the quota of points.
func (s *Server) blueskyDoor(points int, h func(http.ResponseWriter, *http.Request, *grant)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			xrpcError(w, http.StatusUnauthorized, "AuthMissing", "Authentication Required")
			return
		}
		known, ok := s.networks[Bluesky].access.Load(bearer(r))
		if !ok {
			xrpcError(w, http.StatusBadRequest, "InvalidToken", "Token could not be verified")
			return
		}
		token := known.(*accessToken)
		if token.grant.revoked.Load() || token.expired(s.now()) {
			xrpcError(w, http.StatusBadRequest, "ExpiredToken", "Token has expired")
			return
		}
		if points > 0 && !s.usePoints(w, token.grant.acct, points) {
			xrpcError(w, http.StatusTooManyRequests, "RateLimitExceeded", "Rate Limit Exceeded")
			return
		}
		h(w, r, token.grant)
	}
}

func (s *Server) usePoints(w http.ResponseWriter, a *account, points int) bool {
	for _, q := range []quota{blueskyDay, blueskyHour} {
		remaining, ends, ok := s.use(a, q, points)
		blueskyRate(w.Header(), q, remaining, ends)
		if !ok {
			return false
		}
	}
	return true
}

// newSession makes a session's two tokens. They look like those of a PDS, so
// that a caller can read their end; what they are good for is looked up.
func (s *Server) newSession(a *account) tokens {
	now := s.now()
	access := token("at+jwt", map[string]any{"scope": "com.atproto.appPass", "sub": a.id, "aud": pdsDID,
		"iat": now.Unix(), "exp": now.Add(blueskyAccessLife).Unix(), "jti": secret(8)})
	refresh := token("refresh+jwt", map[string]any{"scope": "com.atproto.refresh", "sub": a.id, "aud": pdsDID,
		"jti": secret(16), "iat": now.Unix(), "exp": now.Add(blueskyRefreshLife).Unix()})
	return tokens{access: access, refresh: refresh, lives: blueskyAccessLife}
}

// token writes a JSON Web Token with a signature that nobody checks.
func token(typ string, claims map[string]any) string {
	part := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			panic("sandbox: claims cannot be encoded: " + err.Error())
		}
		return base64.RawURLEncoding.EncodeToString(b)
	}
	body := part(map[string]string{"typ": typ, "alg": "HS256"}) + "." + part(claims)
	sum := hmac.New(sha256.New, []byte("sandbox"))
	sum.Write([]byte(body))
	return body + "." + base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}

// email is the address that goes with an account; it may be signed in with.
func (a *account) email() string {
	name, _, _ := strings.Cut(a.handle, ".")
	return name + "@example.test"
}

// byIdentifier finds an account by DID, handle or e-mail address.
func (n *network) byIdentifier(identifier string) *account {
	identifier = strings.TrimPrefix(strings.TrimSpace(identifier), "@")
	if strings.HasPrefix(identifier, "did:") {
		return n.accountByID(identifier)
	}
	if name, domain, ok := strings.Cut(identifier, "@"); ok && domain == "example.test" {
		identifier = name + blueskyDomain
	}
	return n.account(identifier)
}

func (s *Server) createSession(w http.ResponseWriter, r *http.Request) {
	var d struct {
		Identifier string `json:"identifier"`
		Password   string `json:"password"`
	}
	if err := decodeJSON(w, r, &d, false); err != nil || d.Identifier == "" || d.Password == "" {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", `Input must have the properties "identifier" and "password"`)
		return
	}
	a := s.networks[Bluesky].byIdentifier(d.Identifier)
	if a == nil {
		xrpcError(w, http.StatusUnauthorized, "AuthenticationRequired", "Invalid identifier or password")
		return
	}
	remaining, ends, ok := s.use(a, blueskySignIn, 1)
	blueskyRate(w.Header(), blueskySignIn, remaining, ends)
	if !ok {
		xrpcError(w, http.StatusTooManyRequests, "RateLimitExceeded", "Rate Limit Exceeded")
		return
	}
	password := a.appPassword()
	if password == "" || !same(password, d.Password) {
		xrpcError(w, http.StatusUnauthorized, "AuthenticationRequired", "Invalid identifier or password")
		return
	}
	t := s.newSession(a)
	if _, err := s.open(a, "", nil, t, false); err != nil {
		a.net.dialect.failed(w)
		return
	}
	writeSession(w, a, t)
}

func didDoc(a *account) map[string]any {
	return map[string]any{"@context": []string{"https://www.w3.org/ns/did/v1"}, "id": a.id,
		"alsoKnownAs": []string{"at://" + a.handle},
		"service":     []map[string]string{{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": a.net.site}}}
}

func writeSession(w http.ResponseWriter, a *account, t tokens) {
	writeJSON(w, http.StatusOK, map[string]any{"accessJwt": t.access, "refreshJwt": t.refresh, "handle": a.handle, "did": a.id,
		"didDoc": didDoc(a), "email": a.email(), "emailConfirmed": true, "emailAuthFactor": false, "active": true})
}

// refreshOf finds the refresh token of a call, or answers what is wrong with it.
func (s *Server) refreshOf(w http.ResponseWriter, r *http.Request) *refreshToken {
	if r.Header.Get("Authorization") == "" {
		xrpcError(w, http.StatusUnauthorized, "AuthMissing", "Authentication Required")
		return nil
	}
	known, ok := s.networks[Bluesky].refresh.Load(bearer(r))
	if !ok {
		xrpcError(w, http.StatusBadRequest, "InvalidToken", "Token could not be verified")
		return nil
	}
	return known.(*refreshToken)
}

// refreshSession gives the next tokens. A refresh token that was used already
// gives the next ones once more for two hours, as the PDS does.
func (s *Server) refreshSession(w http.ResponseWriter, r *http.Request) {
	old := s.refreshOf(w, r)
	if old == nil {
		return
	}
	g, now := old.grant, s.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.revoked.Load() || !now.Before(old.ends) {
		xrpcError(w, http.StatusBadRequest, "ExpiredToken", "Token has been revoked")
		return
	}
	t := s.newSession(g.acct)
	if old.spent {
		t.refresh = old.heir.value
	}
	if err := s.renew(g, old, t); err != nil {
		g.acct.net.dialect.failed(w)
		return
	}
	writeSession(w, g.acct, t)
}

func (s *Server) deleteSession(w http.ResponseWriter, r *http.Request) {
	old := s.refreshOf(w, r)
	if old == nil {
		return
	}
	if err := s.revoke(old.grant); err != nil {
		s.networks[Bluesky].dialect.failed(w)
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (s *Server) getSession(w http.ResponseWriter, _ *http.Request, g *grant) {
	a := g.acct
	writeJSON(w, http.StatusOK, map[string]any{"handle": a.handle, "did": a.id, "didDoc": didDoc(a), "email": a.email(),
		"emailConfirmed": true, "emailAuthFactor": false, "active": true})
}

func (s *Server) describeServer(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"did": pdsDID, "availableUserDomains": []string{blueskyDomain},
		"inviteCodeRequired": false, "links": map[string]string{}, "contact": map[string]string{}})
}

func (s *Server) resolveHandle(w http.ResponseWriter, r *http.Request) {
	handle := r.URL.Query().Get("handle")
	if !handleRule[Bluesky].pattern.MatchString(strings.ToLower(handle)) {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Error: Params must have a valid handle")
		return
	}
	a := s.networks[Bluesky].account(handle)
	if a == nil {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Unable to resolve handle")
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"did": a.id})
}

func (s *Server) getProfile(w http.ResponseWriter, r *http.Request, _ *grant) {
	a := s.networks[Bluesky].byIdentifier(r.URL.Query().Get("actor"))
	if a == nil {
		xrpcError(w, http.StatusBadRequest, "InvalidRequest", "Profile not found")
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"did": a.id, "handle": a.handle, "displayName": a.name, "avatar": s.avatarURL(a),
		"description": "An account of the sandbox.", "followersCount": 0, "followsCount": 0, "postsCount": a.count(),
		"createdAt": a.created.Format(mastodonTime), "indexedAt": a.created.Format(mastodonTime), "labels": []any{}})
}

func (s *Server) getBlob(w http.ResponseWriter, r *http.Request) {
	m := s.networks[Bluesky].medium(r.URL.Query().Get("cid"))
	if m == nil {
		xrpcError(w, http.StatusBadRequest, "BlobNotFound", "Blob not found")
		return
	}
	s.sendMedium(w, r, m)
}
