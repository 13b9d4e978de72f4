package main

import (
	"context"
	"fmt"
)

// seedPosts fills the organization: posts over a year back and a year ahead,
// each on one to three accounts; what is past went out, but for a few.
func (b *bench) seedPosts(ctx context.Context) (seeded, error) {
	b.Say("scheduling %d posts", b.options.posts)
	ids := make([]string, len(b.accounts))
	for i, a := range b.accounts {
		ids[i] = a.ID.String()
	}
	organization, member := b.workspace.Organization.ID, b.workspace.Member.ID
	for _, s := range []struct {
		what, sql string
		args      []any
	}{
		{"plan", `create table bench_plan as
			select n, gen_random_uuid() as post, gen_random_uuid() as occurrence,
				date_trunc('minute', now()) + (n - $1 / 2) * (interval '730 days' / $1) as due, 1 + n % 3 as targets
			from generate_series(1, $1) n`, []any{b.options.posts}},
		{"posts", `insert into posts (organization_id, id, author_id, content, excerpt, draft, created_at)
			select $1, post, $2, jsonb_build_object('parts', jsonb_build_array(jsonb_build_object('text',
				'Post ' || n || ': what we learned this week about coffee, customers and the small things that make both better. #coffee #learning'))),
				'Post ' || n || ': what we learned this week about coffee, customers and the small things', false, due - interval '3 days'
			from bench_plan`, []any{organization, member}},
		{"targets", `insert into post_targets (organization_id, post_id, account_id)
			select $1, post, ($2::uuid[])[1 + (n + k) % $3] from bench_plan, generate_series(1, targets) k`, []any{organization, ids, len(ids)}},
		{"occurrences", `insert into scheduled_posts (organization_id, id, post_id, local_date, local_time, zone, due_at, created_by)
			select $1, occurrence, post, due::date, due::time, 'UTC', due, $2 from bench_plan`, []any{organization, member}},
		{"deliveries", `insert into deliveries (organization_id, id, scheduled_post_id, post_id, account_id, network, state, due_at, fresh_at, next_at,
				fence, remote_id, remote_url, published_at)
			select $1, gen_random_uuid(), occurrence, post, a.id, a.network,
				case when due > now() then 'scheduled' when n % 97 = 0 then 'failed' else 'published' end, due, due,
				case when due > now() then due end, case when due > now() then 0 else 1 end,
				case when due <= now() and n % 97 <> 0 then n || '-' || k end,
				case when due <= now() and n % 97 <> 0 then 'https://example.com/' || n || '/' || k else '' end,
				case when due <= now() and n % 97 <> 0 then due + interval '120 ms' end
			from bench_plan, generate_series(1, targets) k join social_accounts a on true
			where a.id = ($2::uuid[])[1 + (n + k) % $3]`, []any{organization, ids, len(ids)}},
		{"attempts", `insert into attempts (organization_id, delivery_id, fence, step, action, state, http, started_at, ended_at)
			select $1, id, 1, 'create:0', 'send', case when state = 'published' then 'ok' else 'rejected' end, 200, due_at, due_at + interval '120 ms'
			from deliveries where due_at <= now()`, []any{organization}},
		{"steps", `insert into delivery_steps (organization_id, delivery_id, step, begun_at, done, result)
			select $1, id, 'create:0', due_at, true, jsonb_build_object('id', remote_id, 'url', remote_url)
			from deliveries where state = 'published'`, []any{organization}},
		{"statistics", `analyze`, nil},
	} {
		if _, err := b.Admin.Exec(ctx, s.sql, s.args...); err != nil {
			return seeded{}, fmt.Errorf("seed %s: %w", s.what, err)
		}
	}
	var s seeded
	err := b.Admin.QueryRow(ctx, `select post from bench_plan where targets = 3 and due < now() and n % 97 <> 0 order by due desc limit 1`).Scan(&s.published)
	if err != nil {
		return s, fmt.Errorf("choose a post: %w", err)
	}
	return s, nil
}
