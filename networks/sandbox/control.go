package sandbox

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

func (s *Server) routeControl(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/accounts", s.controlAccounts)
	mux.HandleFunc("POST /control/posts", s.controlPosts)
	mux.HandleFunc("POST /control/faults", s.controlFaults)
	mux.HandleFunc("GET /control/faults", s.controlFaultsNow)
	mux.HandleFunc("POST /control/tokens", s.controlTokens)
	mux.HandleFunc("POST /control/network", s.controlNetwork)
	mux.HandleFunc("POST /control/consents", s.controlConsents)
	mux.HandleFunc("GET /control/journal", s.controlJournal)
	mux.HandleFunc("GET /control", s.controlPage)
	mux.HandleFunc("POST /control", s.controlForm)
}

// maxControl bounds the body of a control call; posts bring their media in it.
const maxControl = 64 << 20

// control reads a control call's body, which must be JSON: a page of another
// origin cannot send that without being asked first.
func control[T any](w http.ResponseWriter, r *http.Request) (T, bool) {
	var v T
	if !isJSON(r) {
		controlFail(w, http.StatusUnsupportedMediaType, "The body must be JSON, with Content-Type application/json.")
		return v, false
	}
	if err := decodeWhole(http.MaxBytesReader(w, r.Body, maxControl), &v, false); err != nil {
		controlFail(w, http.StatusBadRequest, "The body could not be read: "+err.Error())
		return v, false
	}
	return v, true
}

func controlFail(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"error": message})
}

func (s *Server) controlAccounts(w http.ResponseWriter, r *http.Request) {
	d, ok := control[struct{ Network, Handle, Name string }](w, r)
	if !ok {
		return
	}
	c, err := s.CreateAccount(d.Network, d.Handle, d.Name)
	if err != nil {
		controlFail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, c)
}

func (s *Server) controlPosts(w http.ResponseWriter, r *http.Request) {
	p, ok := control[PastPost](w, r)
	if !ok {
		return
	}
	ref, err := s.AddPost(p)
	if err != nil {
		controlFail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, ref)
}

// SetFaults has the creating calls of a network fail as the plan says, in
// place of what an earlier plan said. Plan.Network "" stands for all networks.
func (s *Server) SetFaults(p FaultPlan) error {
	if err := p.check(); err != nil {
		return err
	}
	if p.Network != "" && s.networks[p.Network] == nil {
		return fmt.Errorf("there is no network %q", p.Network)
	}
	for _, n := range s.order {
		if p.Network == "" || p.Network == n.key {
			plan := p
			plan.Network = n.key
			n.faults.set(plan)
		}
	}
	return nil
}

// FailNext has the next creating calls fail, and leaves the rates as they are.
func (s *Server) FailNext(network string, next ...Next) error {
	if err := (FaultPlan{Next: next}).check(); err != nil {
		return err
	}
	n := s.networks[network]
	if n == nil {
		return fmt.Errorf("there is no network %q", network)
	}
	n.faults.add(next)
	return nil
}

func (s *Server) controlFaults(w http.ResponseWriter, r *http.Request) {
	raw, ok := control[json.RawMessage](w, r)
	if !ok {
		return
	}
	var add struct {
		Add bool `json:"add"` // only put next behind what is set
	}
	var plan FaultPlan
	err := json.Unmarshal(raw, &plan)
	if err == nil {
		err = json.Unmarshal(raw, &add)
	}
	switch {
	case err != nil:
	case add.Add:
		err = s.FailNext(plan.Network, plan.Next...)
	default:
		err = s.SetFaults(plan)
	}
	if err != nil {
		controlFail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	s.controlFaultsNow(w, r)
}

func (s *Server) controlFaultsNow(w http.ResponseWriter, _ *http.Request) {
	plans := make([]FaultPlan, len(s.order))
	for i, n := range s.order {
		plans[i] = n.faults.get()
		plans[i].Network = n.key
	}
	writeJSON(w, http.StatusOK, plans)
}

func (s *Server) controlTokens(w http.ResponseWriter, r *http.Request) {
	d, ok := control[struct{ Network, Handle, Action string }](w, r)
	if !ok {
		return
	}
	if err := s.tokensAction(d.Network, d.Handle, d.Action); err != nil {
		controlFail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]bool{"ok": true})
}

func (s *Server) tokensAction(network, handle, action string) error {
	switch action {
	case "expire":
		return s.ExpireTokens(network, handle)
	case "revoke":
		return s.RevokeGrants(network, handle)
	default:
		return fmt.Errorf("the action is expire or revoke, not %q", action)
	}
}

// SetDown has all API calls of a network answered with 503, until told otherwise.
func (s *Server) SetDown(network string, down bool) error {
	n := s.networks[network]
	if n == nil {
		return fmt.Errorf("there is no network %q", network)
	}
	n.down.Store(down)
	return nil
}

func (s *Server) controlNetwork(w http.ResponseWriter, r *http.Request) {
	d, ok := control[struct {
		Network string
		Down    bool
	}](w, r)
	if !ok {
		return
	}
	if err := s.SetDown(d.Network, d.Down); err != nil {
		controlFail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]bool{"down": d.Down})
}

func (s *Server) controlConsents(w http.ResponseWriter, r *http.Request) {
	d, ok := control[struct {
		Network, Query, Handle string
		Scopes                 []string
	}](w, r)
	if !ok {
		return
	}
	redirect, err := s.Consent(d.Network, d.Query, d.Handle, d.Scopes)
	if err != nil {
		controlFail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"redirect": redirect})
}

// controlJournal gives creations, updates and deletions as JSON lines, those
// after the number "after" when it is given.
func (s *Server) controlJournal(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.ParseInt(cmp.Or(r.URL.Query().Get("after"), "0"), 10, 64)
	if err != nil {
		controlFail(w, http.StatusBadRequest, "after must be a number")
		return
	}
	f, err := os.Open(filepath.Join(s.cfg.Dir, JournalName))
	if err != nil {
		controlFail(w, http.StatusInternalServerError, "The journal could not be opened.")
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		controlFail(w, http.StatusInternalServerError, "The journal could not be opened.")
		return
	}
	w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
	for line, err := range lines(io.LimitReader(f, info.Size())) {
		if err != nil {
			s.cfg.Log.Error("sandbox: read journal", "error", err)
			return
		}
		if !shownLine(line, after) {
			continue
		}
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}

// shownLine reports whether a line belongs to the oracle. It is asked for
// every line of a file that may be long, and so does not decode them.
func shownLine(line []byte, after int64) bool {
	rest, ok := bytes.CutPrefix(line, []byte(seqPrefix[:len(seqPrefix)-1]))
	if !ok {
		return false
	}
	number, rest, _ := bytes.Cut(rest, []byte(","))
	if seq, err := strconv.ParseInt(string(number), 10, 64); err != nil || seq <= after {
		return false
	}
	_, rest, _ = bytes.Cut(rest, []byte(`,"op":"`))
	op, _, _ := bytes.Cut(rest, []byte(`"`))
	return (&Entry{Op: Op(op)}).public()
}
