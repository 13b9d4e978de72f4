package models

import (
	"time"

	"github.com/google/uuid"
)

// Filter narrows what calendar and list show. Empty fields narrow nothing.
type Filter struct {
	Accounts []uuid.UUID
	States   []State
	Search   string // in the post's first words
}

// Empty reports that nothing is narrowed.
func (f Filter) Empty() bool { return len(f.Accounts) == 0 && len(f.States) == 0 && f.Search == "" }

// Entry is one occurrence of a post with its deliveries, as calendar and
// list show it.
type Entry struct {
	ID         uuid.UUID // of the occurrence
	PostID     uuid.UUID
	DueAt      time.Time // an instant; shown in the viewer's zone
	Zone       string    // in which the person chose the time
	Excerpt    string
	CoverID    *uuid.UUID // medium to show beside it
	Comments   int        // on the post
	Deliveries []EntryDelivery
}

// EntryDelivery is as much of a delivery as a chip shows. Where the post waits
// for approval there is none yet: then it stands for an account that it would
// go to, without an id.
type EntryDelivery struct {
	ID        uuid.UUID
	AccountID uuid.UUID
	Network   string
	State     State
}

// What stands for a state where a post waits for approval at its wanted time.
const (
	EntryReview  State = "review"
	EntryChanges State = "changes"
)

// FilterStates lists what people filter by, in their order.
var FilterStates = append([]State{EntryReview, EntryChanges}, States...)

// State is the occurrence's state in one word: what needs a person first,
// then what moves, then what waits, then what is done.
func (e *Entry) State() State {
	for _, s := range []State{Failed, Unknown, Missed, EntryChanges, EntryReview, Waiting, Publishing, Retrying, Scheduled, Published} {
		for _, d := range e.Deliveries {
			if d.State == s {
				return s
			}
		}
	}
	return Canceled
}

// Partial reports that some deliveries are out and others will not go out by themselves.
func (e *Entry) Partial() bool {
	out, stuck := false, false
	for _, d := range e.Deliveries {
		out = out || d.State == Published
		stuck = stuck || d.State.NeedsPerson()
	}
	return out && stuck
}

// Movable reports that the whole occurrence may be moved to another time.
func (e *Entry) Movable() bool {
	if len(e.Deliveries) == 0 {
		return false
	}
	for _, d := range e.Deliveries {
		switch d.State {
		case Scheduled, Missed, Failed, Canceled, EntryReview, EntryChanges:
		default:
			return false
		}
	}
	return e.State() != Canceled
}

// Day is one day of a calendar, in the viewer's zone.
type Day struct {
	Date    string // 2006-01-02
	Entries []Entry
	Total   int // all of the day's, also those beyond Entries
}

// Calendar is a stretch of days.
type Calendar struct {
	Zone     string
	From, To time.Time // instants: the first day's start, the start of the day after the last
	Days     []Day
	Total    int
}

// Page is a stretch of a list of entries.
type Page struct {
	Entries []Entry
	Next    string // cursor of the page after; "" at the end
}

// PostPage is all that a post's own page shows.
type PostPage struct {
	Post        Post
	Author      string
	Media       map[uuid.UUID]Media
	Accounts    map[uuid.UUID]Account
	Occurrences []Occurrence
	Discussion  *Discussion
}

// Occurrence is one time at which a post goes out.
type Occurrence struct {
	ID         uuid.UUID
	Wall       Wall // as the person chose it
	DueAt      time.Time
	Proposed   bool // a wanted time: nothing goes out at it before the post is approved
	Deliveries []DeliveryDetail
}

// DeliveryDetail is a delivery with its ledger.
type DeliveryDetail struct {
	Delivery
	Attempts []Attempt
	Parts    []PartResult // what is out of it, part by part
	Acts     []Act        // what the viewer's role may do with it now
}

// PartResult is a published part of a thread.
type PartResult struct {
	Index int
	URL   string
}

// Notification is a message for one person.
type Notification struct {
	ID        uuid.UUID
	Kind      string // "delivery.failed", "delivery.unknown", "account.reconnect", ...
	PostID    *uuid.UUID
	AccountID *uuid.UUID
	Title     string
	Body      string
	CreatedAt time.Time
	ReadAt    *time.Time
}

// Membership is one of a person's organizations.
type Membership struct {
	OrganizationID uuid.UUID
	Name           string
	Role           Role
	Demo           bool
	Logo           uuid.UUID // zero: none
}

// User is a person.
type User struct {
	ID        uuid.UUID
	Email     string
	Name      string
	TimeZone  string
	WeekStart time.Weekday
	Theme     string // system, light, dark
	Platform  PlatformRole
	Picture   uuid.UUID // zero: none
}

// Device is a place where a person is signed in.
type Device struct {
	ID        string // opaque, for revoking; opens nothing
	IP        string
	Agent     string
	CreatedAt time.Time
	SeenAt    time.Time
	Current   bool
	Program   bool // signed in by the programming interface, not in a browser
}

// Hold is why nothing is being published on this installation.
type Hold struct {
	Since  time.Time
	Reason string
}
