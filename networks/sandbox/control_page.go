package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// controlView is what the control page shows.
type controlView struct {
	Ticket  string
	Done    string // what the last form did
	Problem string
	Plans   []planView
	Tail    []tailView
	Kinds   []kindView
	All     []accountView
}

type planView struct {
	Key, Name string
	Seed      uint64
	Down      bool
	Armed     bool // some rate is set
	Rates     []rateView
	Next      []Next
}

type rateView struct {
	kindView
	Percent string
}

type kindView struct {
	Name    Fault
	Words   string
	Accepts bool
}

type tailView struct {
	Entry
	URL, When, Words string
}

// faultWords says what a fault does.
var faultWords = map[Fault]string{
	ResetBefore: "Connection reset, not accepted",
	ErrorBefore: "500, not accepted",
	Limited:     "429, not accepted",
	Refuse:      "Refused",
	ResetAfter:  "Accepted, then connection reset",
	ErrorAfter:  "Accepted, then 500",
	Hang:        "Silence, then accepted without an answer",
	BadAfter:    "Accepted, then 400",
	NoID:        "Accepted, answer without an id",
	HTML:        "Accepted, answer is a web page",
	Slow:        "Accepted, answer a byte at a time",
	Giant:       "Accepted, answer of 4 MB",
}

func kindViews() []kindView {
	var out []kindView
	for _, kind := range Kinds {
		out = append(out, kindView{kind, faultWords[kind], kind.Accepts()})
	}
	return out
}

// controlPage shows what is set and what happened last.
func (s *Server) controlPage(w http.ResponseWriter, r *http.Request) {
	done := map[string]string{"account": "The account is there.", "faults": "The faults are set.", "next": "The next calls are set.", "tokens": "The tokens are changed.",
		"network": "The network is switched."}[r.URL.Query().Get("done")]
	s.showControl(w, r, http.StatusOK, &controlView{Done: done})
}

func (s *Server) showControl(w http.ResponseWriter, r *http.Request, status int, v *controlView) {
	v.Ticket = secret(16)
	s.tickets.Store(v.Ticket, &ticket{ends: s.now().Add(controlLife)})
	s.sweepTickets()
	v.Kinds = kindViews()
	for _, n := range s.order {
		plan := n.faults.get()
		p := planView{Key: n.key, Name: n.name, Seed: plan.Seed, Down: n.down.Load(), Next: plan.Next}
		for _, kind := range v.Kinds {
			p.Armed = p.Armed || plan.Rates[kind.Name] > 0
			p.Rates = append(p.Rates, rateView{kind, strconv.FormatFloat(plan.Rates[kind.Name]*100, 'f', -1, 64)})
		}
		v.Plans = append(v.Plans, p)
	}
	for _, e := range s.journal.last() {
		line := tailView{Entry: e, When: e.At.Format("2 Jan 15:04:05")}
		if p := s.networks[e.Network].post(e.refOf()); p != nil {
			line.URL = s.local(s.postURL(p))
		}
		line.Words = answerWords(e)
		v.Tail = append(v.Tail, line)
	}
	s.page(w, r, status, "control", pageData{Title: "Sandbox control", Networks: s.networkViews(), Control: v})
}

func answerWords(e Entry) string {
	switch {
	case e.Seeded:
		return "put there"
	case e.Answered == Told:
		return "answered"
	case e.Answered == Lost:
		return "no answer (" + string(e.Fault) + ")"
	default:
		return "answer unclear (" + string(e.Fault) + ")"
	}
}

// controlLife is how long the forms of a control page are good.
const controlLife = 12 * ticketLife

// controlForm takes the forms of the control page.
func (s *Server) controlForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
	if _, ok := s.tickets.LoadAndDelete(r.PostFormValue("ticket")); !ok {
		s.showControl(w, r, http.StatusUnprocessableEntity, &controlView{Problem: "The page was too old to be answered. Here is a fresh one."})
		return
	}
	what := r.PostFormValue("form")
	if err := s.applyForm(what, r); err != nil {
		s.showControl(w, r, http.StatusUnprocessableEntity, &controlView{Problem: "Nothing was changed: " + err.Error() + "."})
		return
	}
	http.Redirect(w, r, s.path()+"/control?done="+what, http.StatusSeeOther)
}

func (s *Server) applyForm(what string, r *http.Request) error {
	network, handle := r.PostFormValue("network"), r.PostFormValue("handle")
	switch what {
	case "account":
		_, err := s.CreateAccount(network, handle, "")
		return err
	case "faults":
		plan, err := planOf(r)
		if err != nil {
			return err
		}
		return s.SetFaults(plan)
	case "next":
		count, err := strconv.Atoi(r.PostFormValue("count"))
		if err != nil {
			return fmt.Errorf("%q is no number of calls", r.PostFormValue("count"))
		}
		return s.FailNext(network, Next{Fault: Fault(r.PostFormValue("fault")), Count: count, Handle: strings.TrimPrefix(strings.TrimSpace(handle), "@")})
	case "tokens":
		network, handle, _ = strings.Cut(r.PostFormValue("account"), "/")
		return s.tokensAction(network, handle, r.PostFormValue("action"))
	case "network":
		return s.SetDown(network, r.PostFormValue("down") == "true")
	default:
		return fmt.Errorf("there is no form %q", what)
	}
}

// planOf reads the rates form; empty fields stand for 0.
func planOf(r *http.Request) (FaultPlan, error) {
	p := FaultPlan{Network: r.PostFormValue("network"), Rates: map[Fault]float64{}}
	if given := r.PostFormValue("seed"); given != "" {
		seed, err := strconv.ParseUint(given, 10, 64)
		if err != nil {
			return p, fmt.Errorf("%q is no seed", given)
		}
		p.Seed = seed
	}
	for name, given := range r.PostForm {
		kind := Fault(name)
		if !slices.Contains(Kinds, kind) || given[0] == "" || given[0] == "0" {
			continue
		}
		percent, err := strconv.ParseFloat(given[0], 64)
		if err != nil {
			return p, fmt.Errorf("%q is no percentage", given[0])
		}
		p.Rates[kind] = percent / 100
	}
	return p, nil
}
