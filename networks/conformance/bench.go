package conformance

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/sandbox"
)

// bench is a network and what it is tested against.
type bench struct {
	fixture Fixture
	server  Server
	net     networks.Network
	key     string
	box     *sandbox.Server // nil for a real server
	journal string          // the sandbox's journal, the oracle

	mu    sync.Mutex
	count int
	run   string // makes texts of this run unlike those of others
}

// start returns a bench with a sandbox of its own, or at the real server.
func start(t *testing.T, f Fixture) *bench {
	t.Helper()
	b := &bench{fixture: f}
	if f.Real != nil {
		b.server = *f.Real
	} else {
		b.startSandbox(t)
	}
	b.run = fmt.Sprintf("%06x", rand.Uint32N(1<<24))
	b.net = f.New(b.server)
	b.key = b.net.Info().Key
	return b
}

// callTimeout bounds each call. No call of the sandbox takes as long, but for
// those that are told to.
const callTimeout = 2 * time.Second

func (b *bench) startSandbox(t *testing.T) {
	t.Helper()
	var handler http.Handler
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	base := "http://" + s.Listener.Addr().String()
	clock := &clock{at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	dir := t.TempDir()
	box, err := sandbox.Open(sandbox.Config{Dir: dir, Base: base, Now: clock.now})
	if err != nil {
		t.Fatal(err)
	}
	handler = box.Handler()
	s.Start()
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
		s.Close()
	})
	client := &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	b.box, b.journal = box, filepath.Join(dir, sandbox.JournalName)
	b.server = Server{Base: base, HTTP: client, Timeout: callTimeout, Now: clock.now}
}

// clock goes on by a little each time somebody looks at it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Millisecond)
	return c.at
}

// next returns a number that was not used before.
func (b *bench) next() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	return b.count
}

// text returns a text that nobody has posted yet.
func (b *bench) text(what string) string { return fmt.Sprintf("%s %s-%d", what, b.run, b.next()) }

// content makes a part ready to be created.
func (b *bench) content(t *testing.T, a networks.Account, p networks.Part, o networks.Options, files ...networks.File) networks.Create {
	t.Helper()
	c := networks.Create{Part: p, Options: o, Key: b.net.NewKey(a, b.server.Now())}
	for _, f := range files {
		c.Media = append(c.Media, f.Media)
		c.Uploads = append(c.Uploads, b.upload(t, a, f))
	}
	c.Time = b.server.Now()
	return c
}

// check fails the test when the network's own rules refuse the draft.
func (b *bench) check(t *testing.T, a networks.Account, c networks.Create) {
	t.Helper()
	for _, p := range b.net.Rules(a).Check(b.net.Info().Name, networks.Draft{Parts: []networks.Part{c.Part}, Options: c.Options}) {
		t.Errorf("the rules refuse the post: %s", p.Message)
	}
}

// create publishes c, which has to succeed, and looks it up.
func (b *bench) create(t *testing.T, a networks.Account, c networks.Create) networks.Created {
	t.Helper()
	b.check(t, a, c)
	made, err := b.net.Create(context.Background(), a, c)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	if made.ID == "" || made.HTTP/100 != 2 {
		t.Fatalf("created %+v", made)
	}
	b.expectFound(t, a, c, made.ID)
	return made
}

// expectFound looks for what c published: exactly the posts with the ids.
func (b *bench) expectFound(t *testing.T, a networks.Account, c networks.Create, ids ...string) {
	t.Helper()
	refs, err := b.net.Find(context.Background(), a, c, c.Time)
	if err != nil {
		t.Fatalf("find: %v", err)
	}
	var got []string
	for _, r := range refs {
		got = append(got, r.ID)
	}
	if strings.Join(got, " ") != strings.Join(ids, " ") {
		t.Fatalf("found %q, want %q", got, ids)
	}
}

// posts returns what the oracle knows to have become visible with the text.
func (b *bench) posts(t *testing.T, text string) []sandbox.Entry {
	t.Helper()
	f, err := os.Open(b.journal)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []sandbox.Entry
	for e, err := range sandbox.ReadJournal(f) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Network == b.key && e.Text == text && (e.Op == sandbox.OpCreate || e.Op == sandbox.OpUpdate) {
			out = append(out, e)
		}
	}
	return out
}

// expectKind fails the test when err is not a well-made error of the kind.
func expectKind(t *testing.T, err error, kind networks.Kind) *networks.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", kind)
	}
	e := networks.AsError(err)
	if e.Kind != kind {
		t.Fatalf("got %v, want kind %s", err, kind)
	}
	// A refusal may end in the network's own words.
	quotes := kind == networks.Rejected && strings.Contains(e.Message, ": ")
	if e.Message == "" || !strings.HasSuffix(e.Message, ".") && !quotes || strings.ToUpper(e.Message[:1]) != e.Message[:1] {
		t.Errorf("%q is no sentence", e.Message)
	}
	return e
}

// expectNoSecrets fails the test when an error tells what opens the account.
func expectNoSecrets(t *testing.T, err error, a networks.Account) {
	t.Helper()
	for _, secret := range []string{a.Token.Access, a.Token.Refresh} {
		if secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells a token: %s", strings.ReplaceAll(err.Error(), secret, "…"))
		}
	}
}

// picture returns a picture of random dots whose file has at least size bytes.
func picture(t *testing.T, size int, alt string) networks.File {
	t.Helper()
	side := 8
	for side*side*3 < size {
		side += 8
	}
	dots := image.NewNRGBA(image.Rect(0, 0, side, side))
	r := rand.New(rand.NewPCG(1, uint64(size)))
	for i := range side * side {
		v := r.Uint32()
		dots.Set(i%side, i/side, color.NRGBA{uint8(v), uint8(v >> 8), uint8(v >> 16), 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, dots); err != nil {
		t.Fatal(err)
	}
	return networks.File{
		Media: networks.Media{
			ID: "picture", Kind: networks.Image, Type: "image/png", Bytes: int64(b.Len()),
			Width: side, Height: side, Alt: alt,
		},
		Open: func() (io.ReadSeekCloser, error) { return inMemory{bytes.NewReader(b.Bytes())}, nil },
	}
}

// inMemory is an open file without a disk.
type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

// upload brings a file to the network, as often asked as it takes.
func (b *bench) upload(t *testing.T, a networks.Account, f networks.File) networks.Upload {
	t.Helper()
	var saved networks.Upload
	save := func(u networks.Upload) error { saved = u; return nil }
	up := networks.Upload{}
	for range 20 {
		var err error
		if up, err = b.net.Upload(context.Background(), a, f, up, save); err != nil {
			t.Fatalf("upload: %v", err)
		}
		if up.Ready {
			if saved.ID != up.ID || !saved.Ready {
				t.Errorf("saved %+v, returned %+v", saved, up)
			}
			return up
		}
		if up.Wait <= 0 {
			t.Fatalf("not ready, and no time to wait: %+v", up)
		}
	}
	t.Fatalf("never ready: %+v", up)
	return up
}
