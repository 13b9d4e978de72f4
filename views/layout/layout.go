// Package layout holds what stands around every page: the document, the frame
// of those who are signed in, and the bare column of those who are not.
package layout

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/allin-platform/allin/views/ui"
)

// Page is what the document around every page needs to know.
type Page struct {
	Title  string // stands before the product's name in the window's title
	Theme  string // "light", "dark" or "system": the cookie "theme"
	Folded bool   // the sidebar shows icons only: the cookie "nav" is "folded"
	CSRF   string // the session's token: goes with every request
	Live   string // path of the WebSocket; "" for a page without live updates
	Now    time.Time
	Toasts []ui.ToastParams // news left by the request before
}

// theme is what the page is drawn in before any script runs.
func (p Page) theme() string {
	switch p.Theme {
	case "light", "dark":
		return p.Theme
	}
	return "system"
}

func (p Page) nav() string {
	if p.Folded {
		return "folded"
	}
	return "open"
}

func (p Page) title() string {
	if p.Title == "" {
		return "AllIN"
	}
	return p.Title + " · AllIN"
}

// headers is the JSON of what htmx and our own scripts send with each request.
func (p Page) headers() string {
	encoded, err := json.Marshal(map[string]string{"X-CSRF-Token": p.CSRF})
	if err != nil {
		return "{}"
	}
	return string(encoded)
}

// now is when the page was made, for scripts that count down by the server's clock.
func (p Page) now() string {
	if p.Now.IsZero() {
		return ""
	}
	return strconv.FormatInt(p.Now.UnixMilli(), 10)
}

// htmxConfig keeps htmx within the page's content security policy, shows forms
// that were refused with what is wrong in them, and keeps no pages in storage.
const htmxConfig = `{"allowEval":false,"allowScriptTags":false,"includeIndicatorStyles":false,` +
	`"historyCacheSize":0,"selfRequestsOnly":true,"attributesToSettle":["class"],"scrollBehavior":"auto","timeout":30000,` +
	`"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},` +
	`{"code":"422","swap":true},{"code":"[45]..","swap":false,"error":true}]}`

// Area is a part of the product that the sidebar leads to.
type Area string

// The areas.
const (
	Calendar Area = "calendar"
	Posts    Area = "posts"
	Accounts Area = "accounts"
	Settings Area = "settings"
	Console  Area = "console"
	None     Area = ""
)

// Frame is what the frame around a signed-in person's page shows.
type Frame struct {
	Page
	Area          Area
	Organization  string // name of the one that is open
	Logo          string // address of its picture; "" for none
	Organizations []Organization
	Person        Person
	Compose       bool   // the person may write posts
	Organize      bool   // the person may change the organization and read its audit log
	Billing       bool   // the person may see usage and costs
	Console       bool   // the person looks after the installation
	Unread        int    // notifications
	Hold          string // why publishing is on hold; "" when it is not
	ReleaseHold   string // where who may release it does so; "" for others
	Sandbox       bool   // accounts here are imitations: nothing reaches the real networks
}

// Organization is one that the person may switch to.
type Organization struct {
	Name    string
	Logo    string // address of its picture; "" for none
	URL     string // post here to open it
	Current bool
}

func (o Organization) picture() templ.Component {
	return ui.Avatar(ui.AvatarParams{Name: o.Name, URL: o.Logo, Size: "xs", Square: true})
}

// Person is who is signed in.
type Person struct{ Name, Email, Avatar string }

// unread is the figure on the bell.
func (f Frame) unread() string {
	if f.Unread > 99 {
		return "99+"
	}
	return strconv.Itoa(f.Unread)
}

func (f Frame) bellLabel() string {
	switch f.Unread {
	case 0:
		return "Notifications"
	case 1:
		return "Notifications, 1 new"
	}
	return "Notifications, " + strconv.Itoa(f.Unread) + " new"
}

// navItem is a line of the sidebar.
type navItem struct {
	Area             Area
	Word, Icon, Href string
}

var navItems = []navItem{
	{Calendar, "Calendar", "calendar-days", "/calendar"},
	{Posts, "Posts", "list", "/posts"},
	{Accounts, "Accounts", "at-sign", "/accounts"},
}

var settingsItem = navItem{Settings, "Settings", "settings", "/settings/profile"}

var consoleItem = navItem{Console, "Console", "server", "/console"}
