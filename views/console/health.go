package console

import (
	"strings"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// HealthParams is how the installation is doing.
type HealthParams struct {
	Viewer
	Health *models.Health
	Checks []Check
	Names  map[string]string // of networks, by key
}

// Check is one thing that has to work.
type Check struct {
	Name string
	OK   bool
}

func (p HealthParams) name(network string) string {
	if name := p.Names[network]; name != "" {
		return name
	}
	return network
}

func (p HealthParams) queue(q string) string {
	if network, ok := strings.CutPrefix(q, "publish_"); ok {
		return "Publish to " + p.name(network)
	}
	if q == "default" {
		return "Everything else"
	}
	return q
}

func oldest(q models.QueueDepth) string {
	if q.Waiting == 0 {
		return "–"
	}
	return span(q.Oldest)
}

// answers are the ledger's words for how a call ended, as people read them.
var answers = map[string]string{"ok": "Accepted", "rejected": "Refused a post", "reauthorize": "Wanted the account connected again", "limited": "Asked to wait",
	"unavailable": "Could not be reached", "operator": "Refused this installation's app", "ambiguous": "No clear answer", "reconciled": "Found on the network",
	"absent": "Not found on the network", "started": "Under way"}

func answer(state string) string {
	if words := answers[state]; words != "" {
		return words
	}
	return state
}

func answerTone(state string) string {
	switch state {
	case "ok", "reconciled", "absent":
		return "good"
	case "operator":
		return "bad"
	}
	return "care"
}

func (p HealthParams) disk() string {
	if p.Health.Free < 0 || p.Health.Disk == 0 {
		return "not known"
	}
	return size(p.Health.Free) + " of " + size(p.Health.Disk)
}

func (p HealthParams) diskLow() bool {
	return p.Health.Free >= 0 && (p.Health.Free < 1<<30 || p.Health.Free < p.Health.Disk/20)
}

func (p HealthParams) tickLate() bool { return p.Health.Now.Sub(p.Health.Tick) > 10*time.Second }

func late(d time.Duration, sent int) string {
	if sent == 0 {
		return "–"
	}
	return span(d)
}

// ErrorsParams is the kinds of errors in one state.
type ErrorsParams struct {
	Viewer
	State  models.FaultState
	Groups []models.FaultGroup
	Counts map[models.FaultState]int
}

var faultNames = map[models.FaultState]string{models.FaultOpen: "Open", models.FaultSeen: "Seen", models.FaultResolved: "Resolved"}

func (p ErrorsParams) tabs() []ui.TabParams {
	var list []ui.TabParams
	for _, s := range models.FaultStates {
		list = append(list, ui.TabParams{Text: faultNames[s], Href: "/console/errors?state=" + string(s), Current: s == p.State, Count: p.Counts[s], Bad: s == models.FaultOpen})
	}
	return list
}

func originName(o models.FaultOrigin) string {
	if o == models.FaultOfJob {
		return "Job"
	}
	return "Request"
}

func times(n int64) string { return ui.Plural(int(n), "time") }

func (p ErrorsParams) when(g models.FaultGroup) string {
	words := "Last " + p.second(g.Last) + ", first " + p.second(g.First)
	if g.Request != "" {
		words += ", id of the last:"
	}
	return words
}
