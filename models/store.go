package models

import (
	"context"
	"log/slog"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
)

// Store is the door to everything that is kept. It shows nothing itself: the
// handles made from it do, each as far as its right goes.
type Store struct {
	db       *tenant.DB
	box      *seal.Box
	networks *networks.Registry
	files    *media.Store
	now      func() time.Time
	log      *slog.Logger
	set      Settings
	origin   string
	mail     mail.Settings      // of the environment
	live     *liveSessions      // nil: sessions live in the database alone
	party    *webauthn.WebAuthn // for passkeys; nil where the origin allows none
	folder   string

	passwords *hashing
	faults    *faults
	signing   *signing
}

// Settings are the limits that the operator may change.
type Settings struct {
	SessionIdle     time.Duration // a session unused for so long has ended; 0: 12 h
	SessionLifetime time.Duration // after so long it ends in any case; 0: 14 days
	Limits          bool          // throttle sign-in and sign-up
	Lease           time.Duration // how long a claim holds without being renewed; 0: 90 s
	CallTimeout     time.Duration // of one call to a network; 0: 30 s
	Settle          time.Duration // after which a network shows what it accepted late; 0: 3 min
	MissedAfter     time.Duration // due longer ago than this: a person is asked first; 0: 60 min
}

func (s Settings) withDefaults() Settings {
	or := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	or(&s.SessionIdle, 12*time.Hour)
	or(&s.SessionLifetime, 14*24*time.Hour)
	or(&s.Lease, 90*time.Second)
	or(&s.CallTimeout, 30*time.Second)
	or(&s.Settle, 3*time.Minute)
	or(&s.MissedAfter, time.Hour)
	return s
}

// Config is what a Store needs.
type Config struct {
	DB       *tenant.DB
	Box      *seal.Box
	Networks *networks.Registry
	Files    *media.Store
	Now      func() time.Time
	Log      *slog.Logger
	Settings Settings
	// Origin is where people reach AllIN, "https://allin.example": mails link to it.
	Origin string
	// Mail is how mail leaves, as the environment has it; what it leaves open,
	// the console may set.
	Mail mail.Settings
	// Redis is where sessions live; nil: in the database.
	Redis *redis.Client
	// Folder is where archives of people's data and the list of deletions lie.
	Folder string
}

// New returns a Store.
func New(c Config) *Store {
	s := &Store{db: c.DB, box: c.Box, networks: c.Networks, files: c.Files, now: c.Now, log: c.Log, set: c.Settings.withDefaults(),
		origin: c.Origin, mail: c.Mail, folder: c.Folder, party: newParty(c.Origin), passwords: newHashing(),
		faults: &faults{pending: map[string]*pendingFault{}}, signing: &signing{}}
	if c.Redis != nil {
		s.live = &liveSessions{client: c.Redis, idle: s.set.SessionIdle, now: c.Now, log: c.Log}
	}
	return s
}

// Networks is the registry of networks that this installation runs.
func (s *Store) Networks() *networks.Registry { return s.networks }

// Install is the handle of the installation itself: sign-in, the clock, the
// workers. It sees every organization and says why it may.
type Install struct {
	*Store
	why string
}

// Install returns the handle that sees all. why is for the reader of the code
// and the log: "sign-in", "clock".
func (s *Store) Install(why string) *Install { return &Install{Store: s, why: why} }

// Person is the handle of somebody who is signed in: what is theirs, in all
// their organizations.
type Person struct {
	store *Store
	User  User
}

// Workspace is the handle of a member in one organization.
type Workspace struct {
	store        *Store
	Organization Organization
	Member       User
	Role         Role

	guest *visitor // who acts with the member's right; nil: the member
}

// Organization is a team, a company or a person with accounts of their own.
type Organization struct {
	ID          uuid.UUID
	Name        string
	TimeZone    string
	Demo        bool
	Logo        uuid.UUID    // zero: none
	WeekStart   time.Weekday // of people who are new
	PostingTime string       // "10:00": where a day is chosen and no time
}

func (w *Workspace) scope() tenant.Scope {
	return tenant.Organization(w.Organization.ID, w.Member.ID)
}

// May reports whether the member's role has the permission.
func (w *Workspace) May(p Permission) bool { return w.Role.May(p) }

// Zone is the zone in which the member sees times.
func (w *Workspace) Zone() string { return w.Member.TimeZone }

// rows runs fn in one transaction of pgx that sees the organization.
func (w *Workspace) rows(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return w.store.db.Rows(ctx, w.scope(), fn)
}

// tx is rows for what is written through GORM.
func (w *Workspace) tx(ctx context.Context, fn func(tx *tenant.Tx) error) error {
	return w.store.db.Tx(ctx, w.scope(), fn)
}

func (p *Person) scope() tenant.Scope { return tenant.Person(p.User.ID) }

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// Networks is the registry of networks that this installation runs.
func (w *Workspace) Networks() *networks.Registry { return w.store.networks }
