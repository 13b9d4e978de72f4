package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/markbates/goth"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/wire"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// provider returns one at a server whose token endpoint is h.
func provider(t *testing.T, basic bool, h http.HandlerFunc) *Provider {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return &Provider{
		Key: "net", App: networks.App{ClientID: "the client", ClientSecret: "cs-secret"}, Redirect: "https://allin.example/back",
		Endpoint: Endpoint{
			Name: "Net", AuthorizeURL: "https://net.example/authorize", TokenURL: s.URL + "/token", RevokeURL: s.URL + "/revoke",
			Scopes: []string{"read", "write"}, Basic: basic,
			Wire: wire.Client{HTTP: s.Client(), Timeout: 2 * time.Second}, Now: func() time.Time { return noon },
		},
		Describe: func(_ context.Context, t networks.Token) (networks.Profile, error) {
			if t.Access != "at-1" {
				return networks.Profile{}, errors.New("wrong token")
			}
			return networks.Profile{RemoteID: "7", Handle: "me", Name: "Me", URL: "https://net.example/me"}, nil
		},
	}
}

func TestConsent(t *testing.T) {
	for _, basic := range []bool{false, true} {
		var challenge string
		p := provider(t, basic, func(w http.ResponseWriter, r *http.Request) {
			sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
			id, secret, _ := r.BasicAuth()
			switch {
			case base64.RawURLEncoding.EncodeToString(sum[:]) != challenge:
				t.Error("the verifier does not fit the challenge")
			case basic && (id != "the+client" || secret != "cs-secret" || r.FormValue("client_secret") != ""):
				t.Errorf("credentials in the header: %q", id)
			case !basic && (id != "" || r.FormValue("client_secret") != "cs-secret"):
				t.Error("credentials in the form")
			case r.FormValue("code") != "c-1" || r.FormValue("redirect_uri") != p0 || r.FormValue("grant_type") != "authorization_code":
				t.Errorf("form: %v", r.Form)
			}
			_, _ = io.WriteString(w, `{"access_token":"at-1","refresh_token":"rt-1","expires_in":7200,"scope":"read write"}`)
		})
		begun, err := p.BeginAuth("state-1")
		if err != nil {
			t.Fatal(err)
		}
		address, err := begun.GetAuthURL()
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		challenge = q.Get("code_challenge")
		if q.Get("state") != "state-1" || q.Get("code_challenge_method") != "S256" || q.Get("scope") != "read write" || q.Get("redirect_uri") != p0 || q.Get("client_id") != "the client" {
			t.Errorf("address: %s", address)
		}
		session, err := p.UnmarshalSession(begun.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.FetchUser(session); err == nil {
			t.Error("a session without a token told who it is")
		}
		if _, err := session.Authorize(p, url.Values{"code": {"c-1"}}); err != nil {
			t.Fatal(err)
		}
		who, err := p.FetchUser(session)
		if err != nil || who.UserID != "7" || who.NickName != "me" || who.AccessToken != "at-1" || who.RefreshToken != "rt-1" || !who.ExpiresAt.Equal(noon.Add(2*time.Hour)) || len(who.RawData["scopes"].([]string)) != 2 {
			t.Errorf("got %+v, %v", who, err)
		}
	}
}

const p0 = "https://allin.example/back"

func TestConsentRefused(t *testing.T) {
	p := provider(t, false, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
	})
	for query, kind := range map[string]networks.Kind{
		"error=access_denied": networks.Reauthorize, "error=server_error": networks.Unavailable,
		"error=invalid_scope": networks.Operator, "": networks.Reauthorize, "code=old": networks.Reauthorize,
	} {
		begun, err := p.BeginAuth("s")
		if err != nil {
			t.Fatal(err)
		}
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = begun.Authorize(p, q)
		var e *networks.Error
		if !errors.As(err, &e) || e.Kind != kind || !strings.HasSuffix(e.Message, ".") {
			t.Errorf("%q: got %v, want %s", query, err, kind)
		}
	}
	if _, err := (&Session{}).GetAuthURL(); err == nil || err.Error() != goth.NoAuthUrlErrorMessage {
		t.Errorf("no address: %v", err)
	}
	if _, err := p.UnmarshalSession("{"); err == nil {
		t.Error("a broken session was taken")
	}
}

func TestRevoke(t *testing.T) {
	status, body := 200, "{}"
	p := provider(t, false, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/revoke" || r.FormValue("token") != "rt-1" {
			t.Errorf("asked %s %v", r.URL.Path, r.Form)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	for _, c := range []struct {
		status int
		body   string
		kind   networks.Kind
	}{
		{200, `{}`, ""}, {400, `{"error":"invalid_grant"}`, ""}, {503, ``, networks.Unavailable}, {401, `{"error":"invalid_client"}`, networks.Operator},
	} {
		status, body = c.status, c.body
		err := p.Endpoint.Revoke(context.Background(), p.App, "rt-1")
		if (err == nil) != (c.kind == "") || err != nil && networks.AsError(err).Kind != c.kind {
			t.Errorf("%d %s: got %v", c.status, c.body, err)
		}
	}
}
