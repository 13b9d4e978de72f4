package sandbox

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The networks' keys.
const (
	X        = "x"
	Mastodon = "mastodon"
	Bluesky  = "bluesky"
)

// network is the state of one imitated network.
type network struct {
	key, name string
	site      string // its base address
	dialect   dialect
	faults    faults
	down      atomic.Bool

	mu       sync.RWMutex // guards the accounts
	byID     map[string]*account
	byHandle map[string]*account // in lower case
	accounts []*account

	apps    sync.Map // client id → *app
	access  sync.Map // access token → *accessToken
	refresh sync.Map // refresh token → *refreshToken
	grants  sync.Map // id → *grant
	posts   sync.Map // id → *post; on Bluesky at-uri → *post
	media   sync.Map // id → *medium
	codes   sync.Map // authorization code → *code
	newest  atomic.Uint64
}

// account is one imitated account.
type account struct {
	net              *network
	id, handle, name string
	created          time.Time

	mu       sync.Mutex
	password string  // app password, Bluesky
	posts    []*post // in the order of their ids
	keys     map[string]keyed
	texts    map[string]string // what the last posts say → id, X
	recent   []string          // keys of texts, oldest first
	records  map[string]*record
	rates    map[string]*window
	grants   []*grant
}

// post is one visible post. What is in it does not change, but for Bluesky's
// putRecord, which puts another one in its place.
type post struct {
	Entry
	acct    *account
	replies atomic.Int64
	below   sync.Map // id → *post: what answers it
}

// keyed is what an idempotency key made.
type keyed struct {
	id string
	at time.Time
}

// record is a Bluesky record that is no post.
type record struct {
	cid   string
	value []byte
}

// medium is one uploaded file.
type medium struct {
	id, typ, category string
	acct              *account
	size              int64
	width, height     int
	at                time.Time
	file              string

	assembly sync.Mutex // held while the parts of an upload are put together

	mu    sync.Mutex
	alt   string
	open  bool      // an upload in parts that is not finalized
	slow  bool      // has to be processed
	polls int       // how often its state was asked for
	done  time.Time // when its last byte was there
}

func (m *medium) isOpen() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.open
}

// processing is how long a video or GIF is worked on when nobody asks for its
// state; the second question finds it ready as well.
const processing = 3 * time.Second

// poll counts a question for the state and reports whether it is ready.
func (m *medium) poll(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.polls++
	return !m.open && (!m.slow || m.polls > 1 || now.Sub(m.done) > processing)
}

// ready reports whether the medium may be attached.
func (m *medium) ready(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.open && (!m.slow || m.polls > 1 || now.Sub(m.done) > processing)
}

func (m *medium) altText() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.alt
}

// account finds an account by its handle, whatever its case.
func (n *network) account(handle string) *account {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.byHandle[strings.ToLower(handle)]
}

func (n *network) accountByID(id string) *account {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.byID[id]
}

func (n *network) allAccounts() []*account {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.Clone(n.accounts)
}

// add enters an account. The caller holds n.mu, or is alone.
func (n *network) add(a *account) {
	a.net = n
	a.keys, a.texts = map[string]keyed{}, map[string]string{}
	a.records, a.rates = map[string]*record{}, map[string]*window{}
	n.byID[a.id], n.byHandle[strings.ToLower(a.handle)] = a, a
	n.accounts = append(n.accounts, a)
}

// post finds a post by its id; on Bluesky by its at-uri.
func (n *network) post(id string) *post {
	if p, ok := n.posts.Load(id); ok {
		return p.(*post)
	}
	return nil
}

func (n *network) medium(id string) *medium {
	if m, ok := n.media.Load(id); ok {
		return m.(*medium)
	}
	return nil
}

// name is how other posts speak of this one.
func (p *post) ref() string {
	if p.Network == Bluesky {
		return postURI(p.Account, p.ID)
	}
	return p.ID
}

// compareIDs orders ids by age: they are numbers without leading zeros, or
// record keys of one length.
func compareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// insert enters a post. The caller holds a.mu, or is alone.
func (a *account) insert(p *post) {
	p.acct = a
	i := len(a.posts)
	if i > 0 && compareIDs(a.posts[i-1].ID, p.ID) > 0 {
		i, _ = a.search(p.ID)
	}
	a.posts = slices.Insert(a.posts, i, p)
	a.net.posts.Store(p.ref(), p)
	if up := a.net.post(p.Parent); up != nil {
		up.replies.Add(1)
		up.below.Store(p.ref(), p)
	}
	if p.Key != "" && p.Network != Bluesky || p.Seeded && p.Key != "" {
		a.keys[p.Key] = keyed{p.ref(), p.At}
	}
	if p.Network == X && p.Text != "" {
		a.say(duplicateKey(p.Text, p.Parent), p.ID)
	}
}

// remembered is how many of an account's last texts X refuses to take again.
const remembered = 100

func (a *account) say(text, id string) {
	if _, ok := a.texts[text]; !ok {
		a.recent = append(a.recent, text)
	}
	a.texts[text] = id
	if len(a.recent) > remembered {
		delete(a.texts, a.recent[0])
		a.recent = a.recent[1:]
	}
}

// search returns where the id stands or would stand. The caller holds a.mu.
func (a *account) search(id string) (int, bool) {
	return slices.BinarySearchFunc(a.posts, id, func(p *post, id string) int { return compareIDs(p.ID, id) })
}

// remove takes a post away. The caller holds a.mu, or is alone.
func (a *account) remove(p *post) {
	if i, ok := a.search(p.ID); ok {
		a.posts = slices.Delete(a.posts, i, i+1)
	}
	a.net.posts.Delete(p.ref())
	if up := a.net.post(p.Parent); up != nil {
		up.replies.Add(-1)
		up.below.Delete(p.ref())
	}
	if key := duplicateKey(p.Text, p.Parent); p.Network == X && a.texts[key] == p.ID {
		delete(a.texts, key)
		a.recent = slices.DeleteFunc(a.recent, func(s string) bool { return s == key })
	}
}

// page returns at most limit posts, newest first, that are older than before
// and newer than after ("" for no bound).
func (a *account) page(before, after string, limit int) []*post {
	a.mu.Lock()
	defer a.mu.Unlock()
	low, high := a.bounds(before, after)
	out := slices.Clone(a.posts[max(low, high-limit):high])
	slices.Reverse(out)
	return out
}

// pageUp is page counted from the old end: the posts right after after.
func (a *account) pageUp(before, after string, limit int) []*post {
	a.mu.Lock()
	defer a.mu.Unlock()
	low, high := a.bounds(before, after)
	out := slices.Clone(a.posts[low:min(high, low+limit)])
	slices.Reverse(out)
	return out
}

func (a *account) bounds(before, after string) (low, high int) {
	high = len(a.posts)
	if before != "" {
		high, _ = a.search(before)
	}
	if after != "" {
		i, found := a.search(after)
		if low = i; found {
			low++
		}
	}
	return min(low, high), high
}

func (a *account) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.posts)
}

// nextID returns an id for a post of that time, higher than all before it.
func (n *network) nextID(at time.Time) uint64 {
	for {
		last := n.newest.Load()
		id := max(n.idAt(at), last+1)
		if n.newest.CompareAndSwap(last, id) {
			return id
		}
	}
}

// pastID returns an unused id for a post of the past.
func (n *network) pastID(at time.Time) uint64 {
	for id := n.idAt(at); ; id++ {
		if n.post(fmt.Sprint(id)) == nil {
			return id
		}
	}
}

// xEpoch is where X's ids begin to count, in milliseconds of Unix time.
const xEpoch = 1288834974657

func (n *network) idAt(at time.Time) uint64 {
	if n.key == X {
		return uint64(at.UnixMilli()-xEpoch) << 22
	}
	return uint64(at.UnixMilli()) << 16
}

// sawID keeps later ids above one that the journal holds.
func (n *network) sawID(id string) {
	var v uint64
	if _, err := fmt.Sscan(id, &v); err == nil {
		n.newest.Store(max(n.newest.Load(), v))
	}
}

// accountID derives the id of an account from its handle, so that an account
// keeps it when the sandbox loses its journal.
func accountID(network, handle string) string {
	sum := sha256.Sum256([]byte(network + "\x00" + strings.ToLower(handle)))
	number := binary.BigEndian.Uint64(sum[:8])
	switch network {
	case X:
		return fmt.Sprint(1_000_000_000_000_000_000 + number%800_000_000_000_000_000)
	case Mastodon:
		return fmt.Sprint(110_000_000_000_000_000 + number%5_000_000_000_000_000)
	default:
		return "did:plc:" + lower32.EncodeToString(sum[:15])
	}
}

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// secret returns a random string of 2n characters.
func secret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, as crypto/rand says
	return hex.EncodeToString(b)
}

// mediaFile is where a medium's bytes lie. Ids are digits or base32.
func (s *Server) mediaFile(network, id string) string {
	return filepath.Join(s.cfg.Dir, "media", network+"-"+id)
}
