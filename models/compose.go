package models

import (
	"github.com/google/uuid"

	"github.com/allin-platform/allin/networks"
)

// Composition is what the composer holds, on its way in.
type Composition struct {
	Content Content
	Targets []Target
	Version int // the version that was opened; 0 for a new post
	// Auto: it was saved by itself while somebody wrote.
	Auto bool

	wall     *Wall // the time that is chosen with it
	restored int   // the version that it brings back
}

// Review is what the server says of a composition, account by account.
type Review struct {
	Accounts []AccountReview
	// Problems that concern the post as a whole: no account chosen, nothing written.
	Problems []string
}

// OK reports that every account would take the post.
func (r Review) OK() bool {
	if len(r.Problems) > 0 || len(r.Accounts) == 0 {
		return false
	}
	for _, a := range r.Accounts {
		if len(a.Problems) > 0 {
			return false
		}
	}
	return true
}

// AccountReview is a composition seen by one account.
type AccountReview struct {
	Account  Account
	Rules    networks.Rules
	Look     networks.Look
	Content  Content // what it would say there
	Options  networks.Options
	Own      bool  // it has a variant of its own
	Counts   []int // length of each part, in the network's way
	Max      int   // the most that a part may have
	Problems []networks.Problem
	Media    map[uuid.UUID]Media
}
