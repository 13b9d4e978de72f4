package signin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

func TestProvidersAreThoseThatAreConfigured(t *testing.T) {
	if list := Providers(Config{}); len(list) != 0 {
		t.Errorf("%d providers without any configuration", len(list))
	}
	app := App{ID: "id", Secret: "s"}
	var keys []string
	for _, p := range Providers(Config{Google: app, GitHub: app, OIDC: app, Issuer: "https://login.example", Name: "Example", Origin: "https://allin.example"}) {
		keys = append(keys, p.Name()+" "+p.client.RedirectURL)
	}
	want := "google https://allin.example/sign-in/with/google/callback github https://allin.example/sign-in/with/github/callback oidc https://allin.example/sign-in/with/oidc/callback"
	if got := strings.Join(keys, " "); got != want {
		t.Errorf("got %s", got)
	}
}

// fakeGitHub answers as GitHub does.
func fakeGitHub(t *testing.T, primary bool) *Provider {
	t.Helper()
	var challenge string
	mux := http.NewServeMux()
	mux.HandleFunc("/login/oauth/access_token", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.FormValue("code") != "c" || oauth2.S256ChallengeFromVerifier(r.FormValue("code_verifier")) != challenge {
			_, _ = io.WriteString(w, `{"error":"bad_verification_code"}`) // with status 200
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"at","token_type":"bearer"}`)
	})
	mux.HandleFunc("/login/oauth/authorize", func(_ http.ResponseWriter, r *http.Request) { challenge = r.FormValue("code_challenge") })
	mux.HandleFunc("/user", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer at" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, `{"id":7,"login":"octo","name":null,"email":"public@example.com"}`)
	})
	mux.HandleFunc("/user/emails", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode([]map[string]any{{"email": "old@example.com", "verified": true}, {"email": "octo@example.com", "primary": primary, "verified": true}})
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p := newGitHub(Config{GitHub: App{ID: "id", Secret: "s"}, Origin: "https://allin.example", HTTP: server.Client(), Now: time.Now})
	p.Issuer, p.api = server.URL, server.URL
	return p
}

func TestGitHub(t *testing.T) {
	for _, primary := range []bool{true, false} {
		p := fakeGitHub(t, primary)
		begun, err := p.BeginAuth("state")
		if err != nil {
			t.Fatal(err)
		}
		address, err := begun.GetAuthURL()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.http.Get(address); err != nil {
			t.Fatal(err)
		}
		session, err := p.UnmarshalSession(begun.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.FetchUser(session); err == nil {
			t.Error("somebody was told before they signed in")
		}
		for query, want := range map[string]error{"error=access_denied": ErrDenied, "": ErrDenied, "code=old": ErrDenied, "code=c&iss=https://evil.example": ErrForged} {
			q, err := url.ParseQuery(query)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := session.Authorize(p, q); !errors.Is(err, want) {
				t.Errorf("%q: %v, want %v", query, err, want)
			}
		}
		if _, err := session.Authorize(p, url.Values{"code": {"c"}}); err != nil {
			t.Fatal(err)
		}
		who, err := p.FetchUser(session)
		email := map[bool]string{true: "octo@example.com", false: ""}[primary]
		if err != nil || who.UserID != "7" || who.Email != email || who.Name != "octo" || who.RawData["email_verified"] != primary {
			t.Errorf("got %+v, %v", who, err)
		}
	}
}

func TestTruth(t *testing.T) {
	for text, want := range map[string]bool{`true`: true, `"true"`: true, `false`: false, `"false"`: false, `1`: false, `null`: false} {
		var c claims
		if err := json.Unmarshal([]byte(`{"email_verified":`+text+`}`), &c); err != nil || bool(c.Verified) != want {
			t.Errorf("%s is %v, %v", text, c.Verified, err)
		}
	}
}
