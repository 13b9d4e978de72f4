// Package live tells open pages what has changed. One hub per process hears of
// all changes and passes each to the connections of its organization; a message
// names what changed and holds no content, which the page then asks for itself.
package live

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// backlog is how many changes a connection may be behind before it is told to
// look at everything again.
const backlog = 32

// checkEvery is how often the hub asks whether those who listen still may: a
// session that was revoked and a member who was removed are cut within 5 s.
const checkEvery = 3 * time.Second

// Hub passes changes on to listeners.
type Hub struct {
	log   *slog.Logger
	now   func() time.Time
	check func(context.Context, []models.Listening) ([]bool, error)

	mu     sync.Mutex
	rooms  map[uuid.UUID]map[*listener]struct{}
	closed bool
}

// listener is one connection.
type listener struct {
	models.Listening
	changes chan models.Change
	end     chan ending // is sent one ending
}

// ending is why the server ends a connection.
type ending int

const (
	revoked ending = iota // signed out, or no member any more
	restart               // the process ends
)

// NewHub returns a hub without listeners. check tells which of them may go on.
func NewHub(log *slog.Logger, now func() time.Time, check func(context.Context, []models.Listening) ([]bool, error)) *Hub {
	return &Hub{log: log, now: now, check: check, rooms: map[uuid.UUID]map[*listener]struct{}{}}
}

// Run passes on what source tells until ctx ends.
func (h *Hub) Run(ctx context.Context, source func(ctx context.Context, changed func(models.Change), resync func())) {
	var checking sync.WaitGroup
	checking.Go(func() { h.watch(ctx) })
	source(ctx, h.publish, func() { h.publish(models.Change{}) })
	checking.Wait()
}

// Len is how many connections there are.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, room := range h.rooms {
		n += len(room)
	}
	return n
}

// Close ends all connections, telling them to come back, and takes no new ones.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, room := range h.rooms {
		for l := range room {
			l.stop(restart)
		}
	}
}

func (h *Hub) join(who models.Listening) *listener {
	l := &listener{Listening: who, changes: make(chan models.Change, backlog), end: make(chan ending, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		l.stop(restart)
		return l
	}
	room := h.rooms[who.Organization]
	if room == nil {
		room = map[*listener]struct{}{}
		h.rooms[who.Organization] = room
	}
	room[l] = struct{}{}
	return l
}

func (h *Hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	room := h.rooms[l.Organization]
	delete(room, l)
	if len(room) == 0 {
		delete(h.rooms, l.Organization)
	}
}

func (l *listener) stop(why ending) {
	select {
	case l.end <- why:
	default:
	}
}

// publish never waits for a listener. A change of no organization is for all.
func (h *Hub) publish(c models.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.Organization != uuid.Nil {
		for l := range h.rooms[c.Organization] {
			l.tell(c)
		}
		return
	}
	for _, room := range h.rooms {
		for l := range room {
			l.tell(c)
		}
	}
}

// tell adds a change. One who is too far behind gets, in place of all of them,
// the empty change: everything is to be looked at again.
func (l *listener) tell(c models.Change) {
	select {
	case l.changes <- c:
		return
	default:
	}
	for {
		select {
		case <-l.changes:
			continue
		default:
		}
		break
	}
	l.changes <- models.Change{} // only publish sends, under the hub's lock
}

// watch cuts those who may not listen any more.
func (h *Hub) watch(ctx context.Context) {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		all := h.all()
		if len(all) == 0 {
			continue
		}
		who := make([]models.Listening, len(all))
		for i, l := range all {
			who[i] = l.Listening
		}
		still, err := h.check(ctx, who)
		if err != nil {
			if ctx.Err() == nil {
				h.log.Warn("check live connections", "error", err)
			}
			continue
		}
		for i, l := range all {
			if !still[i] {
				l.stop(revoked)
			}
		}
	}
}

func (h *Hub) all() []*listener {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []*listener
	for _, room := range h.rooms {
		for l := range room {
			all = append(all, l)
		}
	}
	return all
}
