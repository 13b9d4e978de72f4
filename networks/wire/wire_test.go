package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
)

func TestDo(t *testing.T) {
	closed := make(chan struct{})
	defer close(closed)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			select {
			case <-r.Context().Done():
			case <-closed:
			}
		case "/giant":
			_, _ = io.CopyN(w, zeros{}, MaxBody+1)
		case "/large":
			_, _ = io.CopyN(w, zeros{}, MaxBody)
		case "/cut":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "abc")
		case "/reset":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		default:
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, r.UserAgent())
		}
	}))
	defer s.Close()
	client := Client{HTTP: s.Client(), Timeout: 300 * time.Millisecond, Now: time.Now}
	for address, kinds := range map[string][2]networks.Kind{
		s.URL + "/hang?token=secret":                           {networks.Unknown, networks.Unavailable},
		s.URL + "/giant?token=secret":                          {networks.Unknown, networks.Unavailable},
		s.URL + "/cut?token=secret":                            {networks.Unknown, networks.Unavailable},
		s.URL + "/reset?token=secret":                          {networks.Unknown, networks.Unavailable},
		"http://127.0.0.1:1/?token=secret":                     {networks.Unavailable, networks.Unavailable},
		"http://nowhere.invalid/?t=secret":                     {networks.Unavailable, networks.Unavailable},
		"https://" + s.Listener.Addr().String() + "/?t=secret": {networks.Unavailable, networks.Unavailable},
	} {
		for i, creates := range []bool{true, false} {
			req, err := FormRequest(context.Background(), address, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Do(req, creates)
			var e *networks.Error
			if !errors.As(err, &e) || e.Kind != kinds[i] || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s, creates %t: got %v, want %s", address, creates, err, kinds[i])
			}
		}
	}
	for path, size := range map[string]int{"/large": MaxBody, "/": len(UserAgent)} {
		req, err := JSONRequest(context.Background(), http.MethodGet, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := client.Do(req, false); err != nil || len(resp.Body) != size {
			t.Errorf("%s: got %v, %v", path, resp, err)
		}
	}
	if _, err := FormRequest(context.Background(), "http://\x00secret", nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// A process that was stopped sends nothing when its time is over: others may
// have taken over.
func TestNothingIsSentTooLate(t *testing.T) {
	var arrived atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil && len(body) > 0 {
			arrived.Store(true)
		}
	}))
	defer s.Close()
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	client := Client{HTTP: s.Client(), Timeout: time.Minute, Now: func() time.Time { at = at.Add(time.Hour); return at }}
	req, err := FormRequest(context.Background(), s.URL, url.Values{"text": {"hello"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Do(req, true); !errors.Is(err, context.DeadlineExceeded) || arrived.Load() {
		t.Errorf("got %v, arrived: %t", err, arrived.Load())
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-7": 0, "soon": 0,
		"Mon, 23 Nov 2026 12:01:00 GMT": time.Minute, "Mon, 23 Nov 2026 11:00:00 GMT": 0,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}
