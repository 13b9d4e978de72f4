package networks

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what a failure means for the post. The whole policy that follows
// from it is one switch in package jobs.
type Kind string

// The kinds of failure.
const (
	// Rejected: the network surely refused the post; it must change first.
	// Only answers on the network's list of sure refusals are Rejected.
	Rejected Kind = "rejected"
	// Reauthorize: the person must connect the account again.
	Reauthorize Kind = "reauthorize"
	// RateLimited: surely not done; wait for RetryAfter, or until the gate opens.
	RateLimited Kind = "limited"
	// Unavailable: surely not done, try again: the connection could not be
	// made, or a call that creates nothing failed.
	Unavailable Kind = "unavailable"
	// Operator: surely not done, and nobody but who runs AllIN can mend it:
	// a dead API version, missing credentials, no credits.
	Operator Kind = "operator"
	// Unknown: it may have been done. Look before anything else.
	Unknown Kind = "unknown"
)

// Error is a failed call to a network.
type Error struct {
	Kind Kind
	// Message is a sentence for the person whose post it is: what happened
	// and, where there is something to do, what. It holds no secret.
	Message string
	// RetryAfter is how long the network asks to wait, for RateLimited and
	// Unavailable; zero when it did not say.
	RetryAfter time.Duration
	// Rate is the limit that was hit, for RateLimited, where it is known.
	Rate *Rate
	// HTTP is the answer's status, 0 when there was none.
	HTTP int
	// Code is the network's own name for the error, for the log.
	Code string
	// Err is what lies beneath; never shown to people.
	Err error
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s", e.Kind, e.Message)
	if e.HTTP != 0 {
		s += fmt.Sprintf(" (HTTP %d %s)", e.HTTP, e.Code)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// AsError returns err as *Error. What is not one is Unknown: a client that
// fails in a way it did not foresee may have published.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: Unknown, Message: "The network's answer could not be understood.", Err: err}
}
