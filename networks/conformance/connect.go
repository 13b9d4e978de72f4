package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/allin-platform/allin/networks"
)

// redirect is where networks send people back to. Nobody is there: the suite
// reads the address and does not go.
const redirect = "http://127.0.0.1:9/back"

// connected is a connected account with the application that it was connected by.
type connected struct {
	networks.Account
	app networks.App
}

// connect connects an account that no other case uses.
func (b *bench) connect(t *testing.T) connected {
	t.Helper()
	ctx := context.Background()
	site, err := b.net.Site(b.fixture.Site)
	if err != nil {
		t.Fatalf("site: %v", err)
	}
	app, err := b.net.Register(ctx, site, redirect)
	if err != nil {
		t.Fatalf("register: %v", err)
	}
	provider := b.net.Provider(app, site, redirect)
	begun, err := provider.BeginAuth("state-of-this-attempt")
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	handle := fmt.Sprintf("conf%d", b.next())
	var answers url.Values
	if b.net.Info().Connect.Consent {
		address, err := begun.GetAuthURL()
		if err != nil {
			t.Fatalf("address: %v", err)
		}
		answers = b.consent(t, address, handle)
	} else {
		answers = b.fields(t, handle)
	}
	session, err := provider.UnmarshalSession(begun.Marshal()) // as after a redirect
	if err != nil {
		t.Fatalf("session: %v", err)
	}
	if _, err := session.Authorize(provider, answers); err != nil {
		t.Fatalf("authorize: %v", err)
	}
	user, err := provider.FetchUser(session)
	if err != nil {
		t.Fatalf("fetch user: %v", err)
	}
	scopes, _ := user.RawData["scopes"].([]string)
	c := connected{app: app, Account: networks.Account{
		ID: handle, Network: b.key, Site: site, RemoteID: user.UserID, Handle: user.NickName,
		Token: networks.Token{Access: user.AccessToken, Refresh: user.RefreshToken, Expires: user.ExpiresAt, Scopes: scopes},
	}}
	who, err := b.net.Describe(ctx, c.Account)
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	if who.RemoteID != c.RemoteID || who.Handle != c.Handle || c.RemoteID == "" || c.Handle == "" || c.Token.Access == "" {
		t.Fatalf("connected %s %q, described %+v", c.RemoteID, c.Handle, who)
	}
	c.Limits = who.Limits
	return c
}

// fields returns what the person types.
func (b *bench) fields(t *testing.T, handle string) url.Values {
	t.Helper()
	answers := url.Values{}
	for name, value := range b.fixture.Fields {
		answers.Set(name, value)
	}
	if b.box == nil || len(answers) > 0 {
		return answers
	}
	keys, err := b.box.CreateAccount(b.key, handle, "Conformance")
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range b.net.Info().Connect.Fields {
		answers.Set(field.Name, keys.Handle)
		if field.Secret {
			answers.Set(field.Name, keys.AppPassword)
		}
	}
	return answers
}

// consent does what a person does on the network's page, and returns what the
// network sends back with them.
func (b *bench) consent(t *testing.T, address, handle string) url.Values {
	t.Helper()
	if b.box == nil {
		t.Fatal("a real server's consent cannot be given by the suite")
	}
	if _, err := b.box.CreateAccount(b.key, handle, "Conformance"); err != nil {
		t.Fatal(err)
	}
	resp, err := b.server.HTTP.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		page, _ := io.ReadAll(resp.Body)
		t.Fatalf("the consent page answers %d: %s", resp.StatusCode, page)
	}
	action, form, err := readForm(resp.Body, handle)
	if err != nil {
		t.Fatal(err)
	}
	target, err := resp.Request.URL.Parse(action)
	if err != nil {
		t.Fatal(err)
	}
	done, err := b.server.HTTP.PostForm(target.String(), form)
	if err != nil {
		t.Fatal(err)
	}
	defer done.Body.Close()
	back, err := done.Location()
	if err != nil || !strings.HasPrefix(back.String(), redirect+"?") {
		page, _ := io.ReadAll(done.Body)
		t.Fatalf("consent was answered with %d to %v: %s", done.StatusCode, back, page)
	}
	if got := back.Query().Get("state"); got != "state-of-this-attempt" {
		t.Errorf("the state came back as %q", got)
	}
	return back.Query()
}

// readForm fills in the first form of a page: its text fields with the
// handle, what is ticked left ticked, and its first button pressed.
func readForm(page io.Reader, handle string) (action string, form url.Values, err error) {
	z := html.NewTokenizer(page)
	form = url.Values{}
	inside, pressed := false, false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return "", nil, fmt.Errorf("the page has no form: %w", z.Err())
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := z.Token()
			attr := map[string]string{}
			for _, a := range tag.Attr {
				attr[a.Key] = a.Val
			}
			switch {
			case tag.Data == "form" && strings.EqualFold(attr["method"], "post"):
				inside, action = true, attr["action"]
			case inside && tag.Data == "input" && (attr["type"] == "hidden" || attr["type"] == "submit"):
				form.Set(attr["name"], attr["value"])
			case inside && tag.Data == "input" && (attr["type"] == "" || attr["type"] == "text"):
				form.Set(attr["name"], handle)
			case inside && tag.Data == "input" && attr["type"] == "checkbox":
				if _, ticked := attr["checked"]; ticked {
					form.Add(attr["name"], attr["value"])
				}
			case inside && tag.Data == "button" && !pressed && attr["name"] != "":
				pressed = true
				form.Set(attr["name"], attr["value"])
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); inside && string(name) == "form" {
				return action, form, nil
			}
		}
	}
}

func (b *bench) testConnect(t *testing.T) {
	a := b.connect(t)
	info := b.net.Info()
	if a.Token.Refresh == "" && !a.Token.Expires.IsZero() {
		t.Errorf("%s: the token ends at %s and cannot be renewed", info.Name, a.Token.Expires)
	}
	settling := b.net.Settling(a.Account)
	key := b.net.NewKey(a.Account, b.server.Now())
	byKey := settling.Method == networks.SettleByKey || settling.Method == networks.SettleByRecord
	if byKey != (key != "") {
		t.Errorf("settles by %s, and the key is %q", settling.Method, key)
	}
	if byKey && key == b.net.NewKey(a.Account, b.server.Now()) {
		t.Error("two parts got the same key")
	}
	if settling.Method == networks.SettleByKey && settling.KeyLife <= 0 {
		t.Error("it is not known how long keys live")
	}
}
