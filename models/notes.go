package models

import (
	"context"
	"slices"

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
	noteExport   = "export"
	noteReused   = "refresh_reused"
)

// tellPeople leaves a message for each of the people who is a member, once,
// and not for the one who causes it. It reports its changes after the commit:
// call toldPeople then.
func (w *Workspace) tellPeople(ctx context.Context, tx pgx.Tx, people []uuid.UUID, n note) error {
	people = slices.DeleteFunc(slices.Clone(people), func(id uuid.UUID) bool { return id == w.causer() })
	return w.store.notify(ctx, tx, w.Organization.ID, audience{people: people}, n)
}

// causer is who is not told of what they do themselves: nobody, when a client does it.
func (w *Workspace) causer() uuid.UUID {
	if w.guest != nil {
		return uuid.Nil
	}
	return w.Member.ID
}

func (w *Workspace) toldPeople() { w.changed(topicNotifications, uuid.Nil) }
