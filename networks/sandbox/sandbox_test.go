package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// box is a sandbox behind a real listener, with a clock that tests move.
type box struct {
	*Server
	t    *testing.T
	http *http.Client
	mu   sync.Mutex
	at   time.Time
}

func (b *box) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *box) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func newBox(t *testing.T, change ...func(*Config)) *box {
	t.Helper()
	b := &box{t: t, at: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.Handler().ServeHTTP(w, r) }))
	cfg := Config{Dir: t.TempDir(), Base: "http://" + web.Listener.Addr().String(), Duplicates: true, Now: b.clock}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	if b.Server, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	web.Start()
	transport := &http.Transport{DisableKeepAlives: true}
	b.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return b
}

// reopen closes the sandbox and opens it again on the same folder.
func (b *box) reopen() {
	b.t.Helper()
	cfg := b.cfg
	if err := b.Close(); err != nil {
		b.t.Fatal(err)
	}
	var err error
	if b.Server, err = Open(cfg); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) account(network, handle string) Credentials {
	b.t.Helper()
	c, err := b.CreateAccount(network, handle, strings.ToUpper(handle[:1])+handle[1:])
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// get returns a value of a JSON answer by its path: "data.id", "0.content".
func (r reply) get(path string) any {
	var v any
	if json.Unmarshal(r.body, &v) != nil {
		return nil
	}
	for name := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

func (r reply) str(path string) string {
	s, _ := r.get(path).(string)
	return s
}

// try sends a call and returns its error where there is no answer.
func (b *box) try(method, path, token string, body io.Reader, header ...string) (reply, error) {
	b.t.Helper()
	req, err := http.NewRequest(method, b.cfg.Base+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, content}, err
}

// call sends a call that has to be answered.
func (b *box) call(method, path, token string, body io.Reader, header ...string) reply {
	b.t.Helper()
	r, err := b.try(method, path, token, body, header...)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r
}

func (b *box) json(method, path, token string, v any, header ...string) reply {
	b.t.Helper()
	return b.call(method, path, token, bytes.NewReader(encodeJSON(v)), append(header, "Content-Type", "application/json")...)
}

func (b *box) form(path string, v url.Values, header ...string) reply {
	b.t.Helper()
	return b.call("POST", path, "", strings.NewReader(v.Encode()), append(header, "Content-Type", "application/x-www-form-urlencoded")...)
}

func (b *box) get(path, token string) reply {
	b.t.Helper()
	return b.call("GET", path, token, nil)
}

// upload sends a multipart body with one file and fields.
func (b *box) upload(path, token, field string, file []byte, fields ...string) reply {
	b.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		if err := m.WriteField(fields[i], fields[i+1]); err != nil {
			b.t.Fatal(err)
		}
	}
	h := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + field + `"; filename="f"`}, "Content-Type": {"application/octet-stream"}}
	part, err := m.CreatePart(h)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		b.t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		b.t.Fatal(err)
	}
	return b.call("POST", path, token, &body, "Content-Type", m.FormDataContentType())
}

// want fails the test when an answer has another status or lacks a word.
func (b *box) want(r reply, status int, words ...string) reply {
	b.t.Helper()
	if r.status != status {
		b.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	for _, word := range words {
		if !strings.Contains(string(r.body), word) {
			b.t.Fatalf("%q is not in %s", word, r.body)
		}
	}
	return r
}

func (b *box) entries() []Entry {
	b.t.Helper()
	list, err := b.Journal(0)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func picture(t testing.TB, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// movie begins as an MP4 file does.
func movie(size int) []byte {
	b := make([]byte, size)
	copy(b, "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom")
	return b
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
