package models

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Discussion is what stands around a post: who said what about it, and who decides.
type Discussion struct {
	Comments  []Comment // threads, the oldest first
	Decisions []DecisionLine
	Links     []ReviewLink
	Names     []Mention // whom a comment may name
	AskedBy   string
	AskedByMe bool
	// What the viewer may do about the post as it stands.
	MayApprove, MayAskChanges, MayWithdraw, MayComment, MayInvite bool
	WhyNot                                                        string // why the viewer may not approve; "" where nobody asks
	OnlyApprover                                                  bool   // the viewer may approve their own post, as nobody else could
	GuestDecides                                                  bool   // a client's yes is enough
	Approvers                                                     []string
}

// DecisionLine is a line of what happened about a post's approval.
type DecisionLine struct {
	Verdict Verdict
	Version int
	Who     string // "": somebody who is gone
	Guest   bool
	Words   string
	At      time.Time
}

// ReviewLink is a client's link to a post.
type ReviewLink struct {
	ID        uuid.UUID
	Name      string
	Email     string
	Version   int
	By        string
	CreatedAt time.Time
	ExpiresAt time.Time
	Revoked   bool
	Over      bool // its time is over
	Seen      bool
	Decision  string // "", approved, changes
}

// Open reports whether the link still opens the post.
func (l *ReviewLink) Open() bool { return !l.Revoked && !l.Over }

// discussion reads what stands around the post, in one statement.
func (w *Workspace) discussion(ctx context.Context, tx pgx.Tx, post *Post) (*Discussion, error) {
	d := &Discussion{}
	var r standingRow
	var comments, decisions, links, names []byte
	var asked *uuid.UUID
	c := Composition{Targets: post.Targets}
	err := tx.QueryRow(ctx, `select
		coalesce((select jsonb_agg(j order by at, id) from (select `+commentJSON+` as j, c.created_at as at, c.id from comments c
			where c.post_id = $4 order by c.created_at, c.id limit `+fmt.Sprint(maxThreads)+`) one), '[]'),
		coalesce((select jsonb_agg(jsonb_build_object('Verdict', e.act, 'Version', e.version, 'Guest', e.guest <> '', 'Words', e.words, 'At', e.at,
			'Who', coalesce(nullif(e.guest, ''), (select u.name from users u where u.id = e.user_id), '')) order by e.at, e.id)
			from decisions e where e.post_id = $4), '[]'),
		coalesce((select jsonb_agg(jsonb_build_object('ID', l.id, 'Name', l.name, 'Email', l.email, 'Version', l.version,
			'By', coalesce((select u.name from users u where u.id = l.sent_by), ''), 'CreatedAt', l.created_at, 'ExpiresAt', l.expires_at,
			'Revoked', l.revoked_at is not null, 'Over', l.expires_at <= now(), 'Seen', l.seen_at is not null, 'Decision', l.decision)
			order by l.created_at) from review_links l where l.post_id = $4), '[]'),
		coalesce((select jsonb_agg(jsonb_build_object('ID', u.id, 'Name', u.name) order by lower(u.name), u.id)
			from (select u.id, u.name from memberships m join users u on u.id = m.user_id order by lower(u.name), u.id limit 1000) u), '[]'),
		(select p.asked_by from posts p where p.id = $4), `+selectStanding, c.accounts(), nil, post.ID, post.ID).
		Scan(append([]any{&comments, &decisions, &links, &names, &asked}, r.into()...)...)
	if err != nil {
		return nil, err
	}
	var flat []Comment
	for _, one := range []struct {
		raw  []byte
		into any
	}{{comments, &flat}, {decisions, &d.Decisions}, {links, &d.Links}, {names, &d.Names}} {
		if err := json.Unmarshal(one.raw, one.into); err != nil {
			return nil, fmt.Errorf("decode discussion: %w", err)
		}
	}
	d.Comments = threads(flat)
	w.allow(d, post, r.standing(w), asked)
	return d, nil
}

// allow says what the member may do about the post as it stands.
func (w *Workspace) allow(d *Discussion, post *Post, st standing, asked *uuid.UUID) {
	d.GuestDecides = st.Rules.GuestDecides
	d.MayComment = w.May(WriteComments)
	name := map[uuid.UUID]string{}
	for _, m := range d.Names {
		name[m.ID] = m.Name
	}
	for _, id := range st.Approvers {
		if name[id] != "" {
			d.Approvers = append(d.Approvers, name[id])
		}
	}
	if asked != nil {
		d.AskedBy, d.AskedByMe = name[*asked], *asked == w.Member.ID
	}
	if !post.Approval.Waits() {
		return
	}
	d.MayWithdraw = w.May(WriteDrafts) && (w.May(PublishPosts) || st.Own || d.AskedByMe)
	if post.Approval != InReview {
		return
	}
	d.MayApprove = w.May(ApprovePosts) && st.mayApprove()
	d.MayAskChanges = w.May(ApprovePosts) && st.approver()
	d.MayInvite = d.MayApprove
	d.OnlyApprover = st.Needed && st.alone()
	if !d.MayApprove {
		d.WhyNot = st.refusal().Error()
		if e, ok := st.refusal().(*Error); ok {
			d.WhyNot = e.Message
		}
	}
}
