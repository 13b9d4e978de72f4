// Package notices holds the list of messages below the bell.
package notices

import (
	"time"

	"github.com/allin-platform/allin/models"
)

// Params is a person's messages.
type Params struct {
	CSRF    string
	List    []models.Notification
	Unread  int
	Invited []models.Invited // what the reader may join
	Zone    string           // the reader's
	Now     time.Time
}

// Href is where what a message is about stands.
func Href(n models.Notification) string {
	switch {
	case n.PostID != nil:
		return "/posts/" + n.PostID.String()
	case n.AccountID != nil:
		return "/accounts"
	case n.Kind == "export":
		return "/settings/data"
	}
	return "/calendar"
}

// when is a message's time, short for today's.
func when(p Params, at time.Time) string {
	now := p.Now
	if loc, err := models.LoadZone(p.Zone); err == nil {
		at, now = at.In(loc), now.In(loc)
	}
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04")
	}
	return at.Format("Mon 2 Jan, 15:04")
}
