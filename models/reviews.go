package models

import (
	"context"
	"errors"
	"net/mail"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Links for clients.
const (
	reviewDays     = 14 // a link is open, unless another time is chosen
	maxReviewDays  = 90
	maxReviewLinks = 20 // open ones of one post
)

// Invitee is a client who is asked about a post.
type Invitee struct {
	Name, Email string
	Words       string // what the sender says to them
	Days        int    // 0: 14
}

func (i *Invitee) tidy() error {
	i.Name, i.Email = strings.TrimSpace(printable(i.Name)), strings.TrimSpace(i.Email)
	if err := validName("name", i.Name, "the client's name"); err != nil {
		return err
	}
	if a, err := mail.ParseAddress(i.Email); err != nil || a.Address != i.Email || len(i.Email) > 254 {
		return invalid("email", "Enter the client's e-mail address, like ann@example.com.")
	}
	if i.Days == 0 {
		i.Days = reviewDays
	}
	if i.Days < 1 || i.Days > maxReviewDays {
		return invalid("days", "A link is open for 1 to %d days.", maxReviewDays)
	}
	words, err := validWords("words", i.Words, false)
	i.Words = words
	return err
}

// SendReview mails a client a link under which they see the post and say yes
// to it, or what to change. It returns the link's address, which is shown once.
func (w *Workspace) SendReview(ctx context.Context, post uuid.UUID, i Invitee) (string, error) {
	if err := w.Role.demand(ApprovePosts); err != nil {
		return "", err
	}
	if err := i.tidy(); err != nil {
		return "", err
	}
	token := NewToken()
	address := w.store.address("/review/" + token)
	err := w.rows(ctx, func(tx pgx.Tx) error {
		locked, err := w.lockPost(ctx, tx, post)
		if err != nil {
			return err
		}
		if locked.Approval != InReview {
			return conflict("Only a post that waits for approval is shown to clients. Ask for approval first.")
		}
		read, err := readPost(ctx, tx, post)
		if err != nil {
			return err
		}
		// The client decides with the sender's right, so the sender must have it.
		st, err := w.standing(ctx, tx, locked.Author, (&Composition{Targets: read.Targets}).accounts())
		if err != nil {
			return err
		}
		if err := st.refusal(); err != nil {
			return err
		}
		link, expires, err := w.keepLink(ctx, tx, post, token, i, locked.Version)
		if err != nil {
			return err
		}
		when, zone, err := w.wantedWords(ctx, tx, post)
		if err != nil {
			return err
		}
		letter := ReviewAsked{Organization: w.Organization.Name, Sender: w.Member.Name, Excerpt: read.Content.Excerpt(), When: when, WhenZone: zone,
			Words: i.Words, Link: address, Expires: expires, Zone: w.Organization.TimeZone}
		if err := w.store.post(ctx, tx, Addressee{Name: i.Name, Email: i.Email, Organization: &w.Organization.ID}, letter); err != nil {
			return err
		}
		return w.audit(ctx, tx, "review.sent", "post "+post.String(), map[string]any{"link": link.String(), "version": locked.Version, "days": i.Days})
	})
	if err != nil {
		return "", saveError("send review link", err)
	}
	w.changed(topicPosts, post)
	w.store.wakeClock()
	return address, nil
}

func (w *Workspace) keepLink(ctx context.Context, tx pgx.Tx, post uuid.UUID, token string, i Invitee, version int) (uuid.UUID, time.Time, error) {
	var n int
	var expires time.Time
	if err := tx.QueryRow(ctx, `select count(*) from review_links where post_id = $1 and revoked_at is null and expires_at > now()`, post).Scan(&n); err != nil {
		return uuid.Nil, expires, err
	}
	if n >= maxReviewLinks {
		return uuid.Nil, expires, conflict("This post has %d open links already. Revoke one of them first.", maxReviewLinks)
	}
	// What the client was shown is kept as it is.
	if _, err := tx.Exec(ctx, `update post_versions set auto = false where post_id = $1 and version = $2 and auto`, post, version); err != nil {
		return uuid.Nil, expires, err
	}
	id := newID()
	err := tx.QueryRow(ctx, `insert into review_links (id, post_id, token, name, email, version, sent_by, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(days => $8)) returning expires_at`,
		id, post, tokenHash(token), i.Name, i.Email, version, w.Member.ID, i.Days).Scan(&expires)
	return id, expires, err
}

// wantedWords is the post's wanted time as people say it, and the zone it is meant in.
func (w *Workspace) wantedWords(ctx context.Context, tx pgx.Tx, post uuid.UUID) (when, zone string, err error) {
	var date time.Time
	var clock string
	err = tx.QueryRow(ctx, `select local_date, to_char(local_time, 'HH24:MI'), zone from scheduled_posts where post_id = $1 and proposed`, post).
		Scan(&date, &clock, &zone)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", nil
	}
	return date.Format("Monday 2 January 2006") + " at " + clock, zone, err
}

// RevokeReview ends a client's link at once.
func (w *Workspace) RevokeReview(ctx context.Context, post, link uuid.UUID) error {
	if err := w.Role.demand(ApprovePosts); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update review_links set revoked_at = now() where id = $1 and post_id = $2 and revoked_at is null`, link, post)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return notFound("link")
		}
		return w.audit(ctx, tx, "review.revoked", "post "+post.String(), map[string]any{"link": link.String()})
	})
	if err != nil {
		return saveError("revoke review link", err)
	}
	w.changed(topicPosts, post)
	return nil
}
