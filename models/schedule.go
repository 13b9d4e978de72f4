package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
)

// When is when a post goes out: at once, or when a clock shows a time.
type When struct {
	Now bool
	At  Wall
}

// farthest is how far ahead a post may be scheduled.
const farthest = 5 * 366 * 24 * time.Hour

// instant is the moment of w and the clock that people see beside it.
func (w *Workspace) instant(at When) (time.Time, Wall, error) {
	now := w.store.now()
	if at.Now {
		wall, err := WallOf(now, w.Zone())
		return now, wall, err
	}
	due, err := at.At.Instant()
	if err != nil {
		return due, at.At, err
	}
	if due.Before(now.Add(-time.Minute)) {
		return due, at.At, &Error{Code: Invalid, Message: "This time is past. Choose a later one, or publish now.",
			Fields: map[string]string{"time": "This time is past. Choose a later one, or publish now."}}
	}
	if due.After(now.Add(farthest)) {
		return due, at.At, invalid("date", "Choose a date within the next five years.")
	}
	return due, at.At, nil
}

// Schedule keeps the composition, as a new post or (when id is given) as that
// post's new content, and lets it go out at that time on all its accounts. A
// post that waits for another time already is moved. The composition must
// keep to the rules of every account.
func (w *Workspace) Schedule(ctx context.Context, id *uuid.UUID, c Composition, at When) (uuid.UUID, error) {
	if err := w.Role.demand(PublishPosts); err != nil {
		return uuid.Nil, err
	}
	if err := c.tidy(); err != nil {
		return uuid.Nil, err
	}
	due, wall, whenErr := w.instant(at)
	c.wall = &wall
	var post uuid.UUID
	err := w.tx(ctx, func(tx *tenant.Tx) error {
		review, err := w.review(ctx, tx.PGX, c)
		if err != nil {
			return err
		}
		if err := mergeInvalid(review.refusal(), whenErr); err != nil {
			return err
		}
		if id == nil {
			post, err = w.scheduleNew(ctx, tx, c, due, wall)
			return err
		}
		post = *id
		if _, err := w.changePost(ctx, tx, post, c, toSchedule); err != nil {
			return err
		}
		return w.occur(ctx, tx.PGX, post, due, wall)
	})
	if err != nil {
		return uuid.Nil, saveError("schedule post", err)
	}
	w.changed(topicPosts, post)
	if due.Before(w.store.now().Add(clockLooksAhead)) {
		w.store.wakeClock()
	}
	return post, nil
}

// scheduleNew makes the post and lets it go out at due, if nobody else has to
// approve it.
func (w *Workspace) scheduleNew(ctx context.Context, tx *tenant.Tx, c Composition, due time.Time, wall Wall) (uuid.UUID, error) {
	st, err := w.standing(ctx, tx.PGX, &w.Member.ID, c.accounts())
	if err != nil {
		return uuid.Nil, err
	}
	approval := NotAsked
	if st.Needed {
		approval = Approved
		if !st.mayApprove() {
			return uuid.Nil, errMustAsk
		}
	}
	post, err := w.insertPost(ctx, tx, c, false, approval)
	if err != nil {
		return uuid.Nil, err
	}
	if err := w.firstOccurrence(ctx, tx.PGX, post, due, wall); err != nil {
		return uuid.Nil, err
	}
	if approval == Approved {
		return post, w.decided(ctx, tx.PGX, post, VerdictApproved, "")
	}
	return post, nil
}

// clockLooksAhead is longer than the clock's tick and what it looks ahead: what
// is due later is seen in time without a call.
const clockLooksAhead = 5 * time.Second

// mergeInvalid makes one error of several, so that a form shows all at once.
func mergeInvalid(errs ...error) error {
	if errors.Join(errs...) == nil {
		return nil
	}
	all := &Error{Code: Invalid, Fields: map[string]string{}}
	for _, err := range errs {
		if err == nil {
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Code != Invalid {
			return err
		}
		if all.Message == "" {
			all.Message = e.Message
		}
		for k, v := range e.Fields {
			all.Fields[k] = v
		}
	}
	return all
}

// occur lets the post go out at due. What of it has not gone out yet moves
// there; what is out stays where it was; a post of which nothing is left to
// send is not sent again.
func (w *Workspace) occur(ctx context.Context, tx pgx.Tx, post uuid.UUID, due time.Time, wall Wall) error {
	var occurrence *uuid.UUID // one of which nothing is out
	var open, out int
	var proposed bool
	err := tx.QueryRow(ctx, `
		with each as (
			select d.scheduled_post_id as id, count(*) filter (where d.state in ('scheduled', 'waiting', 'missed', 'failed')) as open,
				count(*) filter (where d.state not in ('scheduled', 'waiting', 'missed', 'failed', 'canceled')) as out
			from deliveries d where d.post_id = $1 group by 1
		)
		select (select id from each where open > 0 and out = 0 limit 1), coalesce(sum(open), 0), coalesce(sum(out), 0),
			exists (select 1 from scheduled_posts where post_id = $1 and proposed) from each`, post).
		Scan(&occurrence, &open, &out, &proposed)
	if err != nil {
		return err
	}
	if open == 0 && out > 0 && !proposed {
		return conflict("This post is out already. Duplicate it to send it again.")
	}
	if occurrence == nil {
		if occurrence, err = takeProposed(ctx, tx, post); err != nil {
			return err
		}
	}
	if occurrence == nil {
		id, err := w.insertOccurrence(ctx, tx, post, due, wall)
		if err != nil {
			return err
		}
		occurrence = &id
		if _, err := tx.Exec(ctx, `update deliveries set scheduled_post_id = $2
			where post_id = $1 and state in ('scheduled', 'waiting', 'missed', 'failed')`, post, id); err != nil {
			return err
		}
	}
	if err := moveOccurrence(ctx, tx, *occurrence, due, wall); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `update posts set draft = false where id = $1 and draft`, post); err != nil {
		return err
	}
	return addDeliveries(ctx, tx, post, *occurrence)
}

// takeProposed ends the proposal of the post's wanted time. It returns the
// occurrence that stood for it, if it is free to be moved.
func takeProposed(ctx context.Context, tx pgx.Tx, post uuid.UUID) (*uuid.UUID, error) {
	var id uuid.UUID
	var used bool
	err := tx.QueryRow(ctx, `update scheduled_posts s set proposed = false where s.post_id = $1 and s.proposed
		returning s.id, exists (select 1 from deliveries d where d.post_id = s.post_id and d.scheduled_post_id = s.id and d.state <> 'canceled')`, post).
		Scan(&id, &used)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && used {
		return nil, nil
	}
	return &id, err
}

// firstOccurrence lets a post that was just made go out at due, in one statement.
func (w *Workspace) firstOccurrence(ctx context.Context, tx pgx.Tx, post uuid.UUID, due time.Time, wall Wall) error {
	_, err := tx.Exec(ctx, `with s as (
			insert into scheduled_posts (id, post_id, local_date, local_time, zone, due_at, created_by)
			values ($1, $2, $3, $4, $5, $6, $7) returning id, post_id, due_at
		)`+insertDeliveries+`
		from s join post_targets t on t.post_id = s.post_id join social_accounts a on a.id = t.account_id`,
		newID(), post, wall.Date, wall.Time, wall.Zone, due, w.Member.ID)
	return err
}

func (w *Workspace) insertOccurrence(ctx context.Context, tx pgx.Tx, post uuid.UUID, due time.Time, wall Wall) (uuid.UUID, error) {
	id := newID()
	_, err := tx.Exec(ctx, `insert into scheduled_posts (id, post_id, local_date, local_time, zone, due_at, created_by)
		values ($1, $2, $3, $4, $5, $6, $7)`, id, post, wall.Date, wall.Time, wall.Zone, due, w.Member.ID)
	return id, err
}

func moveOccurrence(ctx context.Context, tx pgx.Tx, id uuid.UUID, due time.Time, wall Wall) error {
	if _, err := tx.Exec(ctx, `update scheduled_posts set local_date = $2, local_time = $3, zone = $4, due_at = $5, updated_at = now()
		where id = $1`, id, wall.Date, wall.Time, wall.Zone, due); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		update deliveries d set due_at = $2, fresh_at = $2, enqueued_at = null, gated = false, updated_at = now(),
			tries = 0, draft = case when d.state = 'failed' then null else d.draft end,
			state = case when a.state = 'connected' then 'scheduled' else 'waiting' end,
			next_at = case when a.state = 'connected' then $2::timestamptz end,
			reason = case when a.state = 'connected' then '' else 'reconnect' end,
			message = case when a.state = 'connected' then '' else 'The account is not connected. Connect it again and this goes on.' end
		from social_accounts a, scheduled_posts s
		where a.id = d.account_id and s.id = $1 and d.post_id = s.post_id and d.scheduled_post_id = s.id and d.state in ('scheduled', 'waiting', 'missed', 'failed')`, id, due)
	return err
}

// MovePost moves an occurrence that has not begun to another time.
func (w *Workspace) MovePost(ctx context.Context, occurrence uuid.UUID, at When) error {
	if err := w.Role.demand(PublishPosts); err != nil {
		return err
	}
	due, wall, whenErr := w.instant(at)
	var post uuid.UUID
	err := w.rows(ctx, func(tx pgx.Tx) error {
		var err error
		if post, err = occurrencePost(ctx, tx, occurrence); err != nil {
			return err
		}
		if whenErr != nil {
			return whenErr
		}
		if moved, err := w.moveProposed(ctx, tx, post, occurrence, due, wall); moved || err != nil {
			return err
		}
		deliveries, err := lockDeliveries(ctx, tx, `post_id = $1 and scheduled_post_id = $2`, post, occurrence)
		if err != nil {
			return err
		}
		if err := movable(deliveries); err != nil {
			return err
		}
		return moveOccurrence(ctx, tx, occurrence, due, wall)
	})
	if err != nil {
		return saveError("move post", err)
	}
	w.changed(topicPosts, post)
	w.store.wakeClock()
	return nil
}

// moveProposed moves a wanted time, if the occurrence is one: whoever approves
// the post sees it as it is now. The post's row is locked first, as by whoever approves.
func (w *Workspace) moveProposed(ctx context.Context, tx pgx.Tx, id, occurrence uuid.UUID, due time.Time, wall Wall) (bool, error) {
	if _, err := w.lockPost(ctx, tx, id); err != nil {
		return false, err
	}
	tag, err := tx.Exec(ctx, `update scheduled_posts set local_date = $3, local_time = $4, zone = $5, due_at = $6, updated_at = now()
		where id = $1 and post_id = $2 and proposed`, occurrence, id, wall.Date, wall.Time, wall.Zone, due)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	post, err := readPost(ctx, tx, id)
	if err != nil {
		return true, err
	}
	if _, err := tx.Exec(ctx, `update posts p set version = version + 1, updated_at = now(),
		reminded = (select `+reachedStage+` from scheduled_posts s where s.post_id = p.id and s.proposed) where p.id = $1`, id); err != nil {
		return true, err
	}
	return true, w.keepVersion(ctx, tx, id, post.Version+1, Composition{Content: post.Content, Targets: post.Targets, wall: &wall})
}

func movable(deliveries []lockedDelivery) error {
	open := false
	for _, d := range deliveries {
		switch d.State {
		case Scheduled, Missed, Failed:
			open = true
		case Waiting:
			open = open || !d.Unresolved
		case Canceled:
		case Published:
			return conflict("This post is out already on at least one account, so it cannot be moved. Duplicate it to send it again.")
		default:
			return conflict("This post is being published right now, so it cannot be moved.")
		}
		if d.PartsOut > 0 {
			return conflict("A part of this thread is out already, so it cannot be moved.")
		}
	}
	if !open {
		return conflict("This post has been canceled, so it cannot be moved. Duplicate it to send it after all.")
	}
	return nil
}

func occurrencePost(ctx context.Context, tx pgx.Tx, id uuid.UUID) (uuid.UUID, error) {
	var post uuid.UUID
	err := tx.QueryRow(ctx, `select post_id from scheduled_posts where id = $1`, id).Scan(&post)
	if errors.Is(err, pgx.ErrNoRows) {
		return post, notFound("scheduled post")
	}
	return post, err
}

// CancelPost takes back what of an occurrence has not gone out.
func (w *Workspace) CancelPost(ctx context.Context, occurrence uuid.UUID) error {
	if err := w.Role.demand(PublishPosts); err != nil {
		return err
	}
	var post uuid.UUID
	err := w.rows(ctx, func(tx pgx.Tx) error {
		var err error
		if post, err = occurrencePost(ctx, tx, occurrence); err != nil {
			return err
		}
		deliveries, err := lockDeliveries(ctx, tx, `post_id = $1 and scheduled_post_id = $2`, post, occurrence)
		if err != nil {
			return err
		}
		n := 0
		for _, d := range deliveries {
			if d.cancelable() {
				n++
				if err := d.cancel(ctx, tx); err != nil {
					return err
				}
			}
		}
		if n == 0 {
			return conflict("There is nothing left to cancel: it is out, or on its way.")
		}
		return w.audit(ctx, tx, "post.canceled", "post "+post.String(), map[string]any{"deliveries": n})
	})
	if err != nil {
		return saveError("cancel post", err)
	}
	w.changed(topicPosts, post)
	return nil
}

// Review says what every chosen account makes of the composition. It changes nothing.
func (w *Workspace) Review(ctx context.Context, c Composition) (Review, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return Review{}, err
	}
	if err := c.tidy(); err != nil {
		return Review{}, err
	}
	var r Review
	err := w.rows(ctx, func(tx pgx.Tx) (err error) {
		r, err = w.review(ctx, tx, c)
		return err
	})
	if err != nil {
		return Review{}, saveError("review post", err)
	}
	return r, nil
}

func (w *Workspace) review(ctx context.Context, tx pgx.Tx, c Composition) (Review, error) {
	var r Review
	ids := make([]uuid.UUID, len(c.Targets))
	for i, t := range c.Targets {
		ids[i] = t.AccountID
	}
	accounts, err := w.store.accounts(ctx, tx, `where a.id = any($1)`, ids)
	if err != nil {
		return r, err
	}
	if len(accounts) < len(ids) {
		return r, &Error{Code: NotFound, Message: "One of the chosen accounts is not there any more. Choose again."}
	}
	media, err := readMedia(ctx, tx, c.mediaIDs())
	if err != nil {
		return r, err
	}
	if len(media) < len(c.mediaIDs()) {
		return r, &Error{Code: NotFound, Message: "One of the files is not there any more. Take it out and add it again."}
	}
	if len(ids) == 0 {
		r.Problems = append(r.Problems, "Choose at least one account.")
	}
	post := Post{Content: c.Content, Targets: c.Targets}
	byID := map[uuid.UUID]Account{}
	for _, a := range accounts {
		byID[a.ID] = a
	}
	for _, t := range c.Targets {
		one, err := w.store.reviewAccount(byID[t.AccountID], post.ContentFor(t.AccountID), t.Options, media)
		if err != nil {
			return r, err
		}
		one.Own = t.Content != nil
		r.Accounts = append(r.Accounts, one)
	}
	return r, nil
}

func (s *Store) reviewAccount(a Account, content Content, options networks.Options, media map[uuid.UUID]Media) (AccountReview, error) {
	n, err := s.networks.Get(a.Network, a.Sandbox)
	if err != nil {
		return AccountReview{}, &Error{Code: Upstream, Message: networks.AsError(err).Message, Err: err}
	}
	info := n.Info()
	rules := n.Rules(a.network(networks.Token{}))
	draft := content.draft(options, media)
	review := AccountReview{Account: a, Rules: rules, Look: info.Look, Content: content, Options: options, Max: rules.Text.Max, Media: media,
		Problems: rules.Check(info.Name, draft)}
	for _, p := range draft.Parts {
		review.Counts = append(review.Counts, rules.Count(p, options))
	}
	if a.State != Connected {
		review.Problems = append(review.Problems, networks.Problem{Part: 0, Field: "account", Media: -1, Code: "disconnected",
			Message: fmt.Sprintf("%s @%s is not connected. Connect it again first.", info.Name, a.Handle)})
	}
	return review, nil
}

// refusal is the review as an error, or nil when all is well.
func (r Review) refusal() error {
	if r.OK() {
		return nil
	}
	fields := map[string]string{}
	var first string
	note := func(field, message string) {
		if first == "" {
			first = message
		}
		if old, ok := fields[field]; ok {
			message = old + " " + message
		}
		fields[field] = message
	}
	for _, p := range r.Problems {
		note("accounts", p)
	}
	for _, a := range r.Accounts {
		for _, p := range a.Problems {
			note("account-"+a.Account.ID.String(), p.Message)
		}
	}
	message := first
	if more := len(fields) - 1; more > 0 {
		message = strings.TrimSuffix(first, ".") + fmt.Sprintf(", and %s.", plural(more, "other problem"))
	}
	return &Error{Code: Invalid, Message: message, Fields: fields}
}
