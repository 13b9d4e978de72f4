// Package review holds what a client sees who was sent a link to a post.
package review

import (
	"strconv"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/ui"
)

// Params is a post as a client sees it.
type Params struct {
	Page  layout.Page
	Token string
	Name  string // the client's
	Guest *models.GuestPage
	Heard string // what came of what they just sent; "" for nothing
	// Refused is a form that was refused: "changes" or "comment".
	Refused string
	Words   string
	Error   string
	Now     time.Time
}

func (p Params) path() string { return "/review/" + p.Token }

func (p Params) version() string { return strconv.Itoa(p.Guest.Post.Version) }

// open reports whether the client is still asked.
func (p Params) open() bool { return p.Guest.Post.Approval == models.InReview }

func (p Params) newer() bool { return p.open() && p.Guest.Post.Version != p.Guest.Sent }

// when is the wanted time on the wall where it was chosen.
func (p Params) when() string {
	w := p.Guest.Wanted
	if w == nil {
		return ""
	}
	return p.Guest.WantedAt.In(ui.Location(w.Zone)).Format("Monday 2 January 2006, 15:04") + " (" + ui.ZoneName(w.Zone) + ")"
}

func (p Params) at(t time.Time) string {
	zone := ""
	if p.Guest.Wanted != nil {
		zone = p.Guest.Wanted.Zone
	}
	loc := ui.Location(zone)
	text := ui.MomentWords(t.In(loc), p.Now)
	if zone == "" || loc == time.UTC {
		text += " UTC"
	}
	return text
}

// standing says how things are, for whoever opens the link after a decision.
func (p Params) standing() (tone, text string) {
	switch p.Guest.Post.Approval {
	case models.Approved:
		if p.Guest.Past {
			return "good", "This post is approved, and its time has come."
		}
		return "good", "This post is approved. It goes out at the time below."
	case models.ChangesAsked:
		return "care", "Changes were asked of this post. When they are made, you find the new version here, as long as the link is open."
	case models.NotAsked:
		return "info", "This post does not wait for approval at the moment."
	}
	return "", ""
}
