package mail

import (
	"errors"
	"fmt"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// imitation is a Mailgun that answers everything the same way and remembers
// what it was sent last. TestContract holds it to the official description.
type imitation struct {
	*httptest.Server
	status int
	answer string
	got    struct {
		path, user, key string
		form            *multipart.Form
	}
}

// queued is how Mailgun takes a message.
const queued = `{"id": "<1@mg.allin.example>", "message": "Queued. Thank you."}`

func imitate(t *testing.T) *imitation {
	m := &imitation{status: http.StatusOK, answer: queued}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.got.user, m.got.key, _ = r.BasicAuth()
		m.got.path = r.URL.Path
		if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "multipart/form-data" {
			t.Errorf("content type %q: %v", r.Header.Get("Content-Type"), err)
		}
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Errorf("read the form: %v", err)
		}
		m.got.form = r.MultipartForm
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(m.status)
		fmt.Fprint(w, m.answer)
	}))
	t.Cleanup(m.Close)
	return m
}

// sender is ours, which takes the imitation for Mailgun.
func (m *imitation) sender(t *testing.T, way http.RoundTripper) Sender {
	t.Helper()
	s, err := Outside{HTTP: &http.Client{Transport: way}}.Sender(Settings{Mailgun: Mailgun{Domain: "mg.allin.example", Key: "key-secret", API: m.URL}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// refusal is an answer that takes no message, and what becomes of it.
type refusal struct {
	status    int
	answer    string
	permanent bool
	says      string
}

// refusals are those that Mailgun describes.
var refusals = []refusal{
	{400, `{"message": "'to' parameter is not a valid address. please check documentation"}`, true, "not a valid address"},
	{400, `{"message": "to parameter is not a valid address. please check documentation"}`, true, "not a valid address"},
	{400, `{"message": "from parameter is missing"}`, false, "from"},
	{401, `"Forbidden"`, false, "key: Forbidden"},
	{429, `{"message": "Domain mg.allin.example is not allowed to send: limit exceeded"}`, false, "no more for now: Domain"},
	{500, `{"message": "Internal Server Error"}`, false, "500"},
}

// undescribed are answers that Mailgun, or something before it, gives besides.
var undescribed = []refusal{
	{401, "Forbidden", false, "key: Forbidden"},
	{403, `{"message": "Domain mg.allin.example is disabled"}`, false, "disabled"},
	{404, `{"message": "Domain not found: mg.allin.example"}`, false, "domain"},
	{502, "<html>oops", false, "502"},
}

func TestMailgun(t *testing.T) {
	m := imitate(t)
	s := m.sender(t, nil)
	if err := s.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if m.got.path != "/v3/mg.allin.example/messages" || m.got.user != "api" || m.got.key != "key-secret" {
		t.Errorf("%s as %s with %s", m.got.path, m.got.user, m.got.key)
	}
	for name, want := range map[string]string{"to": `=?utf-8?q?Ann_K=C3=B6hler?= <ann@example.com>`, "from": `"AllIN" <post@allin.example>`, "subject": message().Subject,
		"text": message().Text, "html": message().HTML, "o:tracking": "no", "o:tracking-clicks": "no", "o:tracking-opens": "no",
		"h:Message-ID": "<0190aa@allin.example>", "h:Auto-Submitted": "auto-generated", "h:List-Unsubscribe": "<" + message().Unsubscribe + ">",
		"h:List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} {
		if got := m.got.form.Value[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, r := range append(refusals, undescribed...) {
		r.expect(t, m, s)
	}
	m.Close()
	var e *Error
	if err := s.Send(t.Context(), message()); !errors.As(err, &e) || e.Permanent {
		t.Errorf("without a server: %v", err)
	}
}

func (r refusal) expect(t *testing.T, m *imitation, s Sender) {
	t.Helper()
	m.status, m.answer = r.status, r.answer
	var e *Error
	err := s.Send(t.Context(), message())
	if !errors.As(err, &e) || e.Permanent != r.permanent || !strings.Contains(e.Message, r.says) || strings.Contains(err.Error(), "key-secret") {
		t.Errorf("%d %s: %v", r.status, r.answer, err)
	}
}
