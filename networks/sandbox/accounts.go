package sandbox

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Credentials is what opens an imitated account.
type Credentials struct {
	Network      string `json:"network"`
	RemoteID     string `json:"remote_id"`
	Handle       string `json:"handle"` // as the network writes it, without a leading @
	Name         string `json:"name"`
	Site         string `json:"site"`          // B/mastodon, B/bluesky; "" on X
	AccessToken  string `json:"access_token"`  // of Bluesky: a session's access JWT
	RefreshToken string `json:"refresh_token"` // "" on Mastodon
	ExpiresIn    int    `json:"expires_in"`    // seconds; 0: never
	Scopes       string `json:"scopes"`        // with spaces between
	AppPassword  string `json:"app_password"`  // Bluesky
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// blueskyDomain ends the handles of imitated Bluesky accounts.
const blueskyDomain = ".bsky.test"

// handleRule says what handles look like, per network.
var handleRule = map[string]struct {
	pattern *regexp.Regexp
	words   string
}{
	X:        {regexp.MustCompile(`^[A-Za-z0-9_]{1,15}$`), "up to 15 letters, digits and _"},
	Mastodon: {regexp.MustCompile(`^[A-Za-z0-9_]+([A-Za-z0-9_.-]{0,28}[A-Za-z0-9_])?$`), "up to 30 letters, digits and _"},
	Bluesky:  {regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`), "a domain name such as anna" + blueskyDomain},
}

// fullHandle returns the handle as the network writes it.
func (n *network) fullHandle(handle string) string {
	handle = strings.TrimPrefix(strings.TrimSpace(handle), "@")
	if n.key == Bluesky {
		handle = strings.ToLower(handle)
		if handle != "" && !strings.Contains(handle, ".") {
			handle += blueskyDomain
		}
	}
	return handle
}

// account returns the account with that handle and makes it when there is none.
func (s *Server) account(n *network, handle, name string) (*account, error) {
	handle = n.fullHandle(handle)
	if a := n.account(handle); a != nil {
		return a, nil
	}
	if rule := handleRule[n.key]; !rule.pattern.MatchString(handle) {
		return nil, fmt.Errorf("%q is no handle on %s. It takes %s", handle, n.name, rule.words)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if a := n.byHandle[strings.ToLower(handle)]; a != nil {
		return a, nil
	}
	a := &account{net: n, id: accountID(n.key, handle), handle: handle, name: cmp.Or(strings.TrimSpace(name), handle), created: s.now()}
	st := &state{Name: a.name}
	if n.key == Bluesky {
		a.password = appPassword()
		st.Password = a.password
	}
	if err := s.log(a, Entry{Op: opAccount, At: a.created, State: st}); err != nil {
		return nil, err
	}
	n.add(a)
	return a, nil
}

// CreateAccount returns what opens the account with that handle, and makes the
// account when there is none. Called again it returns the tokens that are
// good at that time, and mints new ones only where there are none.
func (s *Server) CreateAccount(network, handle, name string) (Credentials, error) {
	n := s.networks[network]
	if n == nil {
		return Credentials{}, fmt.Errorf("sandbox: there is no network %q", network)
	}
	a, err := s.account(n, handle, name)
	if err != nil {
		return Credentials{}, fmt.Errorf("sandbox: %w", err)
	}
	password, err := s.givePassword(a)
	if err != nil {
		return Credentials{}, err
	}
	g, err := s.mint(a)
	if err != nil {
		return Credentials{}, err
	}
	c := Credentials{Network: network, RemoteID: a.id, Handle: a.handle, Name: a.name, Site: n.site,
		AppPassword: password, Scopes: strings.Join(g.scopes, " "), ClientID: g.client}
	if network == X {
		c.Site = ""
	}
	if known, ok := n.apps.Load(g.client); ok {
		c.ClientSecret = known.(*app).secret
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	c.AccessToken = g.latest.value
	if g.next != nil {
		c.RefreshToken = g.next.value
	}
	if ends := g.latest.ends.Load(); ends != 0 {
		c.ExpiresIn = int(time.UnixMilli(ends).Sub(s.now()).Seconds())
	}
	return c, nil
}

// givePassword returns the app password of a Bluesky account, a new one when
// its own was taken back.
func (s *Server) givePassword(a *account) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.net.key != Bluesky || a.password != "" {
		return a.password, nil
	}
	password := appPassword()
	if err := s.log(a, Entry{Op: opLock, State: &state{Password: password}}); err != nil {
		return "", err
	}
	a.password = password
	return password, nil
}

// mint returns a grant of the account whose access token is good, and makes
// one when there is none.
func (s *Server) mint(a *account) (*grant, error) {
	if g := s.goodGrant(a); g != nil {
		return g, nil
	}
	switch a.net.key {
	case X:
		return s.open(a, XClientID, xScopes, newXTokens(), true)
	case Mastodon:
		client, err := s.mastodonDemoApp()
		if err != nil {
			return nil, err
		}
		return s.open(a, client.id, client.scopes, tokens{access: secret(32)}, true)
	default:
		return s.open(a, "", nil, s.newSession(a), true)
	}
}

// goodGrant returns the newest grant that mint made and that is still good, or nil.
func (s *Server) goodGrant(a *account) *grant {
	now := s.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range slices.Backward(a.grants) {
		if g.minted && !g.revoked.Load() && g.good(now) {
			return g
		}
	}
	return nil
}

// good reports whether the grant's access token has time left.
func (g *grant) good(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.latest.expired(now)
}

// appPassword is what opens a Bluesky account beside its owner's password.
func (a *account) appPassword() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.password
}

// appPassword returns a password in the form that Bluesky gives them.
func appPassword() string {
	p := lower32.EncodeToString([]byte(secret(5)))
	return p[:4] + "-" + p[4:8] + "-" + p[8:12] + "-" + p[12:16]
}

// PastPost is a post that stood on an account before AllIN knew it.
type PastPost struct {
	Network string    `json:"network"`
	Handle  string    `json:"handle"`
	At      time.Time `json:"at"`
	Text    string    `json:"text"`
	// Key, when given, keeps the post from being added twice.
	Key     string      `json:"key,omitempty"`
	Parent  string      `json:"parent,omitempty"` // PostRef.ID of the post it answers
	Warning string      `json:"warning,omitempty"`
	Media   []PastMedia `json:"media,omitempty"`
}

// PastMedia is a picture or video of a post of the past.
type PastMedia struct {
	Type string `json:"type"` // "image/png"
	Alt  string `json:"alt,omitempty"`
	Data []byte `json:"data"` // in JSON: base64
}

// PostRef names a post as its network does.
type PostRef struct {
	ID  string `json:"id"`            // on Bluesky the record key
	URL string `json:"url"`           // where people see it
	URI string `json:"uri,omitempty"` // Bluesky: at://…
	CID string `json:"cid,omitempty"` // Bluesky
}

// AddPost puts a post of the past on an account, which must exist. It is held
// to no limit.
func (s *Server) AddPost(p PastPost) (PostRef, error) {
	a, err := s.find(p.Network, p.Handle)
	if err != nil {
		return PostRef{}, fmt.Errorf("sandbox: %w", err)
	}
	n := a.net
	e := Entry{At: p.At.UTC().Truncate(time.Millisecond), Op: OpCreate, Network: n.key, Account: a.id, Handle: a.handle,
		Key: p.Key, Parent: p.Parent, Text: p.Text, Answered: Told, Seeded: true, Details: &Details{Warning: p.Warning}}
	var media []*medium
	for _, m := range p.Media {
		added, err := s.keepMedium(a, m)
		if err != nil {
			return PostRef{}, fmt.Errorf("sandbox: add medium: %w", err)
		}
		media, e.Media = append(media, added), append(e.Media, added.id)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.keys[p.Key]; ok && p.Key != "" {
		if old := n.post(known.id); old != nil {
			return s.refOf(old), nil
		}
	}
	if n.key == Bluesky {
		e.ID = s.freeTID(a, e.At)
		s.seedRecord(a, &e, media)
	} else {
		e.ID = fmt.Sprint(n.pastID(e.At))
		if up := n.post(p.Parent); up != nil {
			e.Details.Root = cmp.Or(up.root(), up.ID)
		}
	}
	if err := s.journal.append(&e); err != nil {
		return PostRef{}, fmt.Errorf("sandbox: %w", err)
	}
	added := &post{Entry: e}
	a.insert(added)
	return s.refOf(added), nil
}

func (p *post) root() string {
	if p.Details == nil {
		return ""
	}
	return p.Details.Root
}

// refOf returns the names of a post.
func (s *Server) refOf(p *post) PostRef {
	ref := PostRef{ID: p.ID, URL: s.postURL(p)}
	if p.Network == Bluesky {
		ref.URI, ref.CID = p.ref(), p.Details.CID
	}
	return ref
}

// postURL is the address of a post's page.
func (s *Server) postURL(p *post) string {
	switch p.Network {
	case X:
		return s.cfg.Base + "/x/" + p.Handle + "/status/" + p.ID
	case Mastodon:
		return s.cfg.Base + "/mastodon/@" + p.Handle + "/" + p.ID
	default:
		return s.cfg.Base + "/bluesky/profile/" + p.Handle + "/post/" + p.ID
	}
}

// profileURL is the address of an account's page.
func (s *Server) profileURL(a *account) string {
	switch a.net.key {
	case X:
		return s.cfg.Base + "/x/" + a.handle
	case Mastodon:
		return s.cfg.Base + "/mastodon/@" + a.handle
	default:
		return s.cfg.Base + "/bluesky/profile/" + a.handle
	}
}
