package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// Guest is the handle of somebody with a link to one post and no account. It
// is made by the function that proves the link, and sees that post only.
type Guest struct {
	store        *Store
	organization uuid.UUID
	link         uuid.UUID
	post         uuid.UUID
	Name         string
}

// visitor is the client in whose name a member's right is used.
type visitor struct {
	Link uuid.UUID
	Name string
}

// How often guests may knock.
const (
	badLinksAnHour   = 60  // from one address
	guestActsAnHour  = 60  // with one link
	guestViewsAnHour = 600 // with one link, pictures apart
)

// errReviewGone is the answer to every link that opens nothing, whatever the reason.
var errReviewGone = &Error{Code: NotFound, Message: "This link does not open anything. Its time may be over, or it was taken back. Ask whoever sent it for a new one."}

// Guest returns the handle that the token of a link opens.
func (in *Install) Guest(ctx context.Context, token, address string) (*Guest, error) {
	if len(token) == tokenLength {
		g := &Guest{store: in.Store}
		err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, `select l.organization_id, l.id, l.post_id, l.name from review_links l
				join organizations o on o.id = l.organization_id and o.deleted_at is null
				where l.token = $1 and l.revoked_at is null and l.expires_at > now()
					and not exists (select 1 from suspensions s where s.organization_id = l.organization_id)`, tokenHash(token)).Scan(&g.organization, &g.link, &g.post, &g.Name)
		})
		if err == nil {
			return g, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return nil, fmt.Errorf("find review link: %w", err)
		}
	}
	if err := in.throttle(ctx, "review:bad:"+address, badLinksAnHour, time.Hour); err != nil {
		return nil, err
	}
	return nil, errReviewGone
}

func (g *Guest) rows(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return g.store.db.Rows(ctx, tenant.Guest(g.organization, g.link), fn)
}

func (g *Guest) throttle(ctx context.Context, what string, most int) error {
	return (&Install{Store: g.store, why: "guest"}).throttle(ctx, "review:"+what+":"+g.link.String(), most, time.Hour)
}

// GuestPage is all that a guest sees.
type GuestPage struct {
	Organization string
	Sender       string
	Post         Post
	Sent         int // the version that was there when the link was sent
	Reviews      []AccountReview
	Wanted       *Wall // the time at which it would go out
	WantedAt     time.Time
	Past         bool
	Comments     []Comment
	Decision     string // what this guest said last: "", approved, changes
	Decides      bool   // the guest's yes is enough
}

// Page reads what the guest sees, and notes that they have looked.
func (g *Guest) Page(ctx context.Context) (*GuestPage, error) {
	if err := g.throttle(ctx, "view", guestViewsAnHour); err != nil {
		return nil, err
	}
	p := &GuestPage{}
	err := g.rows(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `select o.name, l.version, l.decision from review_links l, organizations o`).
			Scan(&p.Organization, &p.Sent, &p.Decision); err != nil {
			return err
		}
		p.Post.ID = g.post
		if err := tx.QueryRow(ctx, `select content, version, approval, updated_at from posts`).
			Scan(&p.Post.Content, &p.Post.Version, &p.Post.Approval, &p.Post.UpdatedAt); err != nil {
			return err
		}
		if err := g.readPreviews(ctx, tx, p); err != nil {
			return err
		}
		return g.readWanted(ctx, tx, p)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errReviewGone
	}
	if err != nil {
		return nil, fmt.Errorf("read post for a guest: %w", err)
	}
	err = g.delegated(ctx, func(w *Workspace, tx pgx.Tx, decides bool) error {
		p.Decides, p.Sender = decides, w.Member.Name
		_, err := tx.Exec(ctx, `update review_links set seen_at = now() where id = $1 and seen_at is null`, g.link)
		return err
	})
	return p, err
}

// readPreviews reads what would go out on each account.
func (g *Guest) readPreviews(ctx context.Context, tx pgx.Tx, p *GuestPage) error {
	rows, err := tx.Query(ctx, `select t.content, t.options, a.id, a.network, a.sandbox, a.site, a.remote_id, a.handle, a.name, a.url, a.limits, a.state
		from post_targets t join social_accounts a on a.id = t.account_id order by a.network, lower(a.handle), a.id`)
	if err != nil {
		return err
	}
	var accounts []Account
	var t Target
	var a Account
	if _, err := pgx.ForEachRow(rows, []any{&t.Content, &t.Options, &a.ID, &a.Network, &a.Sandbox, &a.Site, &a.RemoteID, &a.Handle, &a.Name,
		&a.URL, &a.Limits, &a.State}, func() error {
		one := t
		one.AccountID = a.ID
		p.Post.Targets = append(p.Post.Targets, one)
		accounts = append(accounts, a)
		t, a = Target{}, Account{}
		return nil
	}); err != nil {
		return err
	}
	c := Composition{Content: p.Post.Content, Targets: p.Post.Targets}
	media, err := readMedia(ctx, tx, c.mediaIDs())
	if err != nil {
		return err
	}
	for i, a := range accounts {
		a.NetworkName = a.Network
		if info, ok := g.store.networks.Info(a.Network); ok {
			a.NetworkName = info.Name
		}
		r, err := g.store.reviewAccount(a, p.Post.ContentFor(a.ID), p.Post.Targets[i].Options, media)
		if err != nil {
			return err
		}
		r.Problems = nil // what a network would refuse is for those who write
		p.Reviews = append(p.Reviews, r)
	}
	return nil
}

func (g *Guest) readWanted(ctx context.Context, tx pgx.Tx, p *GuestPage) error {
	var wall Wall
	var date time.Time
	err := tx.QueryRow(ctx, `select local_date, to_char(local_time, 'HH24:MI'), zone, due_at, due_at < now() from scheduled_posts
		order by proposed desc, due_at desc limit 1`).Scan(&date, &wall.Time, &wall.Zone, &p.WantedAt, &p.Past)
	if err == nil {
		wall.Date = date.Format(time.DateOnly)
		p.Wanted = &wall
	} else if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	rows, err := tx.Query(ctx, `select id, parent_id, guest, guest <> '', body, created_at, deleted_at is not null from comments order by created_at, id limit $1`, maxThreads)
	if err != nil {
		return err
	}
	var list []Comment
	var c Comment
	if _, err := pgx.ForEachRow(rows, []any{&c.ID, &c.Parent, &c.Author, &c.Guest, &c.Body, &c.CreatedAt, &c.Deleted}, func() error {
		if !c.Guest {
			c.Author = p.Organization // clients do not see who works there
		}
		list = append(list, c)
		c = Comment{}
		return nil
	}); err != nil {
		return err
	}
	p.Comments = threads(list)
	return nil
}

// delegated runs fn with the right of the member who sent the link, as long
// as the link is open: its row stays locked, so that it cannot be revoked
// meanwhile. decides reports whether that right, and the rules, let the guest
// decide; otherwise what they say is advice.
func (g *Guest) delegated(ctx context.Context, fn func(w *Workspace, tx pgx.Tx, decides bool) error) error {
	var sender uuid.UUID
	err := g.rows(ctx, func(tx pgx.Tx) error { return tx.QueryRow(ctx, `select sent_by from review_links`).Scan(&sender) })
	if errors.Is(err, pgx.ErrNoRows) {
		return errReviewGone
	}
	if err != nil {
		return fmt.Errorf("find who sent the link: %w", err)
	}
	w := &Workspace{store: g.store, guest: &visitor{Link: g.link, Name: g.Name}}
	w.Organization.ID, w.Member.ID = g.organization, sender
	return w.rows(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select id from review_links where id = $1 and revoked_at is null and expires_at > now() for update`, g.link).Scan(new(uuid.UUID))
		if errors.Is(err, pgx.ErrNoRows) {
			return errReviewGone
		}
		if err != nil {
			return err
		}
		// A sender who has left has no right to lend.
		err = tx.QueryRow(ctx, `select u.name, u.time_zone, m.role from memberships m join users u on u.id = m.user_id where m.user_id = $1`, sender).
			Scan(&w.Member.Name, &w.Member.TimeZone, &w.Role)
		if errors.Is(err, pgx.ErrNoRows) {
			w.Role = Viewer
		} else if err != nil {
			return err
		}
		post, err := readPost(ctx, tx, g.post)
		if err != nil {
			return err
		}
		st, err := w.standing(ctx, tx, post.AuthorID, (&Composition{Targets: post.Targets}).accounts())
		if err != nil {
			return err
		}
		return fn(w, tx, st.Rules.GuestDecides && w.May(ApprovePosts) && st.mayApprove())
	})
}

// Heard is what came of a guest's word.
type Heard string

// What can come of it.
const (
	HeardApproved Heard = "approved" // it goes out at its time
	HeardChanges  Heard = "changes"  // it goes back to its author
	HeardAdvice   Heard = "advice"   // somebody there decides
)

// Decide notes the guest's yes, or what they want changed, about the version
// that they have seen.
func (g *Guest) Decide(ctx context.Context, version int, yes bool, words string) (Heard, error) {
	if err := g.throttle(ctx, "act", guestActsAnHour); err != nil {
		return "", err
	}
	words, err := validWords("words", words, !yes)
	if err != nil {
		return "", err
	}
	heard := HeardAdvice
	var due time.Time
	err = g.delegated(ctx, func(w *Workspace, tx pgx.Tx, decides bool) error {
		post, err := w.lockForVerdict(ctx, tx, g.post, version)
		if err != nil {
			return err
		}
		verdict := VerdictChanges
		if yes {
			verdict = VerdictApproved
		}
		if _, err := post.Approval.after(verdict); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update review_links set decided_at = now(), decision = $2 where id = $1`, g.link, verdict); err != nil {
			return err
		}
		if decides && !yes {
			heard = HeardChanges
			return w.askChanges(ctx, tx, g.post, post, words)
		}
		if decides {
			due, err = w.approve(ctx, tx, g.post, post, nil)
			if err == nil {
				heard = HeardApproved
				return nil
			}
			// What keeps the post from going out at its time is for a member to see
			// to. approve asks about that before it writes anything.
			if CodeOf(err) != Invalid {
				return err
			}
		}
		return w.advise(ctx, tx, g.post, post, yes, words)
	})
	if err != nil {
		return "", saveError("decide as a guest", err)
	}
	w := &Workspace{store: g.store, Organization: Organization{ID: g.organization}}
	if heard != HeardApproved {
		due = g.store.now().Add(time.Hour)
	}
	w.approved(g.post, due)
	return heard, nil
}

// advise notes what a client thinks, and tells those who decide.
func (w *Workspace) advise(ctx context.Context, tx pgx.Tx, id uuid.UUID, post lockedPost, yes bool, words string) error {
	title, body := w.guest.Name+" says yes to a post", words
	if !yes {
		title = w.guest.Name + " would like changes to a post"
	}
	if body == "" {
		body = "It still needs somebody here to approve it."
	}
	said := "Yes. "
	if !yes {
		said = "Not yet. "
	}
	if err := w.decided(ctx, tx, id, VerdictAdvised, said+words); err != nil {
		return err
	}
	st, err := w.standing(ctx, tx, post.Author, nil)
	if err != nil {
		return err
	}
	return w.tellPeople(ctx, tx, append(st.Approvers, post.people()...), note{kind: noteAsked, post: &id, title: title, body: body})
}

// Comment says something about the post; its people are told.
func (g *Guest) Comment(ctx context.Context, body string) error {
	if err := g.throttle(ctx, "act", guestActsAnHour); err != nil {
		return err
	}
	err := g.delegated(ctx, func(w *Workspace, tx pgx.Tx, _ bool) error {
		post, err := w.lockPost(ctx, tx, g.post)
		if err != nil {
			return err
		}
		if err := w.comment(ctx, tx, newID(), post, NewComment{Post: g.post, Body: body}); err != nil {
			return err
		}
		return w.audit(ctx, tx, "comment.added", "post "+g.post.String(), nil)
	})
	if err != nil {
		return saveError("comment as a guest", err)
	}
	g.store.changed(g.organization, topicPosts, g.post)
	g.store.changed(g.organization, topicNotifications, uuid.Nil)
	return nil
}

// OpenMedium opens a file of the post in that size.
func (g *Guest) OpenMedium(ctx context.Context, id uuid.UUID, size Size) (*File, error) {
	var found map[uuid.UUID]Media
	err := g.rows(ctx, func(tx pgx.Tx) (err error) {
		found, err = readMedia(ctx, tx, []uuid.UUID{id})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find medium for a guest: %w", err)
	}
	if _, ok := found[id]; !ok {
		return nil, errReviewGone
	}
	return g.store.openMedium(g.organization, id, size)
}
