// Package gallery shows every piece of the interface in every state, with
// sample data, so that it can be looked at, measured and compared.
package gallery

import (
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/ui"
)

// Frame is the sample frame that the gallery is shown in, and that tests of other pages may borrow.
func Frame(theme string) layout.Frame {
	return layout.Frame{
		Page:         layout.Page{Title: "Gallery", Theme: theme, CSRF: "sample", Now: time.Date(2026, 11, 24, 13, 59, 48, 0, time.UTC)},
		Area:         layout.Calendar,
		Organization: "Nordlicht Studio",
		Organizations: []layout.Organization{
			{Name: "Nordlicht Studio", URL: "/organizations/1/open", Current: true},
			{Name: "Café Morgenrot", URL: "/organizations/2/open"},
		},
		Person:  layout.Person{Name: "Mara Lindqvist", Email: "mara@nordlicht.example"},
		Compose: true,
		Unread:  3,
	}
}

var columns = []ui.Column{{Text: "Account"}, {Text: "State"}, {Text: "When"}, {Text: "Likes", Number: true}, {Text: "Actions", Hidden: true}}

type row struct {
	Name, Net, NetName, When, Likes string
	State                           ui.State
}

var rows = []row{
	{"Nordlicht Studio", "x", "X", "Tue 24 Nov, 14:00", "128", ui.Published},
	{"Nordlicht", "mastodon", "Mastodon", "Tue 24 Nov, 14:00", "41", ui.Unknown},
	{"Morgenrot", "bluesky", "Bluesky", "Wed 25 Nov, 09:30", "–", ui.Failed},
}

var chips = []ui.PostChipParams{
	{State: ui.Published, Time: "08:15", Nets: []string{"x", "bluesky"}, Words: "Good morning from the roastery: the new Ethiopian is in"},
	{State: ui.Publishing, Time: "10:00", Nets: []string{"x", "mastodon", "bluesky"}, Words: "Tickets for Saturday's reading"},
	{State: ui.Scheduled, Time: "14:00", Nets: []string{"mastodon"}, Words: "Autumn menu: pumpkin, sage and brown butter"},
	{State: ui.Failed, Time: "16:30", Nets: []string{"x"}, Words: "A longer text that did not fit"},
	{State: ui.Draft, Time: "18:00", Nets: []string{"bluesky"}, Words: "Ideas for December"},
	{State: ui.Canceled, Time: "20:00", Nets: []string{"x"}, Words: "Open-air cinema"},
}

// chip gives a sample post its addresses.
func chip(index int, p ui.PostChipParams) ui.PostChipParams {
	id := string(rune('a' + index))
	p.ID, p.Href, p.MoveURL, p.When = "post-"+id, "/posts/"+id, "/posts/"+id+"/time", "2026-11-24T"+p.Time
	return p
}

// tones and empties are shown one by one.
var (
	tones   = []string{"info", "good", "care", "bad"}
	empties = []ui.EmptyParams{
		{Drawing: "calendar", Title: "Nothing planned this week", Text: "Write a post and give it a day."},
		{Drawing: "posts", Title: "No posts yet", Text: "What you write stands here, with its state and results."},
		{Drawing: "accounts", Title: "No account is connected", Text: "Connect one, or start with the sandbox."},
		{Drawing: "news", Title: "All quiet", Text: "When something needs you, it stands here."},
		{Drawing: "search", Title: "Nothing found for “pumkin”", Text: "Check the spelling, or take a filter away."},
		{Drawing: "lock", Title: "You may not see members", Text: "Owners and admins can. Ask Mara Lindqvist."},
	}
	variants = []string{"primary", "secondary", "quiet", "danger", "danger-quiet"}
)

var (
	sampleAccounts = []models.Account{
		{ID: uuid.MustParse("00000000-0000-4000-8000-000000000001"), Network: "x", NetworkName: "X", Handle: "nordlicht", Name: "Nordlicht Studio", State: models.Connected},
		{ID: uuid.MustParse("00000000-0000-4000-8000-000000000002"), Network: "mastodon", NetworkName: "Mastodon", Handle: "nordlicht@mastodon.example", Name: "Nordlicht", State: models.Connected},
	}
	sampleFilter = models.Filter{States: []models.State{models.Failed}}
	sampleMedia  = []models.Media{
		{ID: uuid.MustParse("00000000-0000-4000-8000-000000000003"), Kind: networks.Image, Name: "hill.png", Alt: "A hill under a low sun"},
		{ID: uuid.MustParse("00000000-0000-4000-8000-000000000004"), Kind: networks.Image, Name: "poster.png"},
	}
	sampleReviews = []models.AccountReview{
		{Account: sampleAccounts[0], Look: networks.Look{HandlePrefix: "@", Actions: []string{"reply", "repeat", "heart", "chart", "bookmark", "share"}, Accent: "#1d9bf0"},
			Content: models.Content{Parts: []models.ContentPart{{Text: "Tickets for Saturday's reading: https://nordlicht.example #berlin"}, {Text: "And the doors open at seven."}}}},
		{Account: sampleAccounts[1], Look: networks.Look{HandlePrefix: "@", Stacked: true, SquareAvatar: true, Actions: []string{"reply", "repeat", "heart", "bookmark", "more"}, Accent: "#6364ff"},
			Rules:   networks.Rules{Options: []networks.Option{{Name: "warning", CountsText: true}}},
			Options: networks.Options{Values: map[string]string{"warning": "The end of the book"}},
			Content: models.Content{Parts: []models.ContentPart{{Text: "The end: they sell the house."}}}},
	}
)
