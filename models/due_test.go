package models_test

import (
	"fmt"
	"testing"

	"github.com/allin-platform/allin/models"
)

// What is too late is set aside and asked about; what was tried, or held back
// by a gate, is not.
func TestMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	ctx := t.Context()
	in := w.Install("test")
	cases := []struct {
		name, change string
		want         models.State
	}{
		{"in time", "", models.Scheduled},
		{"two hours late", late("2 hours"), models.Missed},
		{"two hours late behind a gate", late("2 hours") + ", gated = true", models.Scheduled},
		{"two days late behind a gate", late("2 days") + ", gated = true", models.Missed},
		{"sent again by a person", "due_at = now() - interval '2 hours', next_at = now() - interval '1 second'", models.Scheduled},
	}
	var ids []models.PostPage
	for i, c := range cases {
		a := w.account(ws, fmt.Sprintf("case%d.example", i))
		id, err := ws.Schedule(ctx, nil, text(c.name, a), models.When{Now: true})
		if err != nil {
			t.Fatal(err)
		}
		page := w.post(ws, id)
		if c.change != "" {
			super(t, w.dsn, fmt.Sprintf("update deliveries set %s where id = '%s'", c.change, page.Occurrences[0].Deliveries[0].ID))
		}
		ids = append(ids, *page)
	}
	tried := ids[0].Occurrences[0].Deliveries[0].ID
	super(t, w.dsn, fmt.Sprintf(`update deliveries set %s where id = '%s'; insert into attempts (organization_id, delivery_id, fence, step, action, state)
		values ('%s', '%s', 1, 'create:0', 'send', 'unavailable')`, late("2 hours"), tried, ws.Organization.ID, tried))
	n, err := in.MarkMissed(ctx)
	if err != nil || n != 2 {
		t.Errorf("%d missed, %v", n, err)
	}
	for i, c := range cases {
		if got := w.post(ws, ids[i].Post.ID).Occurrences[0].Deliveries[0].State; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	notes, unread, err := ws.Notifications(ctx, 10)
	if err != nil || unread != 1 || notes[0].Kind != "delivery.missed" {
		t.Errorf("notifications: %v, %d unread, %v", notes, unread, err)
	}
}

func late(by string) string {
	return fmt.Sprintf("due_at = now() - interval '%s', fresh_at = now() - interval '%s', next_at = now() - interval '%s'", by, by, by)
}
