package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// app is an application that asks for tokens.
type app struct {
	id, secret, name string
	redirects        []string // nil: any
	scopes           []string
}

// grant is one consent, or one Bluesky session, with all tokens that came of it.
type grant struct {
	id      string
	acct    *account
	client  string
	scopes  []string
	minted  bool // made by CreateAccount, not by a person's consent
	revoked atomic.Bool

	mu     sync.Mutex // guards what follows, and the refresh tokens
	latest *accessToken
	next   *refreshToken // nil where tokens are not renewed
}

// accessToken opens an account until it ends.
type accessToken struct {
	value string
	grant *grant
	ends  atomic.Int64 // Unix milliseconds; 0: never
}

// refreshToken is good for the next tokens of its grant.
type refreshToken struct {
	value string
	grant *grant
	// Guarded by the grant:
	ends  time.Time // Bluesky; zero elsewhere
	spent bool
	heir  *refreshToken // what it was exchanged for
}

func (t *accessToken) expired(now time.Time) bool {
	ends := t.ends.Load()
	return ends != 0 && now.UnixMilli() >= ends
}

func (g *grant) has(scope string) bool {
	if slices.Contains(g.scopes, scope) {
		return true
	}
	parent, _, found := strings.Cut(scope, ":")
	return found && slices.Contains(g.scopes, parent)
}

// allows reports whether every one of the scopes was granted.
func (g *grant) allows(scopes ...string) bool {
	for _, scope := range scopes {
		if !g.has(scope) {
			return false
		}
	}
	return true
}

// tokens is what a token call answers with.
type tokens struct {
	access, refresh string
	lives           time.Duration // 0: for ever
}

// enter makes tokens known that a grant got at that time.
func (g *grant) enter(t tokens, at, ends time.Time) {
	n := g.acct.net
	access := &accessToken{value: t.access, grant: g}
	if !ends.IsZero() {
		access.ends.Store(ends.UnixMilli())
	}
	g.latest = access
	n.access.Store(t.access, access)
	if t.refresh == "" {
		return
	}
	next := &refreshToken{value: t.refresh, grant: g}
	if n.key == Bluesky {
		next.ends = at.Add(blueskyRefreshLife)
	}
	if _, known := n.refresh.LoadOrStore(t.refresh, next); !known {
		g.next = next
	}
}

// spend marks a refresh token as used at that time.
func (t *refreshToken) spend(at time.Time) {
	if t.spent {
		return
	}
	t.spent, t.heir = true, t.grant.next
	if grace := at.Add(refreshGrace); grace.Before(t.ends) {
		t.ends = grace
	}
}

// open makes a new grant of an account. minted says that no person consented.
func (s *Server) open(a *account, client string, scopes []string, t tokens, minted bool) (*grant, error) {
	g := &grant{id: secret(8), acct: a, client: client, scopes: scopes, minted: minted}
	var expires *time.Time
	var ends time.Time
	if t.lives > 0 {
		ends = s.now().Add(t.lives)
		expires = &ends
	}
	err := s.log(a, Entry{Op: opGrant, State: &state{Grant: g.id, Client: client, Scopes: scopes, Minted: minted,
		Access: t.access, Refresh: t.refresh, Expires: expires}})
	if err != nil {
		return nil, err
	}
	a.net.grants.Store(g.id, g)
	g.enter(t, s.now(), ends)
	a.mu.Lock()
	a.grants = append(a.grants, g)
	a.mu.Unlock()
	return g, nil
}

// renew gives the grant new tokens in exchange for old. The caller holds g.mu.
func (s *Server) renew(g *grant, old *refreshToken, t tokens) error {
	now := s.now()
	ends := now.Add(t.lives)
	err := s.log(g.acct, Entry{Op: opRefresh, At: now, State: &state{Grant: g.id, Access: t.access, Refresh: t.refresh,
		Spent: old.value, Expires: &ends}})
	if err != nil {
		return err
	}
	g.enter(t, now, ends)
	old.spend(now)
	return nil
}

// revoke ends a grant and all its tokens.
func (s *Server) revoke(g *grant) error {
	if g.revoked.Swap(true) {
		return nil
	}
	return s.log(g.acct, Entry{Op: opRevoke, State: &state{Grant: g.id}})
}

// ExpireTokens ends the access tokens of an account, as if their time were
// over. Refresh tokens stay good.
func (s *Server) ExpireTokens(network, handle string) error {
	a, err := s.find(network, handle)
	if err != nil {
		return err
	}
	if err := s.log(a, Entry{Op: opExpire}); err != nil {
		return err
	}
	a.expire(s.now())
	return nil
}

func (a *account) expire(at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, g := range a.grants {
		g.mu.Lock()
		if g.latest != nil {
			g.latest.ends.Store(at.UnixMilli())
		}
		g.mu.Unlock()
	}
}

// RevokeGrants ends every consent and session of an account, as a person does
// who takes an application's access away. On Bluesky the app password goes too.
func (s *Server) RevokeGrants(network, handle string) error {
	a, err := s.find(network, handle)
	if err != nil {
		return err
	}
	a.mu.Lock()
	grants := slices.Clone(a.grants)
	a.grants, a.password = nil, ""
	a.mu.Unlock()
	for _, g := range grants {
		if err := s.revoke(g); err != nil {
			return err
		}
	}
	return s.log(a, Entry{Op: opLock})
}

// find finds an account for the control calls.
func (s *Server) find(network, handle string) (*account, error) {
	n := s.networks[network]
	if n == nil {
		return nil, fmt.Errorf("there is no network %q", network)
	}
	if a := n.account(n.fullHandle(handle)); a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("there is no account %q on %s", handle, n.name)
}

// replayToken enters a line about tokens.
func (n *network) replayToken(a *account, e *Entry) error {
	st := e.State
	switch e.Op {
	case opApp:
		n.apps.Store(st.Client, &app{id: st.Client, secret: st.Secret, name: st.Name, redirects: st.Redirects, scopes: st.Scopes})
	case opGrant:
		g := &grant{id: st.Grant, acct: a, client: st.Client, scopes: st.Scopes, minted: st.Minted}
		n.grants.Store(g.id, g)
		a.grants = append(a.grants, g)
		g.enter(tokens{access: st.Access, refresh: st.Refresh}, e.At, value(st.Expires))
	case opRefresh:
		known, _ := n.grants.Load(st.Grant)
		g, ok := known.(*grant)
		if !ok {
			return fmt.Errorf("there is no grant %q", st.Grant)
		}
		g.enter(tokens{access: st.Access, refresh: st.Refresh}, e.At, value(st.Expires))
		if old, ok := n.refresh.Load(st.Spent); ok {
			old.(*refreshToken).spend(e.At)
		}
	case opRevoke:
		if g, ok := n.grants.Load(st.Grant); ok {
			g.(*grant).revoked.Store(true)
		}
	case opExpire:
		a.expire(e.At)
	case opLock:
		if st == nil {
			a.grants, a.password = nil, ""
		} else {
			a.password = st.Password
		}
	default:
		return fmt.Errorf("unknown operation %q", e.Op)
	}
	return nil
}

// value returns what t points to, or the zero time.
func value(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
