package models_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models"
)

func TestRestoreHoldsPublishing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	a := w.account(ws, "acme.example")
	ctx := t.Context()
	in := w.Install("test")
	epoch := filepath.Join(t.TempDir(), "epoch")

	if hold, err := in.GuardRestore(ctx, epoch); err != nil || hold != nil {
		t.Fatalf("a fresh installation: %v %v", hold, err)
	}
	id, err := ws.Schedule(ctx, nil, text("Was it sent before the restore?", a), models.When{Now: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(epoch, []byte("7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	hold, err := in.GuardRestore(ctx, epoch)
	if err != nil || hold == nil {
		t.Fatalf("the file is ahead of the database: %v %v", hold, err)
	}
	if n := w.enqueued(); n != 0 {
		t.Errorf("%d deliveries go out on hold", n)
	}
	if c, err := in.Claim(ctx, a.ID, a.ID, nil); err != nil || c != nil {
		t.Errorf("claimed on hold: %v %v", c, err)
	}
	if f, err := ws.Frame(ctx); err != nil || f.Hold == nil {
		t.Errorf("the pages do not tell of the hold: %v %v", f, err)
	}
	if err := in.Release(ctx, epoch); err != nil {
		t.Fatal(err)
	}
	if hold, err := in.GuardRestore(ctx, epoch); err != nil || hold != nil {
		t.Errorf("after release: %v %v", hold, err)
	}
	if d := w.post(ws, id).Occurrences[0].Deliveries[0]; !d.Unresolved || d.State != models.Retrying {
		t.Errorf("what was due is not looked for first: %+v", d.Delivery)
	}
	if models.CodeOf(in.Release(ctx, epoch)) != models.Conflict {
		t.Error("released twice")
	}
}

// enqueued runs the clock's statement and returns how many deliveries it took.
func (w *world) enqueued() int {
	w.t.Helper()
	n, err := w.Install("test").EnqueueDue(w.t.Context(), 100, func(context.Context, pgx.Tx, []models.Due) error { return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
