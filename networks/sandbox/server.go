// Package sandbox imitates X, Mastodon and Bluesky over their own wire
// protocols: consent, tokens, media, posts, limits and errors, as strictly as
// their documents say. Clients speak to it as to the real networks, only at
// other addresses; people look at what was published on its pages. It writes
// every accepted post to a journal before it answers, so that a test can tell
// afterwards what really happened, and it can be told to fail in the ways that
// networks fail in.
//
// Below the base address B, X is at B/x (its API at B/x/2, its consent page at
// B/x/i/oauth2/authorize), the Mastodon server is at B/mastodon and the
// Bluesky PDS at B/bluesky. B/control is where faults are set.
//
// What the networks do was read in: X's OpenAPI description 2.167 and its
// documentation of 2026-08-22, Mastodon's documentation of July 2026, and the
// lexicons of 2026-08-20 with the answers of Bluesky's PDS 0.4.217.
package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Config is what a Server needs to know.
type Config struct {
	// Dir holds the journal and the media. A Server opened again on the same
	// folder knows everything that was in it.
	Dir string
	// Base is the address under which callers reach the Server, without a
	// slash at its end. It may have a path.
	Base string
	// Fsync has every line of the journal synced to disk before the answer,
	// several callers sharing one sync.
	Fsync bool
	// Quotas turns the networks' rate limits on. Their headers are sent either way.
	Quotas bool
	// Duplicates has X refuse a text that the account said not long ago.
	Duplicates bool
	Now        func() time.Time
	Log        *slog.Logger
}

// Server is the sandbox.
type Server struct {
	cfg      Config
	networks map[string]*network
	order    []*network
	journal  *journal
	blobs    sync.Mutex // held while a blob is entered: two uploads may bring the same bytes
	tickets  sync.Map   // one-time token of a consent page → *ticket
	handler  http.Handler
	closing  chan struct{}
	closed   sync.Once
}

// Open makes a Server from what is in the configured folder.
func Open(cfg Config) (*Server, error) {
	if cfg.Now == nil {
		return nil, errors.New("sandbox: no clock was given")
	}
	base, err := url.Parse(cfg.Base)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("sandbox: %q is no address to be reached at", cfg.Base)
	}
	cfg.Base = strings.TrimSuffix(cfg.Base, "/")
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "media"), 0o700); err != nil {
		return nil, fmt.Errorf("sandbox: make folder: %w", err)
	}
	s := &Server{cfg: cfg, networks: map[string]*network{}, closing: make(chan struct{})}
	s.addNetwork(X, "X", xDialect(s))
	s.addNetwork(Mastodon, "Mastodon", mastodonDialect(s))
	s.addNetwork(Bluesky, "Bluesky", blueskyDialect(s))
	s.addXClient()
	s.journal, err = openJournal(filepath.Join(cfg.Dir, JournalName), cfg.Fsync, s.replay)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s.handler = http.StripPrefix(strings.TrimSuffix(base.Path, "/"), s.routes())
	return s, nil
}

func (s *Server) addNetwork(key, name string, d dialect) {
	n := &network{key: key, name: name, site: s.cfg.Base + "/" + key, dialect: d,
		byID: map[string]*account{}, byHandle: map[string]*account{}}
	s.networks[key] = n
	s.order = append(s.order, n)
}

// Handler answers all calls below the base address.
func (s *Server) Handler() http.Handler { return s.handler }

// Close ends calls that hang and closes the journal. Calls that come
// afterwards create nothing.
func (s *Server) Close() error {
	var err error
	s.closed.Do(func() {
		close(s.closing)
		err = s.journal.close()
	})
	return err
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	s.routeX(mux)
	s.routeMastodon(mux)
	s.routeBluesky(mux)
	s.routePages(mux)
	s.routeControl(mux)
	mux.HandleFunc("/", s.unknownCall)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

// api makes a call of a network's API from h: it fails while the network is down.
func (s *Server) api(network string, h http.HandlerFunc) http.HandlerFunc {
	n := s.networks[network]
	return func(w http.ResponseWriter, r *http.Request) {
		if n.down.Load() {
			n.dialect.down(w)
			return
		}
		h(w, r)
	}
}

// replay enters one line of the journal.
func (s *Server) replay(e *Entry) error {
	n := s.networks[e.Network]
	if n == nil {
		return fmt.Errorf("there is no network %q", e.Network)
	}
	a := n.byID[e.Account]
	if a == nil && e.Op != opAccount && e.Op != opApp {
		return fmt.Errorf("there is no account %q on %s", e.Account, n.name)
	}
	switch e.Op {
	case opAccount:
		n.add(&account{id: e.Account, handle: e.Handle, name: e.State.Name, created: e.At, password: e.State.Password})
	case OpCreate:
		a.insert(&post{Entry: *e})
		if !e.Seeded && n.key != Bluesky {
			n.sawID(e.ID)
		}
	case OpUpdate:
		if old := n.post(postURI(e.Account, e.ID)); old != nil {
			a.remove(old)
		}
		a.insert(&post{Entry: *e})
	case OpDelete:
		if p := n.post(e.refOf()); p != nil {
			a.remove(p)
		}
	case opRecord:
		a.records[e.ID] = &record{cid: e.Details.CID, value: e.Details.Record}
	case opErase:
		delete(a.records, e.ID)
	case opMedia, opUpload, opAlt:
		s.replayMedia(n, a, e)
	default:
		return n.replayToken(a, e)
	}
	return nil
}

func (e *Entry) refOf() string { return (&post{Entry: *e}).ref() }

// log writes an entry of the sandbox's own state.
func (s *Server) log(a *account, e Entry) error {
	e.Network, e.Account, e.Handle = a.net.key, a.id, a.handle
	if e.At.IsZero() {
		e.At = s.now()
	}
	return s.journal.append(&e)
}

// now is the time as the networks tell it: in UTC, to the millisecond.
func (s *Server) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Millisecond) }

// encodeJSON encodes what is known to be encodable, without escaping HTML.
func encodeJSON(v any) []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("sandbox: an answer cannot be encoded: " + err.Error())
	}
	return []byte(b.String())
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	_, _ = w.Write(encodeJSON(v)) // a caller that went away is none of our business
}

// maxJSON bounds the body of a call that is not an upload.
const maxJSON = 1 << 20

// decodeJSON reads the body into v. strict refuses fields that v does not have.
func decodeJSON(w http.ResponseWriter, r *http.Request, v any, strict bool) error {
	return decodeWhole(http.MaxBytesReader(w, r.Body, maxJSON), v, strict)
}

// decodeWhole reads one JSON value and nothing after it.
func decodeWhole(from io.Reader, v any, strict bool) error {
	dec := json.NewDecoder(from)
	if strict {
		dec.DisallowUnknownFields()
	}
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one JSON value")
	}
	return nil
}

// isJSON reports whether the body says it is JSON.
func isJSON(r *http.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/json")
}

// bearer returns the token of the Authorization header, or "".
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// unknownCall answers a path that no network has, in the words of the network.
func (s *Server) unknownCall(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/x/2/"):
		xProblem(w, http.StatusNotFound, "about:blank", "Not Found", "Not Found")
	case strings.HasPrefix(r.URL.Path, "/mastodon/api/"):
		writeJSON(w, http.StatusNotFound, mastodonError{Error: "Not Found"})
	case strings.HasPrefix(r.URL.Path, "/bluesky/xrpc/"):
		xrpcError(w, http.StatusNotImplemented, "MethodNotImplemented", "Method Not Implemented")
	default:
		s.notFound(w, r)
	}
}
