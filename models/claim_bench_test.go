package models_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

// BenchmarkDelivery is what the database costs one delivery of a text: claim,
// ledger, end; on 16 workers and 100 accounts.
func BenchmarkDelivery(b *testing.B) {
	w := newWorld(b)
	ws := w.organization("Bench")
	const accounts = 100
	var list []*models.Account
	for i := range accounts {
		list = append(list, w.account(ws, fmt.Sprintf("a%d.example", i)))
	}
	super(b, w.dsn, fmt.Sprintf(`
		select set_config('app.organization_id', '%[1]s', false);
		insert into posts (id, content, draft) values ('00000000-0000-0000-0000-0000000000e1', '{"parts":[{"text":"Hello"}]}', false);
		insert into scheduled_posts (id, post_id, local_date, local_time, zone, due_at)
			values ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1', '2026-01-01', '10:00', 'UTC', now());
		insert into deliveries (id, scheduled_post_id, post_id, account_id, network, due_at, fresh_at, next_at)
			select gen_random_uuid(), '00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1', a.id, 'bluesky', now(), now(), now()
			from social_accounts a, generate_series(1, %[2]d)`, ws.Organization.ID, b.N/accounts+1))
	in := w.Install("bench")
	process := uuid.New()
	b.ResetTimer()
	var done, next atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for done.Load() < int64(b.N) {
				a := list[next.Add(1)%accounts]
				c, err := in.Claim(b.Context(), process, a.ID, func(*models.Claim) *models.Start {
					return &models.Start{Step: "create:0", Fingerprint: "f", Key: "k"}
				})
				if err != nil {
					b.Error(err)
					return
				}
				if c == nil {
					continue
				}
				ref := networks.Ref{ID: uuid.NewString(), URL: "https://example.com"}
				if err := c.Published(b.Context(), "create:0", "send", models.Outcome{State: "ok", HTTP: 200}, ref, ref); err != nil {
					b.Error(err)
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
}
