package rig

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
)

// Tap stands before the sandbox: it counts calls and can do something at the
// moment in which one is accepted.
type Tap struct {
	Calls   atomic.Int64 // of any kind
	Creates atomic.Int64 // that make a post
	Renews  atomic.Int64 // that ask for tokens

	around atomic.Pointer[Around]
}

// Around is asked about each creating or renewing call. It may run call, which
// has the sandbox answer and returns the answer's status, and says whether the
// caller gets that answer: if not, the connection breaks off.
type Around func(r *http.Request, body string, call func() int) (answered bool)

// Set has around asked from now on; nil ends that.
func (t *Tap) Set(around Around) {
	if around == nil {
		t.around.Store(nil)
		return
	}
	t.around.Store(&around)
}

// Before is for Options.Before.
func (t *Tap) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Calls.Add(1)
		switch {
		case Creates(r):
			t.Creates.Add(1)
		case renews(r):
			t.Renews.Add(1)
		default:
			next.ServeHTTP(w, r)
			return
		}
		around := t.around.Load()
		if around == nil {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the caller is gone already
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		kept := httptest.NewRecorder()
		if !(*around)(r, string(body), func() int { next.ServeHTTP(kept, r); return kept.Code }) {
			panic(http.ErrAbortHandler)
		}
		for name, values := range kept.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(kept.Body.Bytes()) // a caller that is gone needs no answer
	})
}

// Creates reports whether the call makes a post.
func Creates(r *http.Request) bool {
	return r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, "/2/tweets") ||
		strings.HasSuffix(r.URL.Path, "/api/v1/statuses") || strings.HasSuffix(r.URL.Path, "/com.atproto.repo.createRecord"))
}

func renews(r *http.Request) bool {
	return r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, "/oauth2/token") ||
		strings.HasSuffix(r.URL.Path, "/com.atproto.server.refreshSession"))
}
