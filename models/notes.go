package models

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// The kinds of messages about approval and comments.
const (
	noteMention  = "comment.mention"
	noteReply    = "comment.reply"
	noteAsked    = "approval.asked"
	noteChanges  = "approval.changes"
	noteApproved = "approval.approved"
	noteOverdue  = "approval.overdue"
)

// tellPeople leaves a message for each of the people who is a member, once,
// and not for the one who causes it. It reports its changes after the commit:
// call toldPeople then.
func (w *Workspace) tellPeople(ctx context.Context, tx pgx.Tx, people []uuid.UUID, n note) error {
	_, err := tx.Exec(ctx, `insert into notifications (user_id, kind, post_id, account_id, title, body)
		select m.user_id, $2, $3, $4, $5, $6 from memberships m where m.user_id = any($1) and m.user_id <> $7`,
		people, n.kind, n.post, n.account, n.title, n.body, w.causer())
	return err
}

// causer is who is not told of what they do themselves: nobody, when a client does it.
func (w *Workspace) causer() uuid.UUID {
	if w.guest != nil {
		return uuid.Nil
	}
	return w.Member.ID
}

func (w *Workspace) toldPeople() { w.changed(topicNotifications, uuid.Nil) }
