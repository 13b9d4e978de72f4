package live

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

func newTestHub() *Hub {
	return NewHub(slog.New(slog.DiscardHandler), time.Now, func(context.Context, []models.Listening) ([]bool, error) { return nil, nil })
}

// One who is behind by more than the backlog is told to look at everything,
// and whoever publishes never waits.
func TestBacklog(t *testing.T) {
	h := newTestHub()
	organization := uuid.New()
	l := h.join(models.Listening{Organization: organization})
	for range backlog {
		h.publish(models.Change{Organization: organization, Topic: "posts", ID: uuid.NewString()})
	}
	m := l.gather(<-l.changes)
	if m.Resync || len(m.Changed) != backlog+2 { // each post, and once calendar and posts
		t.Errorf("within the backlog: %+v", m)
	}
	for range 3*backlog + 1 {
		h.publish(models.Change{Organization: organization, Topic: "posts", ID: uuid.NewString()})
	}
	if m := l.gather(<-l.changes); !m.Resync || m.Changed != nil {
		t.Errorf("beyond the backlog: %+v", m)
	}
}

func TestRooms(t *testing.T) {
	h := newTestHub()
	a, b := h.join(models.Listening{Organization: uuid.New()}), h.join(models.Listening{Organization: uuid.New()})
	h.publish(models.Change{Organization: a.Organization, Topic: "accounts"})
	h.publish(models.Change{Topic: "hold"}) // of the installation: for all
	if m := a.gather(<-a.changes); !slices.Equal(m.Changed, []string{"accounts", "hold"}) {
		t.Errorf("a hears %+v", m)
	}
	if m := b.gather(<-b.changes); !slices.Equal(m.Changed, []string{"hold"}) {
		t.Errorf("b hears %+v", m)
	}
	h.leave(a)
	if h.Len() != 1 {
		t.Errorf("%d listen", h.Len())
	}
	h.Close()
	if why := <-b.end; why != restart {
		t.Errorf("ended because of %v", why)
	}
	if why := <-h.join(models.Listening{}).end; why != restart {
		t.Errorf("one who comes too late is let in: %v", why)
	}
}
