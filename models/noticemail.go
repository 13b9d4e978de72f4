package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// noticePause is how long what happens after a mail waits for more of it,
	// so that a bad hour makes a few mails and not a hundred.
	noticePause = 15 * time.Minute
	// noticesShown is how many one mail lists.
	noticesShown = 20
)

// NoticeLetter tells of one notification.
type NoticeLetter struct {
	Title        string `json:"title"`
	Body         string `json:"body"`
	About        string `json:"about"` // name of its kind
	Organization string `json:"organization"`
	Href         string `json:"href"`
	Settings     string `json:"settings"`
	Unsubscribe  string `json:"unsubscribe"`
}

// Kind names the letter.
func (NoticeLetter) Kind() string { return "notice" }

// DigestLetter tells of several.
type DigestLetter struct {
	Daily       bool         `json:"daily"` // the person wants one mail a day
	Zone        string       `json:"zone"`  // the person's, of all times in it
	Notices     []DigestItem `json:"notices"`
	More        int          `json:"more"` // that are not listed
	Href        string       `json:"href"` // of the list in the app
	Settings    string       `json:"settings"`
	Unsubscribe string       `json:"unsubscribe"`
}

// DigestItem is one notification among others.
type DigestItem struct {
	Title        string `json:"title"`
	Body         string `json:"body"`
	Organization string `json:"organization"`
	When         string `json:"when"` // in the person's zone
	Href         string `json:"href"`
}

// Kind names the letter.
func (DigestLetter) Kind() string { return "digest" }

// waitingForMail is a person with notifications that are to be mailed.
type waitingForMail struct {
	User       uuid.UUID
	Name       string
	Email      string
	Zone       string
	Digest     *int
	NotifiedAt *time.Time
	Reachable  bool // the address is theirs, and they may sign in
	Oldest     time.Time
	Now        time.Time
}

// due reports whether it is time to mail.
func (p waitingForMail) due() bool {
	switch {
	case !p.Reachable:
		return true // to be forgotten
	case p.Digest != nil:
		return !nextDigest(p.Oldest, *p.Digest, p.Zone).After(p.Now)
	}
	return p.NotifiedAt == nil || p.NotifiedAt.Before(p.Now.Add(-noticePause))
}

// MailNotices posts a mail to each person for whom notifications are marked
// and whose time has come, and returns how many mails it posted.
func (in *Install) MailNotices(ctx context.Context) (int, error) {
	var list []waitingForMail
	err := in.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			select u.id, u.name, u.email, u.time_zone, u.digest_hour, u.notified_at,
				u.email_verified_at is not null and u.suspended_at is null, min(n.created_at), now()
			from notifications n join users u on u.id = n.user_id where n.mail group by u.id`)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[waitingForMail])
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("find notifications to be mailed: %w", err)
	}
	posted := 0
	var failed error
	for _, p := range list {
		if !p.due() {
			continue
		}
		n, err := in.mailNotices(ctx, p)
		posted += n
		failed = errors.Join(failed, err)
	}
	return posted, failed
}

// unread is a notification that is about to be mailed.
type unread struct {
	ID           uuid.UUID
	Kind         string
	Title, Body  string
	Organization string
	CreatedAt    time.Time
}

// mailNotices posts one mail with what is marked for the person. What they
// have read meanwhile is old news.
func (in *Install) mailNotices(ctx context.Context, p waitingForMail) (posted int, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			with marked as (
				update notifications set mail = false where user_id = $1 and mail returning id, kind, title, body, organization_id, created_at, read_at
			)
			select m.id, m.kind, m.title, m.body, o.name, m.created_at from marked m join organizations o on o.id = m.organization_id
			where m.read_at is null order by m.created_at desc, m.id`, p.User)
		if err != nil {
			return err
		}
		list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[unread])
		if err != nil || len(list) == 0 || !p.Reachable {
			return err
		}
		letter, err := in.noticeLetter(p, list)
		if err != nil {
			return err
		}
		if err := in.post(ctx, tx, Addressee{Name: p.Name, Email: p.Email, User: &p.User}, letter); err != nil {
			return err
		}
		posted = 1
		_, err = tx.Exec(ctx, `update users set notified_at = now() where id = $1`, p.User)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("mail notifications: %w", err)
	}
	return posted, nil
}

func (in *Install) noticeLetter(p waitingForMail, list []unread) (Letter, error) {
	settings := in.address("/settings/notifications")
	kind := ""
	if len(list) == 1 {
		kind = list[0].Kind
	}
	token, err := in.unsubscribeToken(p.User, kind)
	if err != nil {
		return nil, err
	}
	unsubscribe := in.address("/unsubscribe/" + token)
	if n := list[0]; len(list) == 1 {
		about, _ := notificationKind(n.Kind)
		return NoticeLetter{Title: n.Title, Body: n.Body, About: about.Name, Organization: n.Organization,
			Href: in.noticeHref(n), Settings: settings, Unsubscribe: unsubscribe}, nil
	}
	d := DigestLetter{Daily: p.Digest != nil, Zone: p.Zone, Href: in.address("/notifications"), Settings: settings, Unsubscribe: unsubscribe}
	zone, err := LoadZone(p.Zone)
	if err != nil {
		zone = time.UTC
	}
	for _, n := range list[:min(len(list), noticesShown)] {
		d.Notices = append(d.Notices, DigestItem{Title: n.Title, Body: n.Body, Organization: n.Organization,
			When: n.CreatedAt.In(zone).Format("Mon 2 Jan, 15:04"), Href: in.noticeHref(n)})
	}
	d.More = len(list) - len(d.Notices)
	return d, nil
}

// noticeHref leads to what a notification is about, in whichever of the
// person's organizations that is.
func (in *Install) noticeHref(n unread) string { return in.address("/notifications/" + n.ID.String()) }

// NotificationPlace is where a notification of the person's leads.
type NotificationPlace struct {
	Organization uuid.UUID
	Notification Notification
}

// NotificationPlace finds one of the person's notifications, in any of their
// organizations.
func (p *Person) NotificationPlace(ctx context.Context, id uuid.UUID) (NotificationPlace, error) {
	var at NotificationPlace
	n := &at.Notification
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			select n.organization_id, n.id, n.kind, n.post_id, n.account_id from notifications n
			join memberships m on m.organization_id = n.organization_id where n.id = $1`, id).
			Scan(&at.Organization, &n.ID, &n.Kind, &n.PostID, &n.AccountID)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return at, notFound("notification")
	}
	if err != nil {
		return at, fmt.Errorf("find notification: %w", err)
	}
	return at, nil
}
