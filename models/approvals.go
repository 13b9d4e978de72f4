package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// selectStanding reads the rules that hold for a post: $1 are its accounts, $2
// is its author, or $3 the post itself.
const selectStanding = `
	coalesce((select p.author_id from posts p where p.id = $3), $2),
	coalesce(r.posts, 'nobody'), coalesce(r.roles, '{OWNER,ADMIN,EDITOR}'), coalesce(r.people, '{}'), coalesce(r.guest_decides, true),
	coalesce((select array_agg(a.approval) from social_accounts a where a.id = any($1)), '{}'),
	coalesce((select m.role from memberships m where m.user_id = coalesce((select p.author_id from posts p where p.id = $3), $2)), ''),
	coalesce((select array_agg(m.user_id order by m.user_id) from memberships m where m.role in ('OWNER', 'ADMIN', 'EDITOR')), '{}'),
	coalesce((select array_agg(m.role order by m.user_id) from memberships m where m.role in ('OWNER', 'ADMIN', 'EDITOR')), '{}')
	from (values (1)) one left join approval_rules r on true`

// standingRow scans selectStanding.
type standingRow struct {
	author     *uuid.UUID
	rules      ApprovalRules
	accounts   []AccountRule
	authorRole Role
	ids        []uuid.UUID
	roles      []Role
}

func (r *standingRow) into() []any {
	return []any{&r.author, &r.rules.Posts, &r.rules.Roles, &r.rules.People, &r.rules.GuestDecides, &r.accounts, &r.authorRole, &r.ids, &r.roles}
}

func (r *standingRow) standing(w *Workspace) standing {
	members := make([]colleague, len(r.ids))
	for i := range r.ids {
		members[i] = colleague{ID: r.ids[i], Role: r.roles[i]}
	}
	own := r.author != nil && *r.author == w.Member.ID
	if own {
		r.authorRole = w.Role
	}
	// What somebody wrote who has left is judged by who sends it.
	direct := w.May(PublishPosts) && (r.authorRole == "" || r.authorRole.May(PublishPosts))
	return standing{Rules: r.rules, Needed: r.rules.needs(direct, r.accounts), Approvers: r.rules.approvers(members), Own: own, me: w.Member.ID}
}

// standing reads what the rules say of a post by author on the accounts.
func (w *Workspace) standing(ctx context.Context, tx pgx.Tx, author *uuid.UUID, accounts []uuid.UUID) (standing, error) {
	var r standingRow
	err := tx.QueryRow(ctx, `select `+selectStanding, accounts, author, nil).Scan(r.into()...)
	return r.standing(w), err
}

func (c *Composition) accounts() []uuid.UUID {
	ids := make([]uuid.UUID, len(c.Targets))
	for i, t := range c.Targets {
		ids[i] = t.AccountID
	}
	return ids
}

// MustAsk reports whether the member has to ask for approval before such a
// post goes out. id names the post that is edited; nil: a new one.
func (w *Workspace) MustAsk(ctx context.Context, id *uuid.UUID, accounts []uuid.UUID) (bool, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return false, err
	}
	author := &w.Member.ID
	if id != nil {
		author = nil
	}
	var st standing
	err := w.rows(ctx, func(tx pgx.Tx) error {
		var r standingRow
		err := tx.QueryRow(ctx, `select `+selectStanding, accounts, author, id).Scan(r.into()...)
		st = r.standing(w)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("read who approves: %w", err)
	}
	return !w.May(PublishPosts) || st.Needed && !st.mayApprove(), nil
}

// AskApproval keeps the composition, as a new post or as that post's new
// content, and proposes that it goes out at that time. Nothing of it does
// before somebody has said yes.
func (w *Workspace) AskApproval(ctx context.Context, id *uuid.UUID, c Composition, at When, words string) (uuid.UUID, error) {
	if err := w.Role.demand(WriteDrafts); err != nil {
		return uuid.Nil, err
	}
	if err := c.tidy(); err != nil {
		return uuid.Nil, err
	}
	words, err := validWords("words", words, false)
	if err != nil {
		return uuid.Nil, err
	}
	due, wall, whenErr := w.instant(at)
	if at.Now {
		whenErr = invalid("time", "Choose a time at which it is to go out once it is approved.")
	}
	c.wall = &wall
	var post uuid.UUID
	err = w.tx(ctx, func(tx *tenant.Tx) error {
		review, err := w.review(ctx, tx.PGX, c)
		if err != nil {
			return err
		}
		if err := mergeInvalid(review.refusal(), whenErr); err != nil {
			return err
		}
		before := lockedPost{Approval: NotAsked, Draft: true, Author: &w.Member.ID, Version: 1}
		if id == nil {
			if post, err = w.insertPost(ctx, tx, c, true, NotAsked); err != nil {
				return err
			}
		} else {
			post = *id
			if before, err = w.changePost(ctx, tx, post, c, toReview); err != nil {
				return err
			}
		}
		if err := w.propose(ctx, tx.PGX, post, due, wall); err != nil {
			return err
		}
		return w.ask(ctx, tx.PGX, post, before, c, VerdictAsked, words)
	})
	if err != nil {
		return uuid.Nil, saveError("ask for approval", err)
	}
	w.changed(topicPosts, post)
	w.toldPeople()
	return post, nil
}

// propose gives the post one wanted time, at which nothing goes out.
func (w *Workspace) propose(ctx context.Context, tx pgx.Tx, post uuid.UUID, due time.Time, wall Wall) error {
	occurrence, err := takeProposed(ctx, tx, post)
	if err != nil {
		return err
	}
	if occurrence == nil {
		id, err := w.insertOccurrence(ctx, tx, post, due, wall)
		if err != nil {
			return err
		}
		occurrence = &id
	}
	_, err = tx.Exec(ctx, `update scheduled_posts set proposed = true, local_date = $3, local_time = $4, zone = $5, due_at = $6, updated_at = now()
		where id = $1 and post_id = $2`, occurrence, post, wall.Date, wall.Time, wall.Zone, due)
	return err
}

// reachedStage is how far the reminders are at a wanted time s.due_at: what
// has passed when somebody asks is not reminded of.
const reachedStage = `case when s.due_at <= now() then 3 when s.due_at <= now() + interval '2 hours' then 2
	when s.due_at <= now() + interval '24 hours' then 1 else 0 end`

// ask puts the post, whose row is locked, into review and tells those who approve.
func (w *Workspace) ask(ctx context.Context, tx pgx.Tx, post uuid.UUID, before lockedPost, c Composition, v Verdict, words string) error {
	next, err := before.Approval.after(v)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `update posts p set approval = $2, asked_by = $3, asked_at = now(), draft = true,
			reminded = coalesce((select `+reachedStage+` from scheduled_posts s where s.post_id = p.id and s.proposed), 0)
		where p.id = $1`, post, next, w.Member.ID); err != nil {
		return err
	}
	if err := w.decided(ctx, tx, post, v, words); err != nil {
		return err
	}
	st, err := w.standing(ctx, tx, before.Author, c.accounts())
	if err != nil {
		return err
	}
	title := w.Member.Name + " asks for your approval"
	if v == VerdictEdited {
		title = w.Member.Name + " changed an approved post and asks again"
	}
	return w.tellPeople(ctx, tx, st.Approvers, note{kind: noteAsked, post: &post, title: title, body: c.Content.Excerpt()})
}

// decided writes what was decided into the post's own record and the audit log.
func (w *Workspace) decided(ctx context.Context, tx pgx.Tx, post uuid.UUID, v Verdict, words string) error {
	user, guest := &w.Member.ID, ""
	if w.guest != nil {
		user, guest = nil, w.guest.Name
	}
	var version int
	if err := tx.QueryRow(ctx, `insert into decisions (id, post_id, version, act, user_id, guest, words)
		select $1, p.id, p.version, $3, $4, $5, $6 from posts p where p.id = $2 returning version`,
		newID(), post, v, user, guest, words).Scan(&version); err != nil {
		return err
	}
	return w.audit(ctx, tx, "approval."+string(v), "post "+post.String(), map[string]any{"version": version})
}

// Approve lets a post that is in review go out at its wanted time, or at
// another one. version is the one that the approver has seen.
func (w *Workspace) Approve(ctx context.Context, id uuid.UUID, version int, at *When) error {
	if err := w.Role.demand(ApprovePosts); err != nil {
		return err
	}
	var due time.Time
	err := w.rows(ctx, func(tx pgx.Tx) (err error) {
		post, err := w.lockForVerdict(ctx, tx, id, version)
		if err != nil {
			return err
		}
		due, err = w.approve(ctx, tx, id, post, at)
		return err
	})
	if err != nil {
		return saveError("approve post", err)
	}
	w.approved(id, due)
	return nil
}

// approved tells everybody that the post goes out at due.
func (w *Workspace) approved(id uuid.UUID, due time.Time) {
	w.changed(topicPosts, id)
	w.toldPeople()
	if due.Before(w.store.now().Add(clockLooksAhead)) {
		w.store.wakeClock()
	}
}

// lockForVerdict locks the post in the version that somebody has seen.
func (w *Workspace) lockForVerdict(ctx context.Context, tx pgx.Tx, id uuid.UUID, version int) (lockedPost, error) {
	post, err := w.lockPost(ctx, tx, id)
	if err != nil {
		return post, err
	}
	if version != 0 && version != post.Version {
		return post, &Error{Code: Conflict, Message: "This post was changed while you were looking at it. Look at it as it is now, then decide.", Err: ErrNewer}
	}
	return post, nil
}

// approve schedules the post, whose row is locked, and returns for when.
func (w *Workspace) approve(ctx context.Context, tx pgx.Tx, id uuid.UUID, before lockedPost, at *When) (time.Time, error) {
	next, err := before.Approval.after(VerdictApproved)
	if err != nil {
		return time.Time{}, err
	}
	post, err := readPost(ctx, tx, id)
	if err != nil {
		return time.Time{}, err
	}
	c := Composition{Content: post.Content, Targets: post.Targets}
	st, err := w.standing(ctx, tx, before.Author, c.accounts())
	if err != nil {
		return time.Time{}, err
	}
	if err := st.refusal(); err != nil {
		return time.Time{}, err
	}
	review, err := w.review(ctx, tx, c)
	if err != nil {
		return time.Time{}, err
	}
	if err := review.refusal(); err != nil {
		return time.Time{}, err
	}
	due, err := w.accept(ctx, tx, id, at)
	if err != nil {
		return due, err
	}
	if _, err := tx.Exec(ctx, `update posts set approval = $2, draft = false where id = $1`, id, next); err != nil {
		return due, err
	}
	if err := w.decided(ctx, tx, id, VerdictApproved, ""); err != nil {
		return due, err
	}
	return due, w.tellPeople(ctx, tx, before.people(), note{kind: noteApproved, post: &id, title: w.actor() + " approved your post", body: post.Content.Excerpt()})
}

// actor is who decides, as messages name them.
func (w *Workspace) actor() string {
	if w.guest != nil {
		return w.guest.Name
	}
	return w.Member.Name
}

// accept makes the proposed occurrence a real one. A wanted time that has
// passed is not made up for: somebody has to choose another one.
func (w *Workspace) accept(ctx context.Context, tx pgx.Tx, post uuid.UUID, at *When) (time.Time, error) {
	var occurrence uuid.UUID
	var due time.Time
	var out bool
	err := tx.QueryRow(ctx, `select s.id, s.due_at, exists (select 1 from deliveries d where d.post_id = s.post_id and d.scheduled_post_id = s.id and d.state <> 'canceled')
		from scheduled_posts s where s.post_id = $1 and s.proposed for update`, post).Scan(&occurrence, &due, &out)
	if errors.Is(err, pgx.ErrNoRows) && at == nil {
		return due, invalid("time", "No time is chosen for this post. Choose one.")
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return due, err
	}
	if at == nil && due.Before(w.store.now()) {
		return due, errTimePassed
	}
	if at == nil {
		if _, err := tx.Exec(ctx, `update scheduled_posts set proposed = false where id = $1 and post_id = $2`, occurrence, post); err != nil {
			return due, err
		}
		return due, addDeliveries(ctx, tx, post, occurrence)
	}
	due, wall, err := w.instant(*at)
	if err != nil {
		return due, err
	}
	if occurrence == uuid.Nil || out { // what is out keeps the time at which it went
		if _, err := tx.Exec(ctx, `update scheduled_posts set proposed = false where post_id = $1 and proposed`, post); err != nil {
			return due, err
		}
		if occurrence, err = w.insertOccurrence(ctx, tx, post, due, wall); err != nil {
			return due, err
		}
		return due, addDeliveries(ctx, tx, post, occurrence)
	}
	if _, err := tx.Exec(ctx, `update scheduled_posts set proposed = false, local_date = $3, local_time = $4, zone = $5, due_at = $6, updated_at = now()
		where id = $1 and post_id = $2`, occurrence, post, wall.Date, wall.Time, wall.Zone, due); err != nil {
		return due, err
	}
	return due, addDeliveries(ctx, tx, post, occurrence)
}

// errTimePassed asks the approver for another time.
var errTimePassed = &Error{Code: Invalid, Message: "The wanted time has passed. Choose another one.",
	Fields: map[string]string{"time": "The wanted time has passed. Choose another one."}}

// AskChanges gives a post that is in review back to its author, with what is to be changed.
func (w *Workspace) AskChanges(ctx context.Context, id uuid.UUID, version int, words string) error {
	if err := w.Role.demand(ApprovePosts); err != nil {
		return err
	}
	words, err := validWords("words", words, true)
	if err != nil {
		return err
	}
	err = w.rows(ctx, func(tx pgx.Tx) error {
		post, err := w.lockForVerdict(ctx, tx, id, version)
		if err != nil {
			return err
		}
		return w.askChanges(ctx, tx, id, post, words)
	})
	if err != nil {
		return saveError("ask for changes", err)
	}
	w.changed(topicPosts, id)
	w.toldPeople()
	return nil
}

func (w *Workspace) askChanges(ctx context.Context, tx pgx.Tx, id uuid.UUID, before lockedPost, words string) error {
	next, err := before.Approval.after(VerdictChanges)
	if err != nil {
		return err
	}
	st, err := w.standing(ctx, tx, before.Author, nil)
	if err != nil {
		return err
	}
	if !st.approver() {
		return st.refusal()
	}
	if _, err := tx.Exec(ctx, `update posts set approval = $2 where id = $1`, id, next); err != nil {
		return err
	}
	if err := w.decided(ctx, tx, id, VerdictChanges, words); err != nil {
		return err
	}
	return w.tellPeople(ctx, tx, before.people(), note{kind: noteChanges, post: &id, title: w.actor() + " asks for changes", body: words})
}

// WithdrawApproval takes a proposal back: the post is a draft without a time again.
func (w *Workspace) WithdrawApproval(ctx context.Context, id uuid.UUID) error {
	if err := w.Role.demand(WriteDrafts); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		post, err := w.lockPost(ctx, tx, id)
		if err != nil {
			return err
		}
		next, err := post.Approval.after(VerdictWithdrawn)
		if err != nil {
			return err
		}
		if !w.May(PublishPosts) && !slices.Contains(post.people(), w.Member.ID) {
			return &Error{Code: Forbidden, Message: "Somebody else asked for this approval. They, or an editor, can take it back."}
		}
		if _, err := tx.Exec(ctx, `update posts set approval = $2 where id = $1`, id, next); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from scheduled_posts s where s.post_id = $1 and s.proposed
			and not exists (select 1 from deliveries d where d.post_id = s.post_id and d.scheduled_post_id = s.id)`, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update scheduled_posts set proposed = false where post_id = $1 and proposed`, id); err != nil {
			return err
		}
		return w.decided(ctx, tx, id, VerdictWithdrawn, "")
	})
	if err != nil {
		return saveError("withdraw proposal", err)
	}
	w.changed(topicPosts, id)
	return nil
}

// people are the post's author and who asked for its approval.
func (p lockedPost) people() []uuid.UUID {
	var list []uuid.UUID
	for _, id := range []*uuid.UUID{p.Author, p.AskedBy} {
		if id != nil && !slices.Contains(list, *id) {
			list = append(list, *id)
		}
	}
	return list
}

// withdraw takes back all of the post that has not gone out, and makes its
// time a wanted one. The deliveries are locked, and none of them is under way.
func (w *Workspace) withdraw(ctx context.Context, tx pgx.Tx, post uuid.UUID) error {
	// The last of the post's times at which something was still to go out.
	if _, err := tx.Exec(ctx, `update scheduled_posts set proposed = true where post_id = $1 and id = (
		select s.id from scheduled_posts s join deliveries d on d.post_id = s.post_id and d.scheduled_post_id = s.id
		where s.post_id = $1 and `+openDelivery+` order by s.due_at desc, s.id limit 1)`, post); err != nil {
		return err
	}
	// Of what was never begun, nothing needs to be kept.
	if _, err := tx.Exec(ctx, `delete from deliveries d where d.post_id = $1 and `+openDelivery+` and d.fence = 0
		and not exists (select 1 from attempts a where a.delivery_id = d.id)`, post); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `update deliveries d set state = 'canceled', next_at = null, enqueued_at = null, reason = 'in review',
		message = 'The post was changed and waits for approval.', updated_at = now() where d.post_id = $1 and `+openDelivery, post)
	return err
}

// openDelivery is true for a delivery d that may still go out, by itself or by a person's word.
const openDelivery = `d.state in ('scheduled', 'retrying', 'waiting', 'missed', 'failed')`

func open(deliveries []lockedDelivery) bool {
	return slices.ContainsFunc(deliveries, func(d lockedDelivery) bool {
		switch d.State {
		case Scheduled, Retrying, Waiting, Missed, Failed:
			return true
		}
		return false
	})
}
