package handlers_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/png"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/internal/pgtest"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/migrations"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/all"
	"github.com/allin-platform/allin/networks/sandbox"
)

// world is a whole installation: database, sandbox and web server.
type world struct {
	t       *testing.T
	dsn     string
	store   *models.Store
	sandbox *sandbox.Server
	server  *handlers.Server
	base    string // of the web server
	folder  string // of archives and the list of deletions
	log     *logged
	super   *pgx.Conn       // bound by no policy
	console *models.Console // of somebody who looks after the installation, once it is needed
	box     *seal.Box
	trace   *trace
}

// trace sees the statements of the server.
type trace struct {
	mu   sync.Mutex
	list []string
}

func (tr *trace) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.list = append(tr.list, q.SQL)
	return ctx
}

func (tr *trace) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// statements returns what the database was asked while do was done, without
// the messages that leave by themselves.
func (w *world) statements(do func()) []string {
	w.trace.mu.Lock()
	w.trace.list = nil
	w.trace.mu.Unlock()
	do()
	w.trace.mu.Lock()
	defer w.trace.mu.Unlock()
	return slices.DeleteFunc(w.trace.list, func(sql string) bool { return strings.Contains(sql, "pg_notify") })
}

// logged keeps what was logged.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newWorld(t *testing.T, change ...func(*handlers.Config)) *world {
	t.Helper()
	return newWorldCalling(t, &http.Client{Transport: noNetwork{}}, change...)
}

// newWorldCalling is newWorld with a client for the real networks.
func newWorldCalling(t *testing.T, client *http.Client, change ...func(*handlers.Config)) *world {
	t.Helper()
	ctx := t.Context()
	w := &world{t: t, log: &logged{}, trace: &trace{}, folder: t.TempDir()}
	w.dsn = pgtest.Template(t, "schema", func(ctx context.Context, dsn string) error {
		return tenant.Migrate(ctx, dsn, migrations.Files, nil)
	})
	db, err := tenant.Open(ctx, w.dsn, tenant.Options{Tracer: w.trace})
	must(t, err)
	t.Cleanup(db.Close)
	w.super, err = pgx.Connect(ctx, pgtest.Superuser(w.dsn))
	must(t, err)
	t.Cleanup(func() { w.super.Close(context.Background()) })
	keys, err := seal.NewKeys()
	must(t, err)
	w.box, err = seal.Parse(keys)
	must(t, err)
	files, err := media.Open(t.TempDir())
	must(t, err)
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	sandboxBase := w.startSandbox()
	nets := all.New(all.Config{HTTP: client, Now: time.Now, SandboxBase: sandboxBase})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w.base = "http://" + ln.Addr().String()
	w.store = models.New(models.Config{DB: db, Box: w.box, Networks: nets, Files: files, Now: time.Now, Log: log, Origin: w.base, Folder: w.folder,
		Settings: models.Settings{Limits: true}})
	config := handlers.Config{Store: w.store, Log: log, Now: time.Now, Origin: w.base, SandboxURL: sandboxBase,
		Installation: handlers.Installation{Epoch: filepath.Join(t.TempDir(), "epoch")},
		Health:       []handlers.Check{{Name: "database", Needed: true, Do: db.Ping}}}
	for _, c := range change {
		c(&config)
	}
	w.server, err = handlers.New(config)
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(context.WithoutCancel(ctx), ln) }()
	t.Cleanup(func() {
		stop, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := w.server.Shutdown(stop); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) startSandbox() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(w.t, err)
	base := "http://" + ln.Addr().String()
	w.sandbox, err = sandbox.Open(sandbox.Config{Dir: w.t.TempDir(), Base: base, Now: time.Now})
	must(w.t, err)
	server := &httptest.Server{Listener: ln, Config: &http.Server{Handler: w.sandbox.Handler()}}
	server.Start()
	w.t.Cleanup(func() { server.Close(); w.sandbox.Close() })
	return base
}

// noNetwork stands for a network that cannot be reached.
type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: io.ErrUnexpectedEOF}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sql runs a statement that no policy binds.
func (w *world) sql(query string, args ...any) {
	w.t.Helper()
	_, err := w.super.Exec(w.t.Context(), query, args...)
	must(w.t, err)
}

func (w *world) value(query string, args ...any) (text string) {
	w.t.Helper()
	must(w.t, w.super.QueryRow(w.t.Context(), query, args...).Scan(&text))
	return text
}

const password = "correct horse battery"

// owner makes an organization with its owner.
func (w *world) owner(name string) *models.Workspace {
	w.t.Helper()
	p, err := w.store.Install("test").SignUp(w.t.Context(), models.SignUp{Name: name + " Owner", Email: strings.ToLower(name) + "@example.com",
		Password: password, Organization: name, Zone: "Europe/Berlin"}, "127.0.0.1")
	must(w.t, err)
	list, err := p.Memberships(w.t.Context())
	must(w.t, err)
	ws, err := p.Workspace(w.t.Context(), list[0].OrganizationID)
	must(w.t, err)
	return ws
}

// member adds another person to the organization.
func (w *world) member(ws *models.Workspace, name string, role models.Role) *models.Workspace {
	w.t.Helper()
	own := w.owner(name)
	w.sql(`insert into memberships (organization_id, user_id, role) values ($1, $2, $3)`, ws.Organization.ID, own.Member.ID, string(role))
	w.sql(`delete from organizations where id = $1`, own.Organization.ID)
	return own
}

// account connects one on the sandbox's X.
func (w *world) account(ws *models.Workspace, handle string) *models.Account {
	w.t.Helper()
	made, err := w.sandbox.CreateAccount("x", handle, handle)
	must(w.t, err)
	a, err := ws.KeepConnection(w.t.Context(), models.Connection{Network: "x", Sandbox: true,
		Profile: networks.Profile{RemoteID: made.RemoteID, Handle: handle, Name: handle},
		Token:   networks.Token{Access: made.AccessToken, Refresh: made.RefreshToken, Expires: time.Now().Add(time.Hour)}})
	must(w.t, err)
	return a
}

func composition(text string, accounts ...uuid.UUID) models.Composition {
	c := models.Composition{Content: models.Content{Parts: []models.ContentPart{{Text: text}}}}
	for _, id := range accounts {
		c.Targets = append(c.Targets, models.Target{AccountID: id})
	}
	return c
}

// in is a day so many days from now.
func in(days int) string { return time.Now().AddDate(0, 0, days).Format(time.DateOnly) }

func picture(width, height int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			img.Set(x, y, color.RGBA{uint8(x * 7), uint8(y * 11), uint8(x * y), 255})
		}
	}
	var b bytes.Buffer
	if png.Encode(&b, img) != nil {
		panic("a picture can be encoded")
	}
	return b.Bytes()
}

// browser keeps cookies and sends what a browser sends.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
	csrf   string
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	must(w.t, err)
	return &browser{t: w.t, base: w.base, client: &http.Client{Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer is what came back.
type answer struct {
	status int
	body   string
	header http.Header
}

func (a answer) location() string { return a.header.Get("Location") }

// header is set on a request before it is sent.
type header struct{ name, value string }

var asPart = header{"HX-Request", "true"}

func (b *browser) send(method, path string, body io.Reader, headers ...header) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, body)
	must(b.t, err)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method != http.MethodGet && b.csrf != "" {
		r.Header.Set("X-CSRF-Token", b.csrf)
	}
	for _, h := range headers {
		if h.value == "" {
			r.Header.Del(h.name)
		} else {
			r.Header.Set(h.name, h.value)
		}
	}
	resp, err := b.client.Do(r)
	must(b.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(b.t, err)
	return answer{resp.StatusCode, string(text), resp.Header}
}

func (b *browser) get(path string, headers ...header) answer {
	b.t.Helper()
	return b.send(http.MethodGet, path, nil, headers...)
}

func (b *browser) post(path string, form url.Values, headers ...header) answer {
	b.t.Helper()
	return b.form(http.MethodPost, path, form, headers...)
}

func (b *browser) form(method, path string, form url.Values, headers ...header) answer {
	b.t.Helper()
	headers = append([]header{{"Content-Type", "application/x-www-form-urlencoded"}}, headers...)
	return b.send(method, path, strings.NewReader(form.Encode()), headers...)
}

var tokenField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// signIn signs in and reads the token that forms carry.
func (b *browser) signIn(email string) *browser {
	b.t.Helper()
	if a := b.post("/sign-in", url.Values{"email": {email}, "password": {password}}); a.status != http.StatusSeeOther {
		b.t.Fatalf("sign in as %s: %d %s", email, a.status, a.body)
	}
	b.readToken()
	return b
}

func (b *browser) readToken() {
	b.t.Helper()
	m := tokenField.FindStringSubmatch(b.get("/settings/profile").body)
	if m == nil {
		b.t.Fatal("no token on the page")
	}
	b.csrf = m[1]
}

// cookie is the session's.
func (b *browser) cookie() string {
	u, err := url.Parse(b.base)
	must(b.t, err)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == "allin" {
			return c.Value
		}
	}
	return ""
}

func contains(t *testing.T, a answer, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(a.body, want) {
			t.Errorf("answer %d does not say %q:\n%s", a.status, want, clip(a.body))
		}
	}
}

func status(t *testing.T, what string, a answer, want int) {
	t.Helper()
	if a.status != want {
		t.Errorf("%s: status %d, want %d: %s", what, a.status, want, clip(a.body))
	}
}

func clip(s string) string {
	if i := strings.Index(s, "<main"); i > 0 {
		s = s[i:]
	}
	return s[:min(len(s), 1500)]
}

func itoa(n int) string { return strconv.Itoa(n) }

func readAll(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return string(text)
}
