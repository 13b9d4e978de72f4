package sandbox

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is one way in which a creating call goes wrong.
type Fault string

// The faults. Those that accept make the post visible all the same, and the
// journal holds it.
const (
	ResetBefore Fault = "reset_before" // the connection is reset, nothing is accepted
	ErrorBefore Fault = "error_before" // 500, nothing is accepted
	Limited     Fault = "limited"      // 429 with the network's own headers, nothing is accepted
	Refuse      Fault = "refuse"       // a clear refusal, nothing is accepted
	ResetAfter  Fault = "reset_after"  // accepts, then the connection is reset
	ErrorAfter  Fault = "error_after"  // accepts, then 500
	Hang        Fault = "hang"         // says nothing for a while, accepts late, closes without an answer
	BadAfter    Fault = "bad_after"    // accepts, then 400
	NoID        Fault = "no_id"        // accepts, answers 200 without an id
	HTML        Fault = "html"         // accepts, answers 200 with a web page
	Slow        Fault = "slow"         // accepts, answers one byte at a time
	Giant       Fault = "giant"        // accepts, answers with 4 MB
)

// Kinds lists the faults, those that accept nothing first.
var Kinds = []Fault{ResetBefore, ErrorBefore, Limited, Refuse, ResetAfter, ErrorAfter, Hang, BadAfter, NoID, HTML, Slow, Giant}

// Accepts reports whether a call with this fault is accepted all the same.
func (f Fault) Accepts() bool {
	switch f {
	case ResetBefore, ErrorBefore, Limited, Refuse:
		return false
	}
	return true
}

// answered says what becomes of the answer to a call with this fault.
func (f Fault) answered() Answered {
	switch f {
	case "":
		return Told
	case ResetAfter, Hang:
		return Lost
	default:
		return Garbled
	}
}

// Next is a fault for the next calls of one account, or of any.
type Next struct {
	Fault  Fault  `json:"fault"`
	Count  int    `json:"count"`            // how many calls; 0 counts as 1
	Handle string `json:"handle,omitempty"` // "" for any account of the network
}

// FaultPlan is how often which fault befalls the creating calls of a network.
type FaultPlan struct {
	Network string            `json:"network"`
	Seed    uint64            `json:"seed"`
	Rates   map[Fault]float64 `json:"rates"` // 0 to 1 each, and in their sum
	// The times are in seconds. Zero stands for 2 (Hang), 5 (Limited) and 60 (Slow).
	HangSeconds    float64 `json:"hang_seconds,omitempty"`
	LimitedSeconds float64 `json:"limited_seconds,omitempty"`
	SlowSeconds    float64 `json:"slow_seconds,omitempty"`
	Next           []Next  `json:"next,omitempty"`
}

// UnmarshalJSON takes the rates also beside the other fields, by the faults'
// names: {"network": "x", "hang": 0.03}.
func (p *FaultPlan) UnmarshalJSON(b []byte) error {
	type plain FaultPlan
	if err := json.Unmarshal(b, (*plain)(p)); err != nil {
		return err
	}
	var flat map[string]json.RawMessage
	if err := json.Unmarshal(b, &flat); err != nil {
		return err
	}
	for _, kind := range Kinds {
		raw, ok := flat[string(kind)]
		if !ok {
			continue
		}
		var rate float64
		if err := json.Unmarshal(raw, &rate); err != nil {
			return fmt.Errorf("the rate of %s: %w", kind, err)
		}
		if p.Rates == nil {
			p.Rates = map[Fault]float64{}
		}
		p.Rates[kind] = rate
	}
	return nil
}

func (p FaultPlan) check() error {
	var sum float64
	for f, rate := range p.Rates {
		if !slices.Contains(Kinds, f) {
			return fmt.Errorf("there is no fault %q", f)
		}
		if rate < 0 || rate > 1 {
			return fmt.Errorf("the rate of %s is not between 0 and 1", f)
		}
		sum += rate
	}
	if sum > 1.000001 {
		return fmt.Errorf("the rates add up to %.2f, which is more than 1", sum)
	}
	for _, n := range p.Next {
		if !slices.Contains(Kinds, n.Fault) {
			return fmt.Errorf("there is no fault %q", n.Fault)
		}
		if n.Count < 0 {
			return fmt.Errorf("the count of %s is negative", n.Fault)
		}
	}
	if p.HangSeconds < 0 || p.LimitedSeconds < 0 || p.SlowSeconds < 0 {
		return fmt.Errorf("a time is negative")
	}
	return nil
}

func seconds(s, otherwise float64) time.Duration {
	if s == 0 {
		s = otherwise
	}
	return time.Duration(s * float64(time.Second))
}

func (p FaultPlan) hang() time.Duration    { return seconds(p.HangSeconds, 2) }
func (p FaultPlan) limited() time.Duration { return seconds(p.LimitedSeconds, 5) }
func (p FaultPlan) slow() time.Duration    { return seconds(p.SlowSeconds, 60) }

// faults draws a fault for each creating call.
type faults struct {
	armed atomic.Bool // there is something to draw
	mu    sync.Mutex
	plan  FaultPlan
	rand  *rand.Rand
}

// set takes a new plan. The drawing begins anew from its seed.
func (f *faults) set(p FaultPlan) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.Next = slices.Clone(p.Next)
	for i := range p.Next {
		p.Next[i].Count = max(1, p.Next[i].Count)
	}
	f.plan = p
	f.rand = rand.New(rand.NewPCG(p.Seed, 0x5eed))
	f.armed.Store(len(p.Next) > 0 || len(p.Rates) > 0)
}

// add puts faults for the next calls behind those that are set.
func (f *faults) add(next []Next) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range next {
		n.Count = max(1, n.Count)
		f.plan.Next = append(f.plan.Next, n)
	}
	f.armed.Store(len(f.plan.Next) > 0 || len(f.plan.Rates) > 0)
}

func (f *faults) get() FaultPlan {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.plan
	p.Next = slices.Clone(p.Next)
	return p
}

// draw returns the fault for a call of that account, or "".
func (f *faults) draw(handle string) Fault {
	if !f.armed.Load() {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.plan.Next {
		n := &f.plan.Next[i]
		if n.Handle != "" && !strings.EqualFold(n.Handle, handle) {
			continue
		}
		fault := n.Fault
		if n.Count--; n.Count == 0 {
			f.plan.Next = slices.Delete(f.plan.Next, i, i+1)
		}
		return fault
	}
	if len(f.plan.Rates) == 0 {
		return ""
	}
	at := f.rand.Float64()
	for _, kind := range Kinds {
		if at -= f.plan.Rates[kind]; at < 0 {
			return kind
		}
	}
	return ""
}

// dialect is how a network words what is the same with all of them.
type dialect struct {
	created int                                             // status of a creation
	limited func(w http.ResponseWriter, wait time.Duration) // 429
	failed  func(w http.ResponseWriter)                     // 500
	refused func(w http.ResponseWriter, after bool)         // a refusal; after: though it was accepted
	down    func(w http.ResponseWriter)                     // 503
}

// answer is what a call is answered with.
type answer struct {
	status int
	body   any
}

// create answers one creating call that is in order so far, under the faults
// that are asked for. accept makes the post visible and returns false with
// its answer when it has to refuse.
func (s *Server) create(w http.ResponseWriter, a *account, accept func(Fault) (answer, bool)) {
	d := a.net.dialect
	fault := a.net.faults.draw(a.handle)
	plan := FaultPlan{}
	if fault != "" {
		plan = a.net.faults.get()
	}
	switch fault {
	case ResetBefore:
		reset(w)
		return
	case ErrorBefore:
		d.failed(w)
		return
	case Limited:
		d.limited(w, plan.limited())
		return
	case Refuse:
		d.refused(w, false)
		return
	case Hang:
		// What hangs is accepted whether or not the caller still waits.
		select {
		case <-time.After(plan.hang()):
		case <-s.closing:
			reset(w)
			return
		}
	}
	ans, ok := accept(fault)
	if !ok && fault != Hang {
		writeJSON(w, ans.status, ans.body)
		return
	}
	s.answer(w, d, fault, plan, ans)
}

// answer answers a call that was accepted as its fault wants it.
func (s *Server) answer(w http.ResponseWriter, d dialect, fault Fault, plan FaultPlan, ans answer) {
	switch fault {
	case ResetAfter:
		reset(w)
	case Hang:
		hangUp(w)
	case ErrorAfter:
		d.failed(w)
	case BadAfter:
		d.refused(w, true)
	case NoID:
		writeJSON(w, d.created, struct{}{})
	case HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>One moment</title><p>One moment, please.</p>\n"))
	case Slow:
		s.drip(w, ans, plan.slow())
	case Giant:
		writeJSON(w, d.created, map[string]string{"padding": strings.Repeat("x", 4<<20)})
	default:
		writeJSON(w, ans.status, ans.body)
	}
}

// drip sends the answer one byte at a time.
func (s *Server) drip(w http.ResponseWriter, ans answer, whole time.Duration) {
	body := encodeJSON(ans.body)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(ans.status)
	rc := http.NewResponseController(w)
	pause := whole / time.Duration(len(body))
	for i := range body {
		if _, err := w.Write(body[i : i+1]); err != nil {
			return
		}
		_ = rc.Flush() // a caller that went away shows at the next write
		select {
		case <-time.After(pause):
		case <-s.closing:
			return
		}
	}
}

// reset breaks the connection off with a TCP reset.
func reset(w http.ResponseWriter) { breakOff(w, true) }

// hangUp closes the connection without an answer.
func hangUp(w http.ResponseWriter) { breakOff(w, false) }

func breakOff(w http.ResponseWriter, hard bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // net/http's own way to give no answer
	}
	if tcp, ok := conn.(*net.TCPConn); ok && hard {
		_ = tcp.SetLinger(0) // at worst the end is gentler than asked for
	}
	_ = conn.Close() // there is nobody left to tell
}
