package main

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/bench/rig"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks/sandbox"
)

// verdict is what came out of a run: the journal, the ledger and what people
// are shown, compared delivery by delivery.
type verdict struct {
	lost      int // without an end, or shown as published and not there
	doubled   int // posts beyond the first of a delivery
	guessed   int // shown as published or failed without an answer or a look-up that proves it
	unknown   int // left to a person
	failed    int
	missed    int
	waiting   int // for the account to be connected again
	ambiguous int // attempts whose answer was lost or unclear
	late      []time.Duration

	ambiguousOn, unknownOn map[string]int // by network
}

// row is a delivery as the ledger and people see it.
type row struct {
	id        uuid.UUID
	network   string
	state     models.State
	remote    string
	proved    int // parts whose being out an answer or a look-up proves
	refused   bool
	ambiguous int
	open      int
}

// ledger reads what AllIN says of every delivery.
func ledger(ctx context.Context, r *rig.Rig) (map[uuid.UUID]row, error) {
	rows, err := r.Admin.Query(ctx, `
		select d.id, d.network, d.state, coalesce(d.remote_id, ''),
			count(distinct t.step) filter (where t.action = 'send' and t.state = 'ok' or t.action = 'look' and t.state = 'reconciled'),
			coalesce(bool_or(t.action = 'send' and t.state = 'rejected'), false),
			count(*) filter (where t.action = 'send' and t.state in ('started', 'ambiguous', 'reconciled', 'absent')),
			count(*) filter (where t.action = 'send' and t.state in ('started', 'ambiguous'))
		from deliveries d left join attempts t on t.delivery_id = d.id and t.step like 'create:%'
		group by d.id, d.network, d.state, d.remote_id`)
	if err != nil {
		return nil, fmt.Errorf("read ledger: %w", err)
	}
	all := map[uuid.UUID]row{}
	var one row
	_, err = pgx.ForEachRow(rows, []any{&one.id, &one.network, &one.state, &one.remote, &one.proved, &one.refused, &one.ambiguous, &one.open}, func() error {
		all[one.id] = one
		return nil
	})
	return all, err
}

// verify compares journal, ledger and shown state of every post.
func verify(ctx context.Context, r *rig.Rig, posts []rig.Post) (*verdict, error) {
	rows, err := ledger(ctx, r)
	if err != nil {
		return nil, err
	}
	journal, err := r.Journal()
	if err != nil {
		return nil, err
	}
	v := &verdict{ambiguousOn: map[string]int{}, unknownOn: map[string]int{}}
	told := 0
	for _, p := range posts {
		if wrong := v.add(p, rows[p.Delivery], journal); wrong != "" {
			if told++; told <= 20 {
				r.Say("%s\n%s", wrong, history(ctx, r, p, journal))
			}
		}
	}
	return v, nil
}

// add judges one delivery and says what is wrong with it, or "".
func (v *verdict) add(p rig.Post, d row, journal map[string][]sandbox.Entry) (wrong string) {
	v.ambiguous += d.ambiguous
	v.ambiguousOn[d.network] += d.ambiguous
	out, first := 0, false
	for i, text := range p.Texts {
		entries := journal[text]
		out += len(entries)
		if extra := len(entries) - 1; extra > 0 {
			v.doubled += extra
			wrong = fmt.Sprintf("delivery %s went out %d times", p.Delivery, len(entries))
		}
		if len(entries) > 0 && i == 0 {
			v.late = append(v.late, entries[0].At.Sub(p.Due))
			first = rig.Names(d.remote, entries[0])
		}
	}
	switch d.state {
	case models.Published:
		switch {
		case out < len(p.Texts):
			v.lost++
			wrong = fmt.Sprintf("delivery %s is shown as published and is not there", p.Delivery)
		case d.proved < len(p.Texts) || !first:
			v.guessed++
			wrong = fmt.Sprintf("delivery %s is shown as published as %q, which nothing proves", p.Delivery, d.remote)
		}
	case models.Failed:
		v.failed++
		if out > 0 && len(p.Texts) == 1 || d.open > 0 || !d.refused {
			v.guessed++
			wrong = fmt.Sprintf("delivery %s is shown as failed, which nothing proves", p.Delivery)
		}
	case models.Unknown:
		v.unknown++
		v.unknownOn[d.network]++
		if d.open == 0 {
			wrong = fmt.Sprintf("delivery %s is left to a person without a question", p.Delivery)
		}
	case models.Missed:
		v.missed++
	case models.Waiting:
		v.waiting++
	default:
		v.lost++
		wrong = fmt.Sprintf("delivery %s has no end: it is %s", p.Delivery, d.state)
	}
	return wrong
}

// report adds what was found to the line.
func (v *verdict) report(report *rig.Report, posts []rig.Post) {
	report.Add("posts", len(posts))
	report.Add("lost", v.lost)
	report.Add("doubled", v.doubled)
	report.Add("guessed", v.guessed)
	report.Add("unknown", v.unknown)
	report.Add("ambiguous", v.ambiguous)
	report.Add("late_p99_s", rig.Percentile(v.late, 0.99).Seconds())
	if v.failed+v.missed+v.waiting > 0 {
		report.Add("failed", v.failed)
		report.Add("missed", v.missed)
		report.Add("waiting", v.waiting)
	}
}

// history is all that is known of one delivery, for whoever looks for the mistake.
func history(ctx context.Context, r *rig.Rig, p rig.Post, journal map[string][]sandbox.Entry) string {
	var out string
	err := r.Admin.QueryRow(ctx, `select concat_ws(' ', '  delivery:', d.network, d.state, 'fence', d.fence, 'due', d.due_at, 'next', d.next_at,
			'enqueued', d.enqueued_at, 'reason', d.reason, d.message) || coalesce((select string_agg(E'\n  attempt: ' ||
			concat_ws(' ', t.fence, t.step, t.action, t.state, t.started_at, t.ended_at, t.http, t.code, t.message), '' order by t.started_at, t.fence, t.action)
			from attempts t where t.delivery_id = d.id), '')
		from deliveries d where d.id = $1`, p.Delivery).Scan(&out)
	if err != nil {
		return err.Error()
	}
	for _, text := range p.Texts {
		for _, e := range journal[text] {
			out += fmt.Sprintf("\n  journal: %d %s %s key %q answered %s fault %q", e.Seq, e.At.Format(time.RFC3339Nano), e.ID, e.Key, e.Answered, e.Fault)
		}
	}
	return out
}
