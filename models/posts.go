package models

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
)

type postRow struct {
	ID       uuid.UUID `gorm:"primaryKey"`
	AuthorID uuid.UUID
	Content  Content `gorm:"serializer:json"`
	Excerpt  string
	CoverID  *uuid.UUID
	Version  int
	Draft    bool
	Approval Approval
}

func (postRow) TableName() string { return "posts" }

type targetRow struct {
	PostID    uuid.UUID        `gorm:"primaryKey"`
	AccountID uuid.UUID        `gorm:"primaryKey"`
	Content   *Content         `gorm:"serializer:json"`
	Options   networks.Options `gorm:"serializer:json"`
}

func (targetRow) TableName() string { return "post_targets" }

type postMediaRow struct {
	PostID  uuid.UUID `gorm:"primaryKey"`
	MediaID uuid.UUID `gorm:"primaryKey"`
}

func (postMediaRow) TableName() string { return "post_media" }

// limits of one post, far beyond what any network takes.
const (
	maxParts    = 50
	maxPartText = 100_000 // bytes
	maxTargets  = 200
)

// tidy brings a composition into the form in which it is kept.
func (c *Composition) tidy() error {
	c.Content = c.Content.tidy()
	seen := map[uuid.UUID]bool{}
	var targets []Target
	for _, t := range c.Targets {
		if seen[t.AccountID] {
			continue
		}
		seen[t.AccountID] = true
		if t.Content != nil {
			own := t.Content.tidy()
			t.Content = &own
		}
		targets = append(targets, t)
	}
	c.Targets = targets
	if len(targets) > maxTargets {
		return invalid("accounts", "Choose at most %d accounts for one post.", maxTargets)
	}
	check := func(field string, content Content) error {
		if len(content.Parts) > maxParts {
			return invalid(field, "A thread may have at most %d parts.", maxParts)
		}
		for _, p := range content.Parts {
			if len(p.Text) > maxPartText {
				return invalid(field, "The text is too long to be kept: it may have at most %d kB.", maxPartText/1000)
			}
		}
		return nil
	}
	if err := check("text", c.Content); err != nil {
		return err
	}
	for _, t := range targets {
		if t.Content != nil {
			if err := check("text-"+t.AccountID.String(), *t.Content); err != nil {
				return err
			}
		}
	}
	return nil
}

// mediaIDs lists the media that any of the composition's contents name.
func (c *Composition) mediaIDs() []uuid.UUID {
	all := c.Content
	for _, t := range c.Targets {
		if t.Content != nil {
			all.Parts = append(all.Parts[:len(all.Parts):len(all.Parts)], t.Content.Parts...)
		}
	}
	return all.MediaIDs()
}

// CreateDraft keeps a new post that nothing is scheduled of yet.
func (w *Workspace) CreateDraft(ctx context.Context, c Composition) (uuid.UUID, error) {
	if err := w.Role.demand(WriteDrafts); err != nil {
		return uuid.Nil, err
	}
	if err := c.tidy(); err != nil {
		return uuid.Nil, err
	}
	var id uuid.UUID
	err := w.tx(ctx, func(tx *tenant.Tx) (err error) {
		id, err = w.insertPost(ctx, tx, c, true, NotAsked)
		return err
	})
	if err != nil {
		return uuid.Nil, saveError("create draft", err)
	}
	w.changed(topicPosts, id)
	return id, nil
}

func (w *Workspace) insertPost(ctx context.Context, tx *tenant.Tx, c Composition, draft bool, approval Approval) (uuid.UUID, error) {
	row := postRow{ID: newID(), AuthorID: w.Member.ID, Content: c.Content, Excerpt: c.Content.Excerpt(), CoverID: c.cover(),
		Version: 1, Draft: draft, Approval: approval}
	if err := tx.Create(&row).Error; err != nil {
		return uuid.Nil, err
	}
	if err := w.insertTargets(tx, row.ID, c); err != nil {
		return uuid.Nil, err
	}
	return row.ID, w.keepVersion(ctx, tx.PGX, row.ID, row.Version, c)
}

// insertTargets adds what hangs below a post's row.
func (w *Workspace) insertTargets(tx *tenant.Tx, post uuid.UUID, c Composition) error {
	if len(c.Targets) > 0 {
		rows := make([]targetRow, len(c.Targets))
		for i, t := range c.Targets {
			rows[i] = targetRow{PostID: post, AccountID: t.AccountID, Content: t.Content, Options: t.Options}
		}
		if err := tx.Create(&rows).Error; err != nil {
			return err
		}
	}
	if ids := c.mediaIDs(); len(ids) > 0 {
		rows := make([]postMediaRow, len(ids))
		for i, id := range ids {
			rows[i] = postMediaRow{PostID: post, MediaID: id}
		}
		return tx.Create(&rows).Error
	}
	return nil
}

// cover is the first medium: what calendar and lists show beside the post.
func (c *Composition) cover() *uuid.UUID {
	if ids := c.mediaIDs(); len(ids) > 0 {
		return &ids[0]
	}
	return nil
}

// saveError turns a foreign key's refusal into words: an account or a medium
// that is not this organization's, or not there any more.
func saveError(doing string, err error) error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return err
	case tenant.Is(err, tenant.ForeignKeyViolation, ""):
		return &Error{Code: NotFound, Message: "One of the chosen accounts or files is not there any more.", Err: err}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// UpdatePost keeps changes to a post, as far as nothing of it has gone out or
// may have: a delivery in hand, or one whose outcome is not known, is never
// changed under way. A scheduled post whose changes somebody must approve goes
// out only when they have.
func (w *Workspace) UpdatePost(ctx context.Context, id uuid.UUID, c Composition) error {
	if err := w.Role.demand(WriteDrafts); err != nil {
		return err
	}
	if err := c.tidy(); err != nil {
		return err
	}
	err := w.tx(ctx, func(tx *tenant.Tx) error {
		_, err := w.changePost(ctx, tx, id, c, toSave)
		return err
	})
	if err != nil {
		return saveError("update post", err)
	}
	w.changed(topicPosts, id)
	w.toldPeople()
	w.store.wakeClock()
	return nil
}

// editable refuses an edit while any delivery of the post may be under way.
func editable(deliveries []lockedDelivery) error {
	for _, d := range deliveries {
		switch {
		case d.State == Publishing:
			return conflict("This post is being published right now. Wait a moment and try again.")
		case d.Unresolved && !d.State.Final():
			return conflict("This post may already be out on one account, and AllIN is finding out. It can be edited when that is known.")
		case d.State == Unknown:
			return conflict("Decide first whether this post is live on each account; then it can be edited.")
		}
	}
	return nil
}

// changeTargets replaces the chosen accounts, and makes the post's open
// occurrences follow: new accounts get a delivery, those that were taken out
// are canceled there.
func (w *Workspace) changeTargets(ctx context.Context, tx *tenant.Tx, id uuid.UUID, c Composition, deliveries []lockedDelivery) error {
	if _, err := tx.PGX.Exec(ctx, `delete from post_targets where post_id = $1`, id); err != nil {
		return err
	}
	if _, err := tx.PGX.Exec(ctx, `delete from post_media where post_id = $1`, id); err != nil {
		return err
	}
	if err := w.insertTargets(tx, id, c); err != nil {
		return err
	}
	chosen := c.accounts()
	for _, d := range deliveries {
		if d.PartsOut > 0 && d.State != Published && slices.Contains(chosen, d.AccountID) {
			return conflict("A part of this thread is already out on one account. Cancel the rest there, or retry it as it is.")
		}
	}
	// What is sent is fixed when the first attempt begins; an edit before that, or after a refusal, counts.
	if _, err := tx.PGX.Exec(ctx, `update deliveries set draft = null where post_id = $1 and state not in ('published', 'canceled')`, id); err != nil {
		return err
	}
	_, err := tx.PGX.Exec(ctx, `update deliveries set state = 'canceled', next_at = null, enqueued_at = null, reason = 'account removed',
			message = 'The account was taken out of the post.', updated_at = now()
		where post_id = $1 and account_id <> all($2) and state in ('scheduled', 'retrying', 'waiting', 'missed', 'failed')`, id, chosen)
	return err
}

// insertDeliveries begins the statement that gives an occurrence s its deliveries.
const insertDeliveries = `
		insert into deliveries (id, scheduled_post_id, post_id, account_id, network, due_at, fresh_at, next_at, state, reason, message)
		select gen_random_uuid(), s.id, s.post_id, t.account_id, a.network, s.due_at, s.due_at,
			case when a.state = 'connected' then s.due_at end,
			case when a.state = 'connected' then 'scheduled' else 'waiting' end,
			case when a.state = 'connected' then '' else 'reconnect' end,
			case when a.state = 'connected' then '' else 'The account is not connected. Connect it again and this goes on.' end`

// addDeliveries gives the occurrence a delivery for every chosen account on
// which the post has none. A proposed occurrence has none at all.
func addDeliveries(ctx context.Context, tx pgx.Tx, post, occurrence uuid.UUID) error {
	_, err := tx.Exec(ctx, insertDeliveries+`
		from scheduled_posts s
		join post_targets t on t.post_id = s.post_id
		join social_accounts a on a.id = t.account_id
		where s.id = $2 and s.post_id = $1 and not s.proposed
			and not exists (select 1 from deliveries d where d.post_id = $1 and d.account_id = t.account_id and d.state <> 'canceled')`, post, occurrence)
	return err
}

// addToOpenOccurrence gives accounts that were added to a scheduled post their
// delivery at its time.
func addToOpenOccurrence(ctx context.Context, tx pgx.Tx, post uuid.UUID) error {
	var occurrence uuid.UUID
	err := tx.QueryRow(ctx, `select s.id from scheduled_posts s where s.post_id = $1 and s.due_at > now() and not s.proposed
		and exists (select 1 from deliveries d where d.post_id = s.post_id and d.scheduled_post_id = s.id and d.state in ('scheduled', 'waiting'))
		order by s.due_at limit 1`, post).Scan(&occurrence)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return addDeliveries(ctx, tx, post, occurrence)
}

// lockedPost is a post's row, held until the transaction ends. Others may
// still refer to it: a worker that ends a delivery tells people of its post.
type lockedPost struct {
	Version  int
	Draft    bool
	Approval Approval
	Author   *uuid.UUID
	AskedBy  *uuid.UUID
}

func (w *Workspace) lockPost(ctx context.Context, tx pgx.Tx, id uuid.UUID) (lockedPost, error) {
	var p lockedPost
	err := tx.QueryRow(ctx, `select version, draft, approval, author_id, asked_by from posts where id = $1 for no key update`, id).
		Scan(&p.Version, &p.Draft, &p.Approval, &p.Author, &p.AskedBy)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, notFound("post")
	}
	return p, err
}

// DeletePost removes a post of which nothing has gone out, or may have.
func (w *Workspace) DeletePost(ctx context.Context, id uuid.UUID) error {
	if err := w.Role.demand(WriteDrafts); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		post, err := w.lockPost(ctx, tx, id)
		if err != nil {
			return err
		}
		if !post.Draft {
			if err := w.Role.demand(PublishPosts); err != nil {
				return err
			}
		}
		deliveries, err := lockDeliveries(ctx, tx, `post_id = $1`, id)
		if err != nil {
			return err
		}
		if err := editable(deliveries); err != nil {
			return err
		}
		for _, d := range deliveries {
			if d.State == Published || d.PartsOut > 0 {
				return conflict("This post is out on at least one account, so its record is kept. Cancel what is still to go out instead.")
			}
		}
		if _, err = tx.Exec(ctx, `delete from posts where id = $1`, id); err != nil {
			return err
		}
		return w.audit(ctx, tx, "post.deleted", "post "+id.String(), map[string]any{"draft": post.Draft})
	})
	if err != nil {
		return saveError("delete post", err)
	}
	w.changed(topicPosts, id)
	return nil
}

// DuplicatePost makes a draft that says the same for the same accounts.
func (w *Workspace) DuplicatePost(ctx context.Context, id uuid.UUID) (uuid.UUID, error) {
	if err := w.Role.demand(WriteDrafts); err != nil {
		return uuid.Nil, err
	}
	post, err := w.Post(ctx, id)
	if err != nil {
		return uuid.Nil, err
	}
	return w.CreateDraft(ctx, Composition{Content: post.Content, Targets: post.Targets})
}

// Post returns one post with its targets.
func (w *Workspace) Post(ctx context.Context, id uuid.UUID) (*Post, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	var p *Post
	err := w.rows(ctx, func(tx pgx.Tx) (err error) {
		p, err = readPost(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, saveError("read post", err)
	}
	return p, nil
}

func readPost(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*Post, error) {
	p := &Post{ID: id}
	err := tx.QueryRow(ctx, `select author_id, coalesce((select u.name from users u where u.id = author_id), ''), content, version, draft, approval,
		created_at, updated_at from posts where id = $1`, id).
		Scan(&p.AuthorID, &p.author, &p.Content, &p.Version, &p.Draft, &p.Approval, &p.CreatedAt, &p.UpdatedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, notFound("post")
	}
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `select account_id, content, options from post_targets where post_id = $1 order by account_id`, id)
	if err != nil {
		return nil, err
	}
	p.Targets, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (t Target, err error) {
		err = r.Scan(&t.AccountID, &t.Content, &t.Options)
		return t, err
	})
	return p, err
}
