package jobs_test

import (
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models"
)

// TestS65RotationWhilePublishing changes the keys four times, seals everything anew and
// drops the old key while a thousand deliveries go out in two processes that read the file long ago.
func TestS65RotationWhilePublishing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	w.keys = filepath.Join(t.TempDir(), "keys.json")
	store, _ := w.open()
	w.store = store
	people, err := store.Install("test").SignIn(t.Context(), "ann@example.com", "correct horse", "127.0.0.1")
	w.ok(err)
	list, err := people.Memberships(t.Context())
	w.ok(err)
	w.ws, err = people.Workspace(t.Context(), list[0].OrganizationID)
	w.ok(err)
	accounts := []*models.Account{w.account("x", "ann"), w.account("mastodon", "ann_m"), w.account("x", "ben")}
	w.process()
	w.process()
	box, err := seal.Open(w.keys) // of the command
	w.ok(err)
	in := store.Install("test")

	var posts []uuid.UUID
	post := func(n int) {
		for range n {
			posts = append(posts, w.publish([]string{"Post " + uuid.NewString()}, accounts...))
		}
	}
	const each = 28 // of twelve times, to three accounts: 1,008 deliveries
	for range 4 {
		post(each)
		w.ok(box.Rotate())
		post(each)
		r, err := in.Reseal(t.Context())
		if err != nil || r.Lost > 0 {
			t.Fatalf("sealing anew: %+v %v", r, err)
		}
		post(each)
		if r, err = in.Reseal(t.Context()); err != nil || r.Old > 0 || r.Values < len(accounts) {
			t.Fatalf("what is left for the second walk: %+v %v", r, err)
		}
		if n, err := box.Drop(); err != nil || n != 1 {
			t.Fatalf("dropped %d, %v", n, err)
		}
	}
	published := 0
	for _, id := range posts {
		for _, d := range w.deliveries(id, final) {
			published++
			if d.State != models.Published {
				t.Errorf("a delivery to %s is %s: %s", d.Network, d.State, d.Message)
			}
		}
	}
	if published < 1000 {
		t.Errorf("only %d deliveries were looked at", published)
	}
}
