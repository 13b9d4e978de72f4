package models

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// State is where a delivery stands.
type State string

// The states of a delivery (docs/publishing.md draws the transitions).
const (
	Scheduled  State = "scheduled"  // waits for its time
	Publishing State = "publishing" // a process has it in hand
	Published  State = "published"  // it is out, and the network said or showed so
	Retrying   State = "retrying"   // it will be tried, looked for or asked about again by itself
	Waiting    State = "waiting"    // the account must be reconnected, or the operator must act
	Unknown    State = "unknown"    // it may be out; only a person can tell
	Missed     State = "missed"     // too late to go out unasked
	Failed     State = "failed"     // it will not go out as it is
	Canceled   State = "canceled"
)

// States lists all states, in the order in which people filter by them.
var States = []State{Scheduled, Publishing, Published, Retrying, Waiting, Unknown, Missed, Failed, Canceled}

// Valid reports whether s is one of States.
func (s State) Valid() bool { return slices.Contains(States, s) }

// Final reports that nothing happens to the delivery by itself any more.
func (s State) Final() bool {
	switch s {
	case Published, Unknown, Missed, Failed, Canceled:
		return true
	}
	return false
}

// NeedsPerson reports that somebody has to act.
func (s State) NeedsPerson() bool {
	switch s {
	case Waiting, Unknown, Missed, Failed:
		return true
	}
	return false
}

// Act is something that a person may do with a delivery.
type Act string

// The acts.
const (
	ActRetry       Act = "retry"        // send a failed, missed or retrying one now
	ActCancel      Act = "cancel"       // before it is out
	ActConfirmLive Act = "confirm-live" // an unknown one: "it is live"
	ActSendAgain   Act = "send-again"   // an unknown one: "it is not there, send it again"
	ActLookAgain   Act = "look-again"   // an unknown one, where the network can be asked
	ActEdit        Act = "edit"
	ActMove        Act = "move"
)

// Acts lists what may be done with a delivery as it stands.
func (d *Delivery) Acts() []Act {
	switch d.State {
	case Scheduled:
		return []Act{ActMove, ActEdit, ActCancel}
	case Retrying:
		if d.Unresolved {
			return nil // it may be out: first it is looked for
		}
		return []Act{ActRetry, ActEdit, ActCancel}
	case Waiting:
		if d.Unresolved {
			return nil
		}
		return []Act{ActEdit, ActCancel}
	case Missed:
		return []Act{ActRetry, ActMove, ActEdit, ActCancel}
	case Failed:
		return []Act{ActRetry, ActMove, ActEdit, ActCancel}
	case Unknown:
		return []Act{ActConfirmLive, ActSendAgain, ActLookAgain}
	}
	return nil
}

// Delivery is one occurrence of a post on one account.
type Delivery struct {
	ID              uuid.UUID
	ScheduledPostID uuid.UUID
	PostID          uuid.UUID
	AccountID       uuid.UUID
	Network         string
	State           State
	DueAt           time.Time
	NextAt          *time.Time // when it is looked at next by itself
	Tries           int
	Reason          string // machine's word
	Message         string // a sentence for people; "" while all is well
	RemoteURL       string
	PublishedAt     *time.Time
	// Unresolved: a call went out whose outcome is not known yet.
	Unresolved bool
}

// Attempt is one line of a delivery's ledger.
type Attempt struct {
	Step      string // "create:0": the first part
	Action    string // send, look, upload, decide
	State     string
	Code      string
	Message   string
	StartedAt time.Time
	EndedAt   *time.Time
}
