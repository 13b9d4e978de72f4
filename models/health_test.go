package models_test

import (
	"fmt"
	"testing"

	"github.com/allin-platform/allin/models"
)

// Each network's newest answer is told, whatever became of the delivery, and
// none that is older than a day.
func TestLastAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	w.account(ws, "acme.example")
	super(t, w.dsn, fmt.Sprintf(`
		select set_config('app.organization_id', '%s', false);
		insert into posts (id, content) values ('00000000-0000-0000-0000-0000000000e1', '{}');
		insert into scheduled_posts (id, post_id, local_date, local_time, zone, due_at)
			values ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1', '2026-01-01', '10:00', 'UTC', now())`, ws.Organization.ID))
	// ended puts in a delivery whose last call ended so many minutes ago.
	ended := func(network, state, columns, values string, minutes int, answer string) {
		t.Helper()
		super(t, w.dsn, fmt.Sprintf(`
			select set_config('app.organization_id', '%[1]s', false);
			with d as (insert into deliveries (id, scheduled_post_id, post_id, account_id, network, state, due_at, fresh_at, fence, updated_at %[4]s)
				select gen_random_uuid(), '00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1', id, '%[2]s', '%[3]s', x, x, 1, x %[5]s
				from social_accounts, (select now() - make_interval(mins => %[6]d) as x) x returning id, updated_at)
			insert into attempts (delivery_id, fence, step, action, state, started_at, ended_at) select id, 1, 'create:0', 'send', '%[7]s', updated_at, updated_at from d`,
			ws.Organization.ID, network, state, columns, values, minutes, answer))
	}
	answers := func(want string) {
		t.Helper()
		list, err := w.Install("test").LastAnswers(t.Context())
		must(t, err)
		got := ""
		for _, a := range list {
			got += a.Network + " " + a.State + ", "
		}
		if got != want {
			t.Errorf("answers %q, want %q", got, want)
		}
	}
	answers("")
	ended("x", string(models.Published), ", published_at", ", x", 2*24*60, "ok")
	answers("")
	ended("bluesky", string(models.Published), ", published_at", ", x", 60, "ok")
	ended("mastodon", string(models.Failed), "", "", 50, "rejected")
	answers("bluesky ok, mastodon rejected, ")
	ended("bluesky", string(models.Retrying), ", next_at", ", now() + interval '1 minute'", 40, "unavailable")
	answers("bluesky unavailable, mastodon rejected, ")
	ended("bluesky", string(models.Published), ", published_at", ", x", 30, "ok")
	ended("bluesky", string(models.Unknown), "", "", 20, "ambiguous")
	ended("mastodon", string(models.Published), ", published_at", ", x", 10, "ok")
	answers("bluesky ambiguous, mastodon ok, ")
	// One that was touched last, and not called for, hides none.
	super(t, w.dsn, `delete from attempts where state = 'ambiguous'`)
	answers("bluesky ok, mastodon ok, ")
}
