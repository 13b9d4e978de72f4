package models

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// aim is what a post is changed for.
type aim int

const (
	toSave     aim = iota // it stays where it stands, as far as it may
	toSchedule            // it goes out, and is given its time next
	toReview              // somebody is asked to approve it next
)

// changePost keeps the composition as the post's new version and returns the
// post as it was. The post's row stays locked, and with it all that is decided
// about it; its deliveries are locked before they are looked at, so that none
// of them is claimed meanwhile.
func (w *Workspace) changePost(ctx context.Context, tx *tenant.Tx, id uuid.UUID, c Composition, to aim) (lockedPost, error) {
	post, err := w.lockPost(ctx, tx.PGX, id)
	if err != nil {
		return post, err
	}
	if !post.Draft {
		if err := w.Role.demand(PublishPosts); err != nil {
			return post, err
		}
	}
	if c.Version != 0 && c.Version != post.Version {
		return post, errNewer
	}
	was, err := readPost(ctx, tx.PGX, id)
	if err != nil {
		return post, err
	}
	changed := !same(Composition{Content: was.Content, Targets: was.Targets}, c)
	if c.Auto && !changed {
		return post, nil
	}
	deliveries, err := lockDeliveries(ctx, tx.PGX, `post_id = $1`, id)
	if err != nil {
		return post, err
	}
	if err := editable(deliveries); err != nil {
		return post, err
	}
	if err := w.changeTargets(ctx, tx, id, c, deliveries); err != nil {
		return post, err
	}
	post.Version++
	if _, err := tx.PGX.Exec(ctx, `update posts set content = $2, excerpt = $3, cover_id = $4, version = $5, updated_at = now()
		where id = $1`, id, c.Content, c.Content.Excerpt(), c.cover(), post.Version); err != nil {
		return post, err
	}
	if err := w.keepVersion(ctx, tx.PGX, id, post.Version, c); err != nil {
		return post, err
	}
	return post, w.changedFor(ctx, tx.PGX, id, post, c, change{to: to, changed: changed, open: open(deliveries)})
}

// change is what became of a post's content, and what for.
type change struct {
	to      aim
	changed bool // it says something else, or says it elsewhere
	open    bool // something of it was still to go out
}

// changedFor lets the post's approval and its deliveries follow a change.
func (w *Workspace) changedFor(ctx context.Context, tx pgx.Tx, id uuid.UUID, post lockedPost, c Composition, ch change) error {
	switch {
	case ch.to == toReview:
		return w.withdraw(ctx, tx, id)
	case post.Draft && ch.to == toSave:
		return nil
	}
	st, err := w.standing(ctx, tx, post.Author, c.accounts())
	if err != nil {
		return err
	}
	asks := st.Needed && (ch.changed || ch.to == toSchedule && post.Approval != Approved)
	switch {
	case asks && !st.mayApprove() && ch.to == toSchedule:
		return errMustAsk
	case asks && !st.mayApprove() && !ch.open:
		// Nothing of it goes out as it is; whoever schedules it again has to ask.
		_, err := tx.Exec(ctx, `update posts set approval = 'none' where id = $1`, id)
		return err
	case asks && !st.mayApprove():
		if err := w.withdraw(ctx, tx, id); err != nil {
			return err
		}
		return w.ask(ctx, tx, id, post, c, VerdictEdited, "")
	case asks || ch.to == toSchedule && post.Approval.Waits():
		if err := w.selfApprove(ctx, tx, id, st); err != nil {
			return err
		}
	}
	if ch.to == toSchedule {
		return nil
	}
	return addToOpenOccurrence(ctx, tx, id)
}

// selfApprove notes that the post is sent by somebody who may approve it. Who
// may publish it unasked ends a proposal by that, and needs nobody's approval.
func (w *Workspace) selfApprove(ctx context.Context, tx pgx.Tx, id uuid.UUID, st standing) error {
	next := Approved
	if !st.mayApprove() {
		next = NotAsked
	}
	if _, err := tx.Exec(ctx, `update posts set approval = $2, draft = false where id = $1`, id, next); err != nil {
		return err
	}
	if next == NotAsked {
		return w.decided(ctx, tx, id, VerdictWithdrawn, "")
	}
	return w.decided(ctx, tx, id, VerdictApproved, "")
}
