package models

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// maxDays is the longest stretch that one calendar shows: six weeks.
const maxDays = 42

// dayStart is the moment at which the date begins in the zone. Where the
// clocks skip midnight, that is the first moment after it.
func dayStart(date string, loc *time.Location) (time.Time, error) {
	d, err := time.Parse("2006-01-02", date)
	if err != nil {
		return time.Time{}, invalid("date", "%q is not a date. Dates are written like 2026-12-24.", date)
	}
	return resolve(d, loc), nil
}

// Calendar returns days dates from the given one on, in the member's zone,
// with at most perDay entries each (0: all).
func (w *Workspace) Calendar(ctx context.Context, from string, days, perDay int, f Filter) (*Calendar, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	loc, err := LoadZone(w.Zone())
	if err != nil {
		return nil, err
	}
	first, err := time.Parse("2006-01-02", from)
	if err != nil || first.Year() < 1990 || first.Year() > 2200 {
		return nil, invalid("date", "There is no calendar for %q. Choose a date from 1990 to 2200, written like 2026-12-24.", from)
	}
	days = min(max(days, 1), maxDays)
	cal := &Calendar{Zone: w.Zone(), Days: make([]Day, days)}
	starts := make([]time.Time, days+1)
	for i := range starts {
		date := first.AddDate(0, 0, i).Format("2006-01-02")
		if starts[i], err = dayStart(date, loc); err != nil {
			return nil, err
		}
		if i < days {
			cal.Days[i].Date = date
		}
	}
	cal.From, cal.To = starts[0], starts[days]
	if perDay <= 0 {
		perDay = 10_000
	}
	err = w.rows(ctx, func(tx pgx.Tx) error {
		where, args := f.where([]any{starts, perDay})
		rows, err := tx.Query(ctx, calendarEntries(where), args...)
		if err != nil {
			return err
		}
		return cal.collect(rows)
	})
	if err != nil {
		return nil, fmt.Errorf("read calendar: %w", err)
	}
	return cal, nil
}

// calendarEntries reads each day's first entries by their index, and how many
// there are, in one statement. $1 holds the days' starts and the end, $2 how
// many entries a day may have.
func calendarEntries(where string) string {
	return `
	with days as (
		select i as day, ($1::timestamptz[])[i] as start, ($1::timestamptz[])[i + 1] as stop
		from generate_series(1, cardinality($1::timestamptz[]) - 1) i
	)
	select days.day, e.total, e.id, e.post_id, e.due_at, e.zone, p.excerpt, p.cover_id, p.comments, e.deliveries
	from days
	cross join lateral (
		select s.id, s.post_id, s.due_at, s.zone, t.total, (` + entryDeliveries + `) as deliveries
		from (select count(*) as total from scheduled_posts s where s.due_at >= days.start and s.due_at < days.stop ` + where + `) t
		cross join lateral (
			select * from scheduled_posts s where s.due_at >= days.start and s.due_at < days.stop ` + where + `
			order by s.due_at, s.id limit $2
		) s
	) e
	join posts p on p.id = e.post_id
	order by days.day, e.due_at, e.id`
}

// entryDeliveries are the deliveries of the occurrence s as rows of text.
// A wanted time has none: there, the accounts that the post would go to stand in their place.
const entryDeliveries = `case when s.proposed then (` + wantedAccounts + `) else (
	select coalesce(array_agg(d.id || ' ' || d.account_id || ' ' || d.network || ' ' || d.state order by d.network, d.account_id), '{}')
	from deliveries d where d.post_id = s.post_id and d.scheduled_post_id = s.id) end`

const wantedAccounts = `
	select coalesce(array_agg(one.line order by one.network, one.account_id), '{}') from (
		select d.id || ' ' || d.account_id || ' ' || d.network || ' ' || d.state as line, d.network, d.account_id
		from deliveries d where d.post_id = s.post_id and d.scheduled_post_id = s.id and d.state <> 'canceled'
		union all
		select '00000000-0000-0000-0000-000000000000 ' || t.account_id || ' ' || a.network || ' ' || q.approval, a.network, t.account_id
		from post_targets t join social_accounts a on a.id = t.account_id join posts q on q.id = t.post_id
		where t.post_id = s.post_id and q.approval in ('review', 'changes')
			and not exists (select 1 from deliveries d where d.post_id = s.post_id and d.account_id = t.account_id and d.state <> 'canceled')
	) one`

func (c *Calendar) collect(rows pgx.Rows) error {
	var day, total int
	var e Entry
	var deliveries []string
	_, err := pgx.ForEachRow(rows, []any{&day, &total, &e.ID, &e.PostID, &e.DueAt, &e.Zone, &e.Excerpt, &e.CoverID, &e.Comments, &deliveries}, func() error {
		one := e
		var err error
		if one.Deliveries, err = parseEntryDeliveries(deliveries); err != nil {
			return err
		}
		d := &c.Days[day-1]
		if d.Total == 0 {
			d.Total = total
			c.Total += total
		}
		d.Entries = append(d.Entries, one)
		return nil
	})
	return err
}

func parseEntryDeliveries(texts []string) ([]EntryDelivery, error) {
	list := make([]EntryDelivery, 0, len(texts))
	for _, t := range texts {
		f := strings.Split(t, " ")
		if len(f) != 4 {
			return nil, fmt.Errorf("delivery reads %q", t)
		}
		id, err1 := uuid.Parse(f[0])
		account, err2 := uuid.Parse(f[1])
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("delivery reads %q", t)
		}
		list = append(list, EntryDelivery{ID: id, AccountID: account, Network: f[2], State: State(f[3])})
	}
	return list, nil
}

// where is the filter as conditions on scheduled_posts s, with its parameters
// after those that are there already.
func (f Filter) where(args []any) (string, []any) {
	var b strings.Builder
	add := func(v any) int {
		args = append(args, v)
		return len(args)
	}
	if len(f.Accounts) > 0 || len(f.States) > 0 {
		sent := ` exists (select 1 from deliveries d where d.post_id = s.post_id and d.scheduled_post_id = s.id`
		wanted := ` s.proposed and exists (select 1 from posts q join post_targets t on t.post_id = q.id where q.id = s.post_id`
		if len(f.Accounts) > 0 {
			n := add(f.Accounts)
			sent += fmt.Sprintf(` and d.account_id = any($%d)`, n)
			wanted += fmt.Sprintf(` and t.account_id = any($%d)`, n)
		}
		if len(f.States) > 0 {
			states := make([]string, len(f.States))
			for i, s := range f.States {
				states[i] = string(s)
			}
			n := add(states)
			sent += fmt.Sprintf(` and d.state = any($%d)`, n)
			wanted += fmt.Sprintf(` and q.approval = any($%d)`, n)
		}
		b.WriteString(` and (` + sent + `) or` + wanted + `))`)
	}
	if f.Search != "" {
		fmt.Fprintf(&b, ` and exists (select 1 from posts q where q.id = s.post_id and q.content::text ilike $%d)`, add("%"+likeEscape(f.Search)+"%"))
	}
	return b.String(), args
}

func likeEscape(v string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(v)
}

// List returns entries in the order of their time, limit at a time. cursor is
// a page's Next, or "" for the first; back lists the past, the newest first.
func (w *Workspace) List(ctx context.Context, f Filter, back bool, cursor string, limit int) (*Page, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	limit = min(max(limit, 1), 200)
	at, id := w.store.now(), uuid.Nil
	if back {
		id = uuid.Max
	}
	if cursor != "" {
		var err error
		if at, id, err = parseCursor(cursor); err != nil {
			return nil, err
		}
	}
	compare, order := ">", "asc"
	if back {
		compare, order = "<", "desc"
	}
	page := &Page{}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		where, args := f.where([]any{at, id, limit + 1})
		rows, err := tx.Query(ctx, `select s.id, s.post_id, s.due_at, s.zone, p.excerpt, p.cover_id, p.comments, (`+entryDeliveries+`)
			from (select * from scheduled_posts s where (s.due_at, s.id) `+compare+` ($1, $2) `+where+`
				order by s.due_at `+order+`, s.id `+order+` limit $3) s
			join posts p on p.id = s.post_id order by s.due_at `+order+`, s.id `+order, args...)
		if err != nil {
			return err
		}
		page.Entries, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (e Entry, err error) {
			var deliveries []string
			if err = r.Scan(&e.ID, &e.PostID, &e.DueAt, &e.Zone, &e.Excerpt, &e.CoverID, &e.Comments, &deliveries); err == nil {
				e.Deliveries, err = parseEntryDeliveries(deliveries)
			}
			return e, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list posts: %w", err)
	}
	if len(page.Entries) > limit {
		page.Entries = page.Entries[:limit]
		last := page.Entries[limit-1]
		page.Next = cursorOf(last.DueAt, last.ID)
	}
	return page, nil
}

func cursorOf(at time.Time, id uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString([]byte(at.UTC().Format(time.RFC3339Nano) + " " + id.String()))
}

func parseCursor(c string) (time.Time, uuid.UUID, error) {
	bad := invalid("cursor", "This page of the list is not there any more. Start again from the first.")
	raw, err := base64.RawURLEncoding.DecodeString(c)
	if err != nil {
		return time.Time{}, uuid.Nil, bad
	}
	at, id, ok := strings.Cut(string(raw), " ")
	t, err1 := time.Parse(time.RFC3339Nano, at)
	u, err2 := uuid.Parse(id)
	if !ok || err1 != nil || err2 != nil {
		return time.Time{}, uuid.Nil, bad
	}
	return t, u, nil
}

// Drafts lists posts that nothing is scheduled of, the last changed first.
func (w *Workspace) Drafts(ctx context.Context, limit int) ([]DraftPost, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	var list []DraftPost
	err := w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select p.id, p.excerpt, p.cover_id, p.updated_at,
				coalesce((select array_agg(t.account_id order by t.account_id) from post_targets t where t.post_id = p.id), '{}'),
				p.approval, p.comments from posts p where p.draft and p.approval <> 'review' order by p.updated_at desc, p.id limit $1`, min(max(limit, 1), 500))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[DraftPost])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list drafts: %w", err)
	}
	return list, nil
}

// DraftPost is a draft as lists show it.
type DraftPost struct {
	ID        uuid.UUID
	Excerpt   string
	CoverID   *uuid.UUID
	UpdatedAt time.Time
	Accounts  []uuid.UUID
	Approval  Approval
	Comments  int
}
