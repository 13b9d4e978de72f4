package models

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Reach is how far notifications of a kind come to a person.
type Reach string

// The reaches.
const (
	ReachMail Reach = "mail" // into the app, and as mail
	ReachApp  Reach = "app"  // into the app
	ReachOff  Reach = "off"  // nowhere
)

// Reaches lists all of them, the farthest first.
var Reaches = []Reach{ReachMail, ReachApp, ReachOff}

// NotificationKind is something that people are told of.
type NotificationKind struct {
	Kind  string // never changes: choices and notifications are kept by it
	Name  string // "Posts that were not sent"
	Text  string // when one comes, in a sentence
	Reach Reach  // for people who chose nothing
}

// NotificationKinds is everything that people are told of, in the order in
// which they choose. Whatever calls notify has a line here.
var NotificationKinds = []NotificationKind{
	{"delivery.failed", "Posts that were not sent", "A network refused a post, or could not be reached for too long.", ReachMail},
	{"delivery.unknown", "Posts that may be live", "A network's answer was lost, and you are asked whether the post is there.", ReachMail},
	{"delivery.missed", "Posts that missed their time", "AllIN could not publish when a post was due, and asks whether it is still to go out.", ReachMail},
	{"delivery.waiting", "Posts that wait for the operator", "A network wants something of whoever runs this installation. Posts go out when that is done.", ReachApp},
	{noteAsked, "Posts that wait for your approval", "Somebody asks for approval of a post, and you may give it.", ReachMail},
	{noteOverdue, "Approvals that are due", "A post's time comes near, or has passed, and nobody has approved it.", ReachMail},
	{noteChanges, "Changes that are asked for", "Somebody wants a post of yours changed before it goes out.", ReachMail},
	{noteApproved, "Posts that were approved", "A post of yours was approved and goes out at its time.", ReachApp},
	{noteMention, "Mentions", "Somebody names you in a comment.", ReachMail},
	{noteReply, "Comments", "Somebody comments on a post of yours, or answers you.", ReachApp},
	{noteExport, "Archives", "An archive of data that you asked for is ready, or could not be made.", ReachApp},
	{noteReused, "Programs that were signed out", "A program's sign-in was used twice, as happens when somebody has copied it, so it was signed out.", ReachApp},
	{"account.reconnect", "Accounts to be connected again", "A network ended AllIN's access to an account. What is scheduled there waits.", ReachMail},
}

func notificationKind(kind string) (NotificationKind, bool) {
	i := slices.IndexFunc(NotificationKinds, func(k NotificationKind) bool { return k.Kind == kind })
	if i < 0 {
		return NotificationKind{}, false
	}
	return NotificationKinds[i], true
}

// note is a message for people of an organization.
type note struct {
	kind          string
	post, account *uuid.UUID
	title, body   string
}

// audience is who is told: members with one of the roles, and those named.
type audience struct {
	roles  []Role
	people []uuid.UUID
}

// notify leaves the message for each of the audience who wants that kind, and
// marks it for the mail where they want it there too: the clock gathers what
// is marked and posts it. It runs in the transaction that causes the message,
// of the organization itself or of the installation.
func (s *Store) notify(ctx context.Context, tx pgx.Tx, organization uuid.UUID, to audience, n note) error {
	kind, ok := notificationKind(n.kind)
	if !ok {
		return fmt.Errorf("notify: the kind %q is not in NotificationKinds", n.kind)
	}
	roles := make([]string, len(to.roles))
	for i, r := range to.roles {
		roles[i] = string(r)
	}
	people := to.people
	if people == nil {
		people = []uuid.UUID{}
	}
	if _, err := tx.Exec(ctx, `
		insert into notifications (organization_id, user_id, kind, post_id, account_id, title, body, mail)
		select $1, m.user_id, $2, $3, $4, $5, $6, coalesce(c.reach, $7) = 'mail'
		from memberships m left join notification_choices c on c.user_id = m.user_id and c.kind = $2
		where m.organization_id = $1 and (m.role = any($8) or m.user_id = any($9)) and coalesce(c.reach, $7) <> 'off'`,
		organization, n.kind, n.post, n.account, n.title, n.body, string(kind.Reach), roles, people); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	s.changed(organization, topicNotifications, uuid.Nil)
	return nil
}

// tell leaves a message for everybody who may publish, and for the post's author.
func (in *Install) tell(ctx context.Context, tx pgx.Tx, organization uuid.UUID, n note) error {
	to := audience{roles: WhoMay(PublishPosts)}
	if n.post != nil {
		rows, err := tx.Query(ctx, `select author_id from posts where organization_id = $1 and id = $2 and author_id is not null`, organization, n.post)
		if err != nil {
			return fmt.Errorf("find the author: %w", err)
		}
		if to.people, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil {
			return fmt.Errorf("find the author: %w", err)
		}
	}
	return in.notify(ctx, tx, organization, to, n)
}
