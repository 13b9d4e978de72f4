package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/sandbox"
)

// demoEmail is how one signs in to the demo organization.
const demoEmail = "demo@example.com"

// demo is what the terminal tells about the demo organization.
type demo struct{ Email, Password string }

// seedDemo makes the demo organization at the first start, and tells its
// sign-in at every one. It returns nil where there is none.
func (p *program) seedDemo(ctx context.Context, in *installation) (*demo, error) {
	if !p.config.Demo || p.sandbox == nil {
		return nil, nil
	}
	file := filepath.Join(p.config.Data, "demo-password")
	kept, err := os.ReadFile(file)
	if err == nil {
		return &demo{demoEmail, strings.TrimSpace(string(kept))}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the demo's password: %w", err)
	}
	if used, err := in.store.Install("demo").Used(ctx); err != nil || used {
		return nil, err // somebody has moved in: no demo among their data
	}
	fmt.Fprintln(p.out, "Making a demo organization with posts of the past and coming weeks …")
	d := &demo{demoEmail, models.NewToken()[:12]}
	if err := p.fillDemo(ctx, in, d); err != nil {
		return nil, fmt.Errorf("make the demo organization: %w", err)
	}
	if err := os.WriteFile(file, []byte(d.Password+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("keep the demo's password: %w", err)
	}
	return d, nil
}

func (p *program) fillDemo(ctx context.Context, in *installation, d *demo) error {
	person, err := in.store.Install("demo").SignUp(ctx, models.SignUp{Name: "Robin Vale", Email: d.Email, Password: d.Password,
		Organization: "Harbour Coffee", Zone: localZone(), Demo: true, Platform: models.SuperAdmin}, "")
	if err != nil {
		return err
	}
	if err := in.store.Install("demo").SetSignUpPolicy(ctx, models.SignUpOpen); err != nil {
		return err
	}
	list, err := person.Memberships(ctx)
	if err != nil {
		return err
	}
	ws, err := person.Workspace(ctx, list[0].OrganizationID)
	if err != nil {
		return err
	}
	f := &demoFiller{ws: ws, sandbox: p.sandbox, now: time.Now(), handles: map[string]string{}, accounts: map[string]uuid.UUID{}}
	return f.fill(ctx)
}

// demoFiller fills one organization.
type demoFiller struct {
	ws       *models.Workspace
	sandbox  *sandbox.Server
	now      time.Time
	networks []string
	handles  map[string]string    // by network
	accounts map[string]uuid.UUID // by network
	pictures map[string]demoPicture
}

type demoPicture struct {
	id    uuid.UUID
	alt   string
	bytes []byte
}

func (f *demoFiller) fill(ctx context.Context) error {
	if err := f.connect(ctx); err != nil {
		return err
	}
	if err := f.paint(ctx); err != nil {
		return err
	}
	for _, p := range demoPast {
		if err := f.record(ctx, p); err != nil {
			return err
		}
	}
	for _, p := range demoComing {
		if err := f.schedule(ctx, p); err != nil {
			return err
		}
	}
	for _, text := range demoDrafts {
		if _, err := f.ws.CreateDraft(ctx, f.composition(demoPost{text: text})); err != nil {
			return err
		}
	}
	return f.ask(ctx)
}

// ask leaves a post that waits for approval, with a word about it.
func (f *demoFiller) ask(ctx context.Context) error {
	at, err := f.wall(demoAsked)
	if err != nil {
		return err
	}
	post, err := f.ws.AskApproval(ctx, nil, f.composition(demoAsked), models.When{At: at}, "The harbour office should see this first.")
	if err != nil {
		return err
	}
	_, err = f.ws.AddComment(ctx, models.NewComment{Post: post, Body: "Is the second Saturday right? @Robin Vale has the calendar."})
	return err
}

// connect makes an imitated account on each network and connects it.
func (f *demoFiller) connect(ctx context.Context) error {
	nets := f.ws.Networks()
	for _, key := range nets.Keys() {
		if !nets.HasSandbox(key) {
			continue
		}
		c, err := f.sandbox.CreateAccount(key, "harbourcoffee", "Harbour Coffee")
		if err != nil {
			return err
		}
		n, err := nets.Get(key, true)
		if err != nil {
			return err
		}
		site, err := n.Site(c.Site)
		if err != nil {
			return err
		}
		token := networks.Token{Access: c.AccessToken, Refresh: c.RefreshToken, Scopes: strings.Fields(c.Scopes)}
		if c.ExpiresIn > 0 {
			token.Expires = f.now.Add(time.Duration(c.ExpiresIn) * time.Second)
		}
		profile, err := n.Describe(ctx, networks.Account{Network: key, Site: site, RemoteID: c.RemoteID, Handle: c.Handle, Token: token})
		if err != nil {
			return err
		}
		a, err := f.ws.KeepConnection(ctx, models.Connection{Network: key, Sandbox: true, Site: site, Profile: profile, Token: token})
		if err != nil {
			return err
		}
		f.networks = append(f.networks, key)
		f.handles[key], f.accounts[key] = c.Handle, a.ID
	}
	return nil
}

// paint puts the pictures into the library.
func (f *demoFiller) paint(ctx context.Context) error {
	f.pictures = map[string]demoPicture{}
	for _, s := range demoScenes {
		b, err := s.png()
		if err != nil {
			return err
		}
		m, err := f.ws.AddMedia(ctx, s.name+".png", s.alt, bytes.NewReader(b))
		if err != nil {
			return err
		}
		f.pictures[s.name] = demoPicture{id: m.ID, alt: s.alt, bytes: b}
	}
	return nil
}

// demoPost is one post of the demo; day counts from today.
type demoPost struct {
	day     int
	clock   string
	text    string
	more    []string // further parts of a thread
	picture string
	only    string        // the one network it goes to
	in      time.Duration // from now, in place of day and clock
}

func (f *demoFiller) composition(p demoPost) models.Composition {
	part := models.ContentPart{Text: p.text}
	if pic, ok := f.pictures[p.picture]; ok {
		part.Media = []uuid.UUID{pic.id}
	}
	c := models.Composition{Content: models.Content{Parts: []models.ContentPart{part}}}
	for _, text := range p.more {
		c.Content.Parts = append(c.Content.Parts, models.ContentPart{Text: text})
	}
	for _, key := range f.networks {
		if p.only == "" || p.only == key {
			c.Targets = append(c.Targets, models.Target{AccountID: f.accounts[key]})
		}
	}
	return c
}

func (f *demoFiller) wall(p demoPost) (models.Wall, error) {
	today, err := models.WallOf(f.now, f.ws.Zone())
	if err != nil {
		return today, err
	}
	day, err := time.Parse("2006-01-02", today.Date)
	if err != nil {
		return today, err
	}
	return models.ParseWall(day.AddDate(0, 0, p.day).Format("2006-01-02"), p.clock, f.ws.Zone())
}

// record puts a post of the past on the imitated networks and into the calendar.
func (f *demoFiller) record(ctx context.Context, p demoPost) error {
	at, err := f.wall(p)
	if err != nil {
		return err
	}
	instant, err := at.Instant()
	if err != nil || instant.After(f.now) {
		return err
	}
	c := f.composition(p)
	refs := map[uuid.UUID]networks.Ref{}
	for _, key := range f.networks {
		if p.only != "" && p.only != key {
			continue
		}
		past := sandbox.PastPost{Network: key, Handle: f.handles[key], At: instant, Text: p.text,
			Key: fmt.Sprintf("demo-%d-%s", p.day, p.clock)}
		if pic, ok := f.pictures[p.picture]; ok {
			past.Media = []sandbox.PastMedia{{Type: "image/png", Alt: pic.alt, Data: pic.bytes}}
		}
		ref, err := f.sandbox.AddPost(past)
		if err != nil {
			return err
		}
		refs[f.accounts[key]] = networks.Ref{ID: ref.ID, URL: ref.URL}
	}
	_, err = f.ws.Record(ctx, c, at, refs)
	return err
}

func (f *demoFiller) schedule(ctx context.Context, p demoPost) error {
	if p.in != 0 {
		return f.scheduleSoon(ctx, p)
	}
	at, err := f.wall(p)
	if err != nil {
		return err
	}
	if instant, err := at.Instant(); err != nil || instant.Before(f.now.Add(2*time.Minute)) {
		return err // the hour of today is past already
	}
	_, err = f.ws.Schedule(ctx, nil, f.composition(p), models.When{At: at})
	return err
}

// scheduleSoon lets a post go out while the newcomer watches: with the first
// full minute, which is what wall clocks show, that is not too close.
func (f *demoFiller) scheduleSoon(ctx context.Context, p demoPost) error {
	at, err := models.WallOf(f.now.Add(p.in+time.Minute).Truncate(time.Minute), f.ws.Zone())
	if err != nil {
		return err
	}
	_, err = f.ws.Schedule(ctx, nil, f.composition(p), models.When{At: at})
	return err
}

// localZone is the machine's IANA zone, or UTC when it does not tell.
func localZone() string {
	for _, name := range []string{time.Local.String(), linkedZone("/etc/localtime")} {
		if _, err := models.LoadZone(name); err == nil {
			return name
		}
	}
	return "UTC"
}

func linkedZone(path string) string {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	_, name, _ := strings.Cut(target, "zoneinfo/")
	return name
}

// greet prints where AllIN is, and where the first account is made while there
// is nobody.
func (p *program) greet(d *demo, first string) {
	fmt.Fprintf(p.out, "\n  AllIN is ready:  %s\n", p.config.Origin)
	if d != nil {
		fmt.Fprintf(p.out, "  Demo sign-in:    %s  %s\n", d.Email, d.Password)
	}
	if first != "" {
		fmt.Fprintf(p.out, "  First account:   %s\n\n  Nobody has an account yet, and nothing else opens before somebody has. The link works\n  once, within 24 hours; the next start prints a new one.\n", first)
	}
	fmt.Fprintln(p.out)
}
