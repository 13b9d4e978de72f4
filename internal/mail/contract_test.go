package mail

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// What we send to Mailgun, and what the imitation answers, is judged by
// Mailgun's own description of its API.
func TestContract(t *testing.T) {
	for _, server := range []string{MailgunUS, MailgunEU} {
		t.Run(server, func(t *testing.T) { holdTo(t, describedBy(t, "mailgun.yaml", server)) })
	}
}

func holdTo(t *testing.T, j *judge) {
	m := imitate(t)
	s := m.sender(t, j)
	if err := s.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	bare := message()
	bare.Unsubscribe, bare.To.Name = "", ""
	if err := s.Send(t.Context(), bare); err != nil {
		t.Fatal(err)
	}
	for _, r := range refusals {
		r.expect(t, m, s)
	}
	if want := 2 + len(refusals); j.judged != want {
		t.Errorf("%d calls were judged, not %d", j.judged, want)
	}
	for _, found := range j.found {
		t.Error(found)
	}
}

// A judge that finds nothing wrong in what is wrong would prove nothing.
func TestContractFindsFaults(t *testing.T) {
	for name, wrong := range map[string]struct {
		path, user, answer string
		fields             []string
	}{
		"path":          {path: "/v3/mg.allin.example/message"},
		"nobody":        {user: "-"},
		"another user":  {user: "ann"},
		"no recipient":  {fields: []string{"from", "a@b.example", "subject", "s", "text", "t"}},
		"unknown value": {fields: []string{"from", "a@b.example", "to", "c@d.example", "subject", "s", "o:tracking", "off"}},
		"unknown field": {fields: []string{"from", "a@b.example", "to", "c@d.example", "subject", "s", "txet", "t"}},
		"answer":        {answer: `{"message": "Queued. Thank you."}`},
	} {
		t.Run(name, func(t *testing.T) {
			j := describedBy(t, "mailgun.yaml", MailgunUS)
			m := imitate(t)
			if wrong.answer != "" {
				m.answer = wrong.answer
			}
			if wrong.path == "" {
				wrong.path = "/v3/mg.allin.example/messages"
			}
			if wrong.fields == nil {
				wrong.fields = []string{"from", "a@b.example", "to", "c@d.example", "subject", "s", "text", "t"}
			}
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			for i := 0; i < len(wrong.fields); i += 2 {
				if err := form.WriteField(wrong.fields[i], wrong.fields[i+1]); err != nil {
					t.Fatal(err)
				}
			}
			if err := form.Close(); err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.URL+wrong.path, &body)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", form.FormDataContentType())
			switch wrong.user {
			case "":
				req.SetBasicAuth("api", "key-secret")
			case "-":
			default:
				req.SetBasicAuth(wrong.user, "key-secret")
			}
			resp, err := j.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if err := resp.Body.Close(); err != nil {
				t.Fatal(err)
			}
			if len(j.found) != 1 {
				t.Errorf("%d faults were found: %q", len(j.found), j.found)
			}
		})
	}
}

// judge holds calls to a description: those that pass through it, and their answers.
type judge struct {
	server *url.URL // that the calls are meant for
	router routers.Router
	judged int
	found  []string
}

// describedBy reads a description from the folder that ALLIN_SPECS names.
// Without one it skips the test, or fails it when ALLIN_NO_SKIP is 1.
func describedBy(t *testing.T, file, server string) *judge {
	t.Helper()
	folder := os.Getenv("ALLIN_SPECS")
	if folder == "" {
		const how = "no descriptions: ALLIN_SPECS names no folder. Set it to one that holds mailgun.yaml, Mailgun's OpenAPI description"
		if os.Getenv("ALLIN_NO_SKIP") == "1" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	d, err := openapi3.NewLoader().LoadFromFile(filepath.Join(folder, file))
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	known := false
	for _, s := range d.Servers {
		known = known || s.URL == server
	}
	if !known {
		t.Errorf("%s names no server %s", file, server)
	}
	router, err := gorillamux.NewRouter(d)
	if err != nil {
		t.Fatal(err)
	}
	return &judge{server: at, router: router}
}

// RoundTrip judges a call as the real server would see it, makes it, and judges the answer.
func (j *judge) RoundTrip(req *http.Request) (*http.Response, error) {
	j.judged++
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	meant := req.Clone(req.Context())
	meant.URL.Scheme, meant.URL.Host, meant.Host = j.server.Scheme, j.server.Host, j.server.Host
	meant.Body = io.NopCloser(bytes.NewReader(body))
	req.Body = io.NopCloser(bytes.NewReader(body))
	in := j.request(meant, body)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || in == nil {
		return resp, err
	}
	answer, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Options: in.Options}
	out.SetBodyBytes(answer)
	j.note("the answer", openapi3filter.ValidateResponse(req.Context(), out))
	return resp, nil
}

func (j *judge) request(req *http.Request, body []byte) *openapi3filter.RequestValidationInput {
	route, params, err := j.router.FindRoute(req)
	if err != nil {
		j.note(req.Method+" "+req.URL.Path, err)
		return nil
	}
	in := &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: signedIn, IncludeResponseStatus: true}}
	j.note("the request", openapi3filter.ValidateRequest(req.Context(), in))
	j.note("the form", known(req, body, route.Operation.RequestBody.Value.Content.Get("multipart/form-data").Schema.Value.Properties))
	return in
}

// signedIn is what the description says in words only: the name is always "api".
func signedIn(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	if s := in.SecurityScheme; s.Type != "http" || s.Scheme != "basic" {
		return errors.New("another way to sign in is described: " + s.Type + " " + s.Scheme)
	}
	if user, key, ok := in.RequestValidationInput.Request.BasicAuth(); !ok || user != "api" || key == "" {
		return errors.New("not signed in as api")
	}
	return nil
}

// known demands that every field is described. The description allows others
// for the sake of headers (h:) and variables (v:), so it would let misspelt ones pass.
func known(req *http.Request, body []byte, described openapi3.Schemas) error {
	_, params, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(1 << 20)
	if err != nil {
		return err
	}
	for name := range form.Value {
		if described[name] == nil && !strings.HasPrefix(name, "h:") && !strings.HasPrefix(name, "v:") {
			return errors.New("no field is called " + name)
		}
	}
	for name := range form.File {
		return errors.New("a file was sent as " + name)
	}
	return nil
}

func (j *judge) note(what string, err error) {
	if err == nil {
		return
	}
	said, _, _ := strings.Cut(err.Error(), "\nSchema:")
	j.found = append(j.found, what+": "+said)
}
