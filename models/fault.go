package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// FaultOrigin is what failed.
type FaultOrigin string

// The origins of faults.
const (
	FaultOfRequest FaultOrigin = "request"
	FaultOfJob     FaultOrigin = "job"
)

// Fault is an error of ours that people who look after the installation are
// shown: one that a request was answered with, or one that a job ended with.
type Fault struct {
	Origin  FaultOrigin
	Place   string // the route, or the job
	Message string
	Stack   string // "" where there is none
	Request string // its id, as the person saw it
}

// Bounds of what is kept of faults. A storm of errors costs memory for
// maxPending kinds and, each time, as many rows.
const (
	faultEvery    = 3 * time.Second
	maxPending    = 12  // kinds between two writings, in one process
	maxFaults     = 500 // kinds in the database
	faultKeep     = 90 * 24 * time.Hour
	maxFaultText  = 1000
	maxFaultStack = 8000
)

// faults gathers errors until they are written.
type faults struct {
	mu      sync.Mutex
	pending map[string]*pendingFault
	lost    int // of kinds for which there was no room
}

type pendingFault struct {
	Fault
	count       int64
	first, last time.Time
}

// Fault counts an error. It waits for nothing and never fails.
func (s *Store) Fault(f Fault) {
	f.Message, f.Stack = scrub(f.Message, maxFaultText), scrub(f.Stack, maxFaultStack)
	now := s.now()
	key := f.fingerprint()
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	p := s.faults.pending[key]
	if p == nil {
		if len(s.faults.pending) >= maxPending {
			s.faults.lost++
			return
		}
		p = &pendingFault{first: now}
		s.faults.pending[key] = p
	}
	p.Fault, p.last = f, now
	p.count++
}

// KeepFaults writes what was gathered every few seconds until ctx ends, and
// what is left then.
func (in *Install) KeepFaults(ctx context.Context) error {
	tick := time.NewTicker(faultEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), faultEvery)
			defer cancel()
			_ = in.WriteFaults(last) // the database may be gone: then the log has them
			return nil
		case <-tick.C:
		}
		if err := in.WriteFaults(ctx); err != nil && ctx.Err() == nil {
			in.log.Warn("write errors for the console", "error", err)
		}
	}
}

// WriteFaults writes what was gathered since the last time.
func (in *Install) WriteFaults(ctx context.Context) error {
	in.faults.mu.Lock()
	pending, lost := in.faults.pending, in.faults.lost
	in.faults.pending, in.faults.lost = map[string]*pendingFault{}, 0
	in.faults.mu.Unlock()
	if lost > 0 {
		in.log.Warn("more kinds of errors at once than the console counts: see the log", "errors", lost)
	}
	if len(pending) == 0 {
		return nil
	}
	err := in.system(ctx, func(tx pgx.Tx) error {
		for key, p := range pending {
			if _, err := tx.Exec(ctx, `
				insert into faults as f (fingerprint, origin, place, message, stack, request_id, count, first_at, last_at)
				values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
				on conflict (fingerprint) do update set message = excluded.message, request_id = excluded.request_id,
					stack = case when excluded.stack <> '' then excluded.stack else f.stack end,
					count = f.count + excluded.count, last_at = greatest(f.last_at, excluded.last_at),
					state = case when f.state = 'resolved' then 'open' else f.state end`,
				key, p.Origin, p.Place, p.Message, p.Stack, p.Request, p.count, p.first, p.last); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `delete from faults where last_at < now() - $2::interval
			or fingerprint in (select fingerprint from faults order by last_at desc offset $1)`, maxFaults, faultKeep)
		return err
	})
	if err != nil {
		in.faults.putBack(pending)
	}
	return wrapped("write errors", err)
}

// putBack keeps what could not be written for the next time, as far as there is room.
func (f *faults) putBack(pending map[string]*pendingFault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, old := range pending {
		p := f.pending[key]
		switch {
		case p != nil:
			p.count, p.first = p.count+old.count, old.first
		case len(f.pending) < maxPending:
			f.pending[key] = old
		default:
			f.lost++
		}
	}
}

// fingerprint is the same for errors that differ in numbers and ids only.
func (f Fault) fingerprint() string {
	message := f.Message
	for _, r := range []struct {
		what *regexp.Regexp
		with string
	}{{sameQuoted, `"…"`}, {sameHex, "#"}, {sameNumbers, "#"}} {
		message = r.what.ReplaceAllString(message, r.with)
	}
	sum := sha256.Sum256([]byte(string(f.Origin) + "\x00" + f.Place + "\x00" + message))
	return hex.EncodeToString(sum[:12])
}

var (
	sameQuoted  = regexp.MustCompile(`"[^"]*"|'[^']*'`)
	sameHex     = regexp.MustCompile(`(?i)\b0x[0-9a-f]+\b|\b[0-9a-f]{8}(-[0-9a-f]{4,12})+\b|\b[0-9a-f]{12,}\b`)
	sameNumbers = regexp.MustCompile(`\d+`)

	// What no error should hold, and must not be kept where it does.
	scrubAddresses   = regexp.MustCompile(`(?i)[a-z0-9._%+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+`)
	scrubBearer      = regexp.MustCompile(`(?i)\b(bearer|basic)\s+\S+`)
	scrubCredentials = regexp.MustCompile(`(?i)\b((?:[a-z]+[_-])*(?:password|passwd|secret|token|code|key|authorization|cookie|state))("?\s*[=:]\s*"?)[^\s"&,;]+`)
	scrubURLs        = regexp.MustCompile(`(\b[a-z][a-z0-9+.-]*://)([^/\s"@]*@)?([^\s"?#]*)([?#][^\s"]*)?`)
	scrubLong        = regexp.MustCompile(`[A-Za-z0-9_+=-]{32,}`)
)

// scrub takes out of an error's text what may be a secret or a person's
// address, and what a page could not show.
func scrub(text string, most int) string {
	if len(text) > 4*most {
		text = text[:4*most]
	}
	text = scrubURLs.ReplaceAllString(text, "$1$3")
	text = scrubBearer.ReplaceAllString(text, "$1 …")
	text = scrubCredentials.ReplaceAllString(text, "$1$2…")
	text = scrubAddresses.ReplaceAllString(text, "…@…")
	text = scrubLong.ReplaceAllStringFunc(text, func(s string) string {
		if !strings.ContainsAny(s, "0123456789") || uuidLike(s) {
			return s // a long word of a stack, or an id
		}
		return "…"
	})
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(printable(strings.ReplaceAll(lines[i], "\t", "    ")), " ")
	}
	runes := []rune(strings.Join(lines, "\n"))
	if len(runes) > most {
		runes = append(runes[:most-1], '…')
	}
	return string(runes)
}

func uuidLike(s string) bool { return len(s) == 36 && strings.Count(s, "-") == 4 }
