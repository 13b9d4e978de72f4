package models

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/networks"
)

// PostPage reads all that a post's page shows.
func (w *Workspace) PostPage(ctx context.Context, id uuid.UUID) (*PostPage, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	page := &PostPage{Accounts: map[uuid.UUID]Account{}}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		post, err := readPost(ctx, tx, id)
		if err != nil {
			return err
		}
		page.Post = *post
		page.Author = post.author
		if err := w.readOccurrences(ctx, tx, page); err != nil {
			return err
		}
		accounts, err := w.store.accounts(ctx, tx, `where a.id in (select account_id from post_targets where post_id = $1
			union select account_id from deliveries where post_id = $1)`, id)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			page.Accounts[a.ID] = a
		}
		c := Composition{Content: post.Content, Targets: post.Targets}
		if page.Media, err = readMedia(ctx, tx, c.mediaIDs()); err != nil {
			return err
		}
		page.Discussion, err = w.discussion(ctx, tx, post)
		return err
	})
	if err != nil {
		return nil, saveError("read post", err)
	}
	for i := range page.Occurrences {
		for j := range page.Occurrences[i].Deliveries {
			d := &page.Occurrences[i].Deliveries[j]
			d.Acts = w.actsOn(&d.Delivery, page.Accounts[d.AccountID])
		}
	}
	return page, nil
}

// actsOn lists what the member may do with the delivery now.
func (w *Workspace) actsOn(d *Delivery, a Account) []Act {
	if !w.May(PublishPosts) {
		return nil
	}
	acts := d.Acts()
	if n, err := w.store.networks.Get(a.Network, a.Sandbox); err != nil || n.Settling(a.network(networks.Token{})).Method == networks.SettleByPerson {
		acts = slices.DeleteFunc(acts, func(act Act) bool { return act == ActLookAgain })
	}
	return acts
}

func (w *Workspace) readOccurrences(ctx context.Context, tx pgx.Tx, page *PostPage) error {
	rows, err := tx.Query(ctx, `select id, local_date, to_char(local_time, 'HH24:MI'), zone, due_at, proposed from scheduled_posts
		where post_id = $1 order by due_at, id`, page.Post.ID)
	if err != nil {
		return err
	}
	page.Occurrences, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (o Occurrence, err error) {
		var date time.Time
		err = r.Scan(&o.ID, &date, &o.Wall.Time, &o.Wall.Zone, &o.DueAt, &o.Proposed)
		o.Wall.Date = date.Format("2006-01-02")
		return o, err
	})
	if err != nil {
		return err
	}
	byID := map[uuid.UUID]*Occurrence{}
	for i := range page.Occurrences {
		byID[page.Occurrences[i].ID] = &page.Occurrences[i]
	}
	rows, err = tx.Query(ctx, `
		select d.id, d.scheduled_post_id, d.post_id, d.account_id, d.network, d.state, d.due_at, d.next_at, d.tries, d.reason,
			d.message, d.remote_url, d.published_at, `+unresolved+`,
			coalesce((select jsonb_agg(jsonb_build_object('Step', t.step, 'Action', t.action, 'State', t.state, 'Code', t.code,
				'Message', t.message, 'StartedAt', t.started_at, 'EndedAt', t.ended_at) order by t.started_at, t.fence, t.action)
				from attempts t where t.delivery_id = d.id), '[]'),
			coalesce((select jsonb_agg(jsonb_build_object('step', s.step, 'url', s.result->>'url'))
				from delivery_steps s where s.delivery_id = d.id and s.done and s.step like 'create:%'), '[]')
		from deliveries d where d.post_id = $1 order by d.network, d.account_id, d.id`, page.Post.ID)
	if err != nil {
		return err
	}
	var d DeliveryDetail
	var attempts, parts []byte
	_, err = pgx.ForEachRow(rows, []any{&d.ID, &d.ScheduledPostID, &d.PostID, &d.AccountID, &d.Network, &d.State, &d.DueAt, &d.NextAt,
		&d.Tries, &d.Reason, &d.Message, &d.RemoteURL, &d.PublishedAt, &d.Unresolved, &attempts, &parts}, func() error {
		one := d
		var err error
		if one.Attempts, err = decodeAttempts(attempts); err != nil {
			return err
		}
		if one.Parts, err = decodeParts(parts); err != nil {
			return err
		}
		if o := byID[d.ScheduledPostID]; o != nil {
			o.Deliveries = append(o.Deliveries, one)
		}
		return nil
	})
	return err
}

func decodeAttempts(raw []byte) ([]Attempt, error) {
	var list []Attempt
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode attempts: %w", err)
	}
	return list, nil
}

func decodeParts(raw []byte) ([]PartResult, error) {
	var list []struct{ Step, URL string }
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode parts: %w", err)
	}
	parts := make([]PartResult, 0, len(list))
	for _, p := range list {
		i, err := strconv.Atoi(strings.TrimPrefix(p.Step, "create:"))
		if err != nil {
			return nil, fmt.Errorf("step is called %q", p.Step)
		}
		parts = append(parts, PartResult{Index: i, URL: p.URL})
	}
	slices.SortFunc(parts, func(a, b PartResult) int { return a.Index - b.Index })
	return parts, nil
}

// Words tells an attempt to somebody who does not know what an attempt is.
func (a Attempt) Words(network string) string {
	part := ""
	if i, ok := strings.CutPrefix(a.Step, "create:"); ok && i != "0" {
		if n, err := strconv.Atoi(i); err == nil {
			part = fmt.Sprintf(" part %d", n+1)
		}
	}
	switch a.Action {
	case "look":
		return a.lookWords(network, part)
	case "upload":
		return a.uploadWords(network)
	case "decide":
		return a.Message
	}
	switch a.State {
	case "started":
		if a.EndedAt == nil {
			return "Sending" + part + " to " + network + "."
		}
		return "Sent" + part + "; AllIN was interrupted before the answer came."
	case "ok":
		return "Sent" + part + "; " + network + " confirmed it."
	case "reconciled":
		return "Sent" + part + ", no answer; it was found on " + network + " later."
	case "absent":
		return "Sent" + part + ", no answer; it did not arrive."
	case "ambiguous":
		return "Sent" + part + ", no clear answer. " + a.Message
	case "rejected":
		return network + " refused" + orIt(part) + ": " + a.Message
	case "limited":
		return network + " asked AllIN to wait: " + a.Message
	case "reauthorize":
		return network + " did not accept the account's permission: " + a.Message
	}
	return "Could not send" + orIt(part) + ": " + a.Message
}

func orIt(part string) string {
	if part == "" {
		return " it"
	}
	return part
}

func (a Attempt) lookWords(network, part string) string {
	switch a.State {
	case "reconciled":
		return "Looked on " + network + " and found" + orIt(part) + "."
	case "absent":
		return "Looked on " + network + ": not there, so" + orIt(part) + " is sent again."
	case "started":
		return "Looking on " + network + " whether" + orIt(part) + " is there."
	}
	return "Could not look on " + network + ": " + a.Message
}

func (a Attempt) uploadWords(network string) string {
	switch a.State {
	case "ok":
		return "Uploaded media to " + network + "."
	case "started":
		return "Uploading media to " + network + "."
	}
	return "Could not upload media to " + network + ": " + a.Message
}

// Notifications lists the member's newest messages and how many are unread.
func (w *Workspace) Notifications(ctx context.Context, limit int) ([]Notification, int, error) {
	if err := w.Role.demand(ReadNotification); err != nil {
		return nil, 0, err
	}
	var list []Notification
	unread := 0
	err := w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select id, kind, post_id, account_id, title, body, created_at, read_at from notifications
			order by created_at desc, id limit $1`, min(max(limit, 1), 200))
		if err != nil {
			return err
		}
		if list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Notification]); err != nil {
			return err
		}
		return tx.QueryRow(ctx, unreadCount).Scan(&unread)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list notifications: %w", err)
	}
	return list, unread, nil
}

// unreadCount counts the member's unread messages, up to a hundred.
const unreadCount = `select count(*) from (select 1 from notifications where read_at is null limit 100) u`

// ReadNotifications marks all of the member's messages as read.
func (w *Workspace) ReadNotifications(ctx context.Context) error {
	if err := w.Role.demand(ReadNotification); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update notifications set read_at = now() where read_at is null`)
		return err
	})
	if err != nil {
		return fmt.Errorf("read notifications: %w", err)
	}
	w.changed(topicNotifications, uuid.Nil)
	return nil
}

// Frame is what every page of a workspace shows around its content.
type Frame struct {
	Organizations []Membership
	Unread        int // 100: that many or more
	Hold          *Hold
}

// Frame reads it.
func (w *Workspace) Frame(ctx context.Context) (*Frame, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	f := &Frame{}
	b := &pgx.Batch{}
	b.Queue(unreadCount).QueryRow(func(row pgx.Row) error { return row.Scan(&f.Unread) })
	b.Queue(selectHold).Query(func(rows pgx.Rows) (err error) {
		f.Hold, err = collectHold(rows)
		return err
	})
	err := w.store.db.Send(ctx, w.scope(), b)
	if err == nil {
		f.Organizations, err = (&Person{store: w.store, User: w.Member}).Memberships(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("read frame: %w", err)
	}
	return f, nil
}
