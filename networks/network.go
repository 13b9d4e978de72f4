// Package networks says what every social network is to AllIN: what a post
// must keep to there, how it is sent, and how the outcome of a call whose
// answer was lost is found out. One package below this one speaks to one
// network. Nothing here knows a database or a page.
package networks

import (
	"context"
	"io"
	"time"

	"github.com/markbates/goth"
)

// Network is one social network, or one imitation of it. A Network keeps no
// state of its own and may be used by many goroutines at once. Every method
// that calls the network returns its failures as *Error.
type Network interface {
	// Info tells what never changes while the process runs.
	Info() Info

	// Rules tells what a post has to keep to on this account. It calls
	// nobody: limits that the network tells itself were read by Describe.
	Rules(a Account) Rules

	// Settling tells how a call whose answer was lost is settled for this
	// account. It calls nobody.
	Settling(a Account) Settling

	// NewKey returns the key under which one part will be created. It is
	// stored before the call and given again with every later call for the
	// same part. "" where the network knows no such thing.
	NewKey(a Account, now time.Time) string

	// Upload brings one file to the network, or goes on where from stands.
	// It calls save with the state reached after each step that need not be
	// repeated. A returned state that is not Ready wants to be asked again
	// after its Wait. Uploads show nothing to anybody and may be repeated.
	Upload(ctx context.Context, a Account, f File, from Upload, save func(Upload) error) (Upload, error)

	// Create publishes one part. It is the point of no return: it sends its
	// creating call once and never repeats it by itself. The error's kind
	// is Unknown whenever the part may have been published all the same.
	Create(ctx context.Context, a Account, c Create) (Created, error)

	// Find looks on the network for what an earlier Create with the same
	// content may have published at or after since, oldest first. An empty
	// answer means that nothing of the kind is there.
	Find(ctx context.Context, a Account, c Create, since time.Time) ([]Ref, error)

	// Site returns the canonical address of the server that a person named
	// ("mastodon.social" becomes "https://mastodon.social"), or "" for a
	// network with one address of its own. The error is a sentence for the
	// person.
	Site(named string) (string, error)

	// Register introduces AllIN to the server at site and returns the
	// credentials it got, where servers hand them out that way. Elsewhere
	// it returns the configured credentials, or an error of kind Operator
	// that says what is missing.
	Register(ctx context.Context, site, redirect string) (App, error)

	// Provider returns the goth provider that connects an account at site.
	Provider(app App, site, redirect string) goth.Provider

	// Describe asks the network who the account is and what it may do.
	Describe(ctx context.Context, a Account) (Profile, error)

	// Refresh renews the account's token. An error of kind Reauthorize says
	// that the network has ended the grant; all others leave it as it was.
	Refresh(ctx context.Context, a Account, app App) (Token, error)

	// Revoke ends the grant at the network, as far as it offers that.
	Revoke(ctx context.Context, a Account, app App) error
}

// Info is what is known of a network without asking it.
type Info struct {
	Key     string // "x": in addresses, in the database, the sprite's symbol "net-x"
	Name    string // "X": as people know it
	Connect Connect
	Look    Look
	// Calls is how many creating and uploading calls may be under way at
	// once from one process.
	Calls int
	// RefreshBefore is how long before its expiry a token is renewed.
	RefreshBefore time.Duration
	// Price is what the network takes for what is posted; nil: nothing.
	Price *Price
}

// Price is what a network takes for one post. A thread is as many posts as it has parts.
type Price struct {
	Post     int64 // millionths of a US dollar
	WithLink int64 // where the text holds a web address
	// Source and Date name the document behind the figures and the day it was read (2006-01-02).
	Source, Date string
}

// Connect says how an account is connected.
type Connect struct {
	// Consent: the person is sent to the network and comes back with a code.
	// Otherwise Fields are asked for on AllIN's own page and handed to the
	// provider's Session.Authorize by their names.
	Consent bool
	// Site: the person names the server first.
	SiteLabel   string // "" where there is one server only
	SiteExample string // "mastodon.social"
	Fields      []ConnectField
	Hint        string // a sentence above the form
	// Portal is where whoever runs AllIN makes its app by hand, "https://console.x.com"; ""
	// for networks that need none.
	Portal string
}

// ConnectField is one thing asked for when an account is connected without consent.
type ConnectField struct {
	Name, Label, Help, Placeholder string
	Secret                         bool
}

// Look is how the network draws a post, as far as a preview needs to know.
type Look struct {
	HandlePrefix string   // "@"
	Stacked      bool     // name above handle; otherwise on one line
	SquareAvatar bool     // rounded square instead of a circle
	Actions      []string // icons under a post, in order: "reply", "repeat", "heart", "chart", "bookmark", "share", "more"
	Accent       string   // colour of links and mentions, "#1d9bf0"
}

// Account is a connected account as a network's client needs it.
type Account struct {
	ID       string // AllIN's own id; opaque here
	Network  string
	Site     string // canonical address of the account's server; "" where the network has one
	RemoteID string // the network's id of the account
	Handle   string // without a leading @
	Token    Token
	Limits   Limits // what Describe read
}

// Limits is what the network told of the account or of its server, by names
// that only the network's own package knows.
type Limits map[string]string

// Token is what opens the account.
type Token struct {
	Access  string
	Refresh string    // "" where tokens are not renewed
	Expires time.Time // zero: never
	Scopes  []string  // what was really granted, where the network tells
}

// App is what AllIN shows of itself when it asks for tokens.
type App struct {
	ClientID, ClientSecret string
}

// Profile is what the network says of an account.
type Profile struct {
	RemoteID, Handle, Name, AvatarURL, URL string
	Limits                                 Limits
}

// Draft is what is to be published on one account.
type Draft struct {
	Parts   []Part // one, or several for a thread, in order
	Options Options
}

// Part is one post of a thread; most drafts have only one.
type Part struct {
	Text  string
	Media []Media
}

// Media is one picture or video of a part, as far as rules need to know it.
type Media struct {
	ID            string
	Kind          MediaKind
	Type          string // "image/png"
	Bytes         int64
	Width, Height int
	Duration      time.Duration // of a video; zero when it is not known
	Alt           string
}

// MediaKind parts what networks limit separately.
type MediaKind string

// The kinds of media.
const (
	Image MediaKind = "image"
	GIF   MediaKind = "gif" // an animated one
	Video MediaKind = "video"
)

// Options are a post's settings for one network, by the names that the
// network's Rules list. A name that is absent stands for its default.
type Options struct {
	Values map[string]string `json:"values,omitempty"`
	Poll   *Poll             `json:"poll,omitempty"`
}

// Get returns the value of an option, or "".
func (o Options) Get(name string) string { return o.Values[name] }

// Poll is a question's answers; the question is the text of the first part.
type Poll struct {
	Choices  []string      `json:"choices"`
	Duration time.Duration `json:"duration"`
	Multiple bool          `json:"multiple,omitempty"`
}

// File is a medium with its bytes.
type File struct {
	Media
	Open func() (io.ReadSeekCloser, error)
}

// Upload is how far a file has come.
type Upload struct {
	ID     string            `json:"id,omitempty"` // the network's id of the file, once there is one
	Offset int64             `json:"offset,omitempty"`
	Sent   bool              `json:"sent,omitempty"` // all bytes are there
	Ready  bool              `json:"ready,omitempty"`
	Data   map[string]string `json:"data,omitempty"`
	Wait   time.Duration     `json:"-"` // ask again after this; only while not Ready
}

// Create is one part on its way out.
type Create struct {
	Part
	Index   int       // 0 for the first part
	Options Options   // of the whole draft
	Uploads []Upload  // of Part.Media, in the same order
	Root    *Ref      // the thread's first part; nil for the first
	Parent  *Ref      // the part before; nil for the first
	Key     string    // as NewKey made it
	Time    time.Time // when the first attempt began: stays the same when the call is repeated
}

// Ref names something that is on the network.
type Ref struct {
	ID   string            `json:"id"`
	URL  string            `json:"url,omitempty"`  // where people see it
	Data map[string]string `json:"data,omitempty"` // what a reply to it needs besides
}

// Created is the proof that a part is out.
type Created struct {
	Ref
	HTTP int // status of the answer
	Rate *Rate
}

// Rate is what an answer's headers tell of a limit.
type Rate struct {
	Endpoint  string // the network's name for what is limited: "create", "upload"
	Limit     int
	Remaining int
	Reset     time.Time
}

// Settling is how an unknown outcome is settled.
type Settling struct {
	Method SettleMethod
	// KeyLife is how long the network remembers a key, for SettleByKey.
	// Keys are given again only while younger than half of it.
	KeyLife time.Duration
}

// SettleMethod is one of the ways that docs/publishing.md tells.
type SettleMethod string

const (
	// SettleByRecord (A): the key is the address of what is created, so Find is right at
	// any moment and a repeated Create under a taken key is refused.
	SettleByRecord SettleMethod = "record"
	// SettleByKey (A): the same Create with the same key answers with what the first one made.
	// It is repeated no sooner than the first call can have ended. An older key: SettleByReading.
	SettleByKey SettleMethod = "key"
	// SettleByReading (D): Find is right once the network's late acceptances have settled.
	SettleByReading SettleMethod = "reading"
	// SettleByPerson (E): nothing can be read; a person has to look.
	SettleByPerson SettleMethod = "person"
)
