package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/pgtest"
	"github.com/allin-platform/allin/migrations"
	"github.com/allin-platform/allin/models/tenant"
)

// tour is a walk through the running program that gathers what it says.
type tour struct {
	t       *testing.T
	base    string
	client  *http.Client
	csrf    string
	pages   bytes.Buffer // everything that was answered
	planted map[string]string
}

// S62: known secrets go through the program (signing in, connecting, publishing,
// failing, exporting), and none of them turns up in logs, dumps, metrics, pages or archives.
func TestS62Secrets(t *testing.T) {
	dsn := pgtest.Template(t, "allin", func(ctx context.Context, dsn string) error {
		return tenant.Migrate(ctx, dsn, migrations.Files, nil)
	})
	addresses := freeAddresses(t, 3)
	data := t.TempDir()
	env := map[string]string{"DATABASE_URL": dsn, "ALLIN_DATA": data, "ALLIN_LISTEN": addresses[0], "ALLIN_SANDBOX_LISTEN": addresses[1], "ALLIN_METRICS_LISTEN": addresses[2],
		"ALLIN_SANDBOX": "on", "ALLIN_DEMO": "on", "ALLIN_LOG_LEVEL": "debug", "ALLIN_X_CLIENT_ID": "client-of-ours", "ALLIN_X_CLIENT_SECRET": "planted-client-secret-8fQ2x7Lm"}
	logs, said, stop := start(t, env)
	demo := regexp.MustCompile(`Demo sign-in:\s+(\S+)\s+(\S+)`)
	var found []string
	for deadline := time.Now().Add(time.Minute); found == nil; time.Sleep(50 * time.Millisecond) {
		if found = demo.FindStringSubmatch(said()); found == nil && time.Now().After(deadline) {
			t.Fatalf("AllIN does not start: %s\n%s", said(), logs())
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &tour{t: t, base: "http://" + addresses[0], client: &http.Client{Jar: jar, Timeout: 20 * time.Second},
		planted: map[string]string{"X's client secret": env["ALLIN_X_CLIENT_SECRET"], "the demo's password": found[2], "a mistyped password": "planted-mistyped-password-3kd9"}}
	w.walk(found[1], found[2], "http://"+addresses[1])
	metrics := w.read("http://" + addresses[2] + "/metrics")
	stop()

	keys, err := os.ReadFile(filepath.Join(data, "keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range regexp.MustCompile(`"value"\s*:\s*"([A-Za-z0-9+/=]{24,})"`).FindAllSubmatch(keys, -1) {
		w.planted[fmt.Sprintf("key %d", i)] = string(m[1])
	}
	if len(w.planted) < 10 {
		t.Errorf("only %d secrets were planted: %v", len(w.planted), mapKeys(w.planted))
	}
	w.none("the log", logs())
	w.none("what is printed", strings.ReplaceAll(said(), found[2], "")) // the demo's sign-in is for whoever starts it
	w.none("the metrics", metrics)
	w.none("the pages", w.pages.String())
	w.none("a dump of the database", dump(t, pgtest.Superuser(dsn)))
	if !strings.Contains(metrics, "allin_http_request_seconds") || !strings.Contains(logs(), "sign-in refused") {
		t.Error("metrics or log are empty: this test shows nothing")
	}
}

func mapKeys(m map[string]string) (list []string) {
	for k := range m {
		list = append(list, k)
	}
	return list
}

// none looks for the planted secrets, as they are and in the ways that bytes are written down.
func (w *tour) none(where, text string) {
	w.t.Helper()
	for what, secret := range w.planted {
		for how, s := range map[string]string{"as it is": secret, "in hex": fmt.Sprintf("%x", secret), "in base64": strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(secret)), "=")[:len(secret)],
			"for an address": url.QueryEscape(secret)} {
			if i := strings.Index(text, s); i >= 0 {
				w.t.Errorf("%s holds %s, %s: …%q", where, what, how, text[max(0, i-120):i])
			}
		}
	}
}

// start runs AllIN in this process; logs and said tell what it wrote.
func start(t *testing.T, env map[string]string) (logs, said func() string, stop func()) {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	old := os.Stderr
	os.Stderr = file
	ctx, cancel := context.WithCancel(context.Background())
	out := &locked{}
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"serve"}, func(k string) string { return env[k] }, out) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		os.Stderr = old
	}
	t.Cleanup(stop)
	logs = func() string {
		b, err := os.ReadFile(file.Name())
		if err != nil {
			t.Error(err)
		}
		return string(b)
	}
	return logs, out.String, stop
}

// locked is a buffer for several goroutines.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}
func (l *locked) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

func freeAddresses(t *testing.T, n int) (list []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		list = append(list, l.Addr().String())
	}
	return list
}

// dump copies every table out, as pg_dump does, which not every machine has.
func dump(t *testing.T, dsn string) string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	rows, err := c.Query(t.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, table := range tables {
		fmt.Fprintln(&out, table)
		tag, err := c.PgConn().CopyTo(t.Context(), &out, "COPY (SELECT * FROM "+table+") TO STDOUT")
		if err != nil {
			t.Fatalf("copying %s: %v", table, err)
		}
		if table == "public.account_tokens" && tag.RowsAffected() == 0 {
			t.Error("the dump holds no tokens: this test shows nothing")
		}
	}
	return out.String()
}

func (w *tour) read(address string) string {
	w.t.Helper()
	resp, err := w.client.Get(address)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

func (w *tour) do(method, path string, form url.Values) string {
	w.t.Helper()
	var body io.Reader
	if form != nil {
		if w.csrf != "" {
			form.Set("csrf", w.csrf)
		}
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequest(method, w.base+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	resp.Header.Del("Set-Cookie") // the one place where the session's token belongs
	fmt.Fprintf(&w.pages, "%v\n%s\n", resp.Header, b)
	return string(b)
}

// walk goes through the program as its people do, with secrets in hand.
func (w *tour) walk(email, password, sandbox string) {
	t := w.t
	t.Helper()
	w.do("POST", "/sign-in", url.Values{"email": {email}, "password": {w.planted["a mistyped password"]}})
	w.do("POST", "/sign-in", url.Values{"email": {email}, "password": {password}})
	home, err := url.Parse(w.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range w.client.Jar.Cookies(home) {
		if c.Name == "allin" {
			w.planted["the session's token"] = c.Value
		}
	}
	m := regexp.MustCompile(`name="csrf" value="([^"]+)"`).FindStringSubmatch(w.do("GET", "/settings/profile", nil))
	if m == nil {
		t.Fatal("not signed in")
	}
	w.csrf = m[1]
	w.connect(sandbox)
	account := regexp.MustCompile(`name="account"[^>]*value="([0-9a-f-]{36})"|value="([0-9a-f-]{36})"[^>]*name="account"`).FindStringSubmatch(w.do("GET", "/posts/new", nil))
	if account == nil {
		t.Fatal("the composer offers no account")
	}
	id := account[1] + account[2]
	w.do("POST", "/posts", url.Values{"do": {"now"}, "part-0-text": {"Out at once " + time.Now().Format(time.RFC3339Nano)}, "account": {id}})
	w.control(sandbox, "/control/network", `{"network":"x","down":true}`)
	w.control(sandbox, "/control/network", `{"network":"mastodon","down":true}`)
	w.do("POST", "/posts", url.Values{"do": {"now"}, "part-0-text": {"Goes wrong " + time.Now().Format(time.RFC3339Nano)}, "account": {id}})
	w.do("POST", "/settings/data/export", url.Values{})
	w.do("POST", "/settings/data/organization/export", url.Values{})
	for _, path := range []string{"/calendar", "/posts", "/posts?tab=past", "/accounts", "/accounts/connect/x", "/settings/devices", "/settings/people", "/notifications", "/no/such/page",
		"/posts/00000000-0000-0000-0000-000000000000", "/accounts/callback/x?state=planted-state&code=planted-code-of-a-network-77", "/api/health", "/api/nothing", "/console"} {
		w.do("GET", path, nil)
	}
	w.planted["a network's code"] = "planted-code-of-a-network-77"
	w.do("POST", "/settings/data/delete", url.Values{"password": {w.planted["a mistyped password"]}})
	archive := regexp.MustCompile(`/settings/data/exports/[0-9a-f-]{36}`)
	var links []string
	for deadline := time.Now().Add(40 * time.Second); len(links) < 2; time.Sleep(200 * time.Millisecond) {
		links = archive.FindAllString(w.do("GET", "/settings/data", nil), -1)
		if time.Now().After(deadline) {
			t.Fatal("the archives are not made")
		}
	}
	for _, link := range links {
		w.unpack(w.read(w.base + link))
	}
	time.Sleep(time.Second) // what was published is being written down
}

// connect signs in at the imitated Bluesky, and learns the tokens of the demo's accounts.
func (w *tour) connect(sandbox string) {
	for _, network := range []string{"x", "mastodon", "bluesky"} {
		for _, handle := range handlesOf(w.do("GET", "/accounts", nil)) {
			var got map[string]any
			if json.Unmarshal([]byte(w.control(sandbox, "/control/accounts", fmt.Sprintf(`{"network":%q,"handle":%q}`, network, handle))), &got) != nil {
				continue
			}
			for name, value := range got {
				if s, _ := value.(string); regexp.MustCompile(`(?i)token|secret|password`).MatchString(name) && len(s) > 8 {
					w.planted[network+" "+handle+" "+name] = s
				}
			}
			if network == "bluesky" {
				if s, _ := got["app_password"].(string); s != "" {
					w.do("POST", "/accounts/connect/bluesky?sandbox=1", url.Values{"field-identifier": {handle}, "field-password": {s}})
				}
			}
		}
	}
}

func handlesOf(page string) (list []string) {
	for _, m := range regexp.MustCompile(`@([A-Za-z0-9_.-]+)`).FindAllStringSubmatch(page, -1) {
		list = append(list, strings.TrimRight(m[1], "."))
	}
	return list
}

func (w *tour) control(sandbox, path, body string) string {
	w.t.Helper()
	resp, err := http.Post(sandbox+path, "application/json", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

func (w *tour) unpack(archive string) {
	w.t.Helper()
	z, err := zip.NewReader(strings.NewReader(archive), int64(len(archive)))
	if err != nil {
		w.t.Fatalf("an archive of %d bytes: %v", len(archive), err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			w.t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&w.pages, "%s\n%s\n", f.Name, b)
	}
}
