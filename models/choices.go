package models

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/seal"
)

// NotificationChoices is what a person wants to be told, and when mail comes.
type NotificationChoices struct {
	Reach  map[string]Reach // by kind; each kind of NotificationKinds is there
	Digest *int             // the hour at which mail is gathered, in the person's zone; nil: it comes at once
}

// NotificationChoices reads them.
func (p *Person) NotificationChoices(ctx context.Context) (NotificationChoices, error) {
	c := NotificationChoices{Reach: map[string]Reach{}}
	for _, k := range NotificationKinds {
		c.Reach[k.Kind] = k.Reach
	}
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `select digest_hour from users where id = $1`, p.User.ID).Scan(&c.Digest); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select kind, reach from notification_choices`)
		if err != nil {
			return err
		}
		var kind string
		var reach Reach
		_, err = pgx.ForEachRow(rows, []any{&kind, &reach}, func() error {
			if _, known := c.Reach[kind]; known {
				c.Reach[kind] = reach
			}
			return nil
		})
		return err
	})
	if err != nil {
		return c, fmt.Errorf("read what somebody wants to be told: %w", err)
	}
	return c, nil
}

// ChooseNotifications keeps how far each of the kinds comes. Kinds that are
// not named stay as they are.
func (p *Person) ChooseNotifications(ctx context.Context, reach map[string]Reach) error {
	for kind, r := range reach {
		if _, ok := notificationKind(kind); !ok || !slices.Contains(Reaches, r) {
			return invalid(kind, "Choose how far these come: by mail, in AllIN only, or not at all.")
		}
	}
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		for _, k := range NotificationKinds { // in order, so that two saves do not lock each other out
			r, ok := reach[k.Kind]
			if !ok {
				continue
			}
			if _, err := tx.Exec(ctx, `insert into notification_choices (user_id, kind, reach) values ($1, $2, $3)
				on conflict (user_id, kind) do update set reach = excluded.reach`, p.User.ID, k.Kind, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("choose notifications: %w", err)
	}
	return nil
}

// ChooseDigest keeps when mail comes: gathered once a day at the hour in the
// person's zone, or, with nil, at once.
func (p *Person) ChooseDigest(ctx context.Context, hour *int) error {
	if hour != nil && (*hour < 0 || *hour > 23) {
		return invalid("hour", "Choose an hour of the day.")
	}
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update users set digest_hour = $2, updated_at = now() where id = $1`, p.User.ID, hour)
		return err
	})
	if err != nil {
		return fmt.Errorf("choose when mail comes: %w", err)
	}
	return nil
}

// unsubscription is what a link at the foot of a mail ends: mails of a kind,
// or of every kind, to one person.
type unsubscription struct {
	User uuid.UUID `json:"u"`
	Kind string    `json:"k"` // "": every kind
}

// Such a link works for whoever has it, signed in or not, and for as long as
// the mail lies somewhere. All that it can do is to end mails; notifications
// still come into the app.
func (s *Store) unsubscribeToken(user uuid.UUID, kind string) (string, error) {
	plain, err := json.Marshal(unsubscription{user, kind})
	if err != nil {
		return "", fmt.Errorf("encode unsubscription: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(s.box.Seal(plain, unsubscribeAD)), nil
}

var unsubscribeAD = seal.At("mails", "unsubscribe", "", "")

var errNoUnsubscription = &Error{Code: NotFound, Message: "This link is not complete. Copy all of it from the mail, or sign in and choose under Settings, Notifications."}

func (s *Store) unsubscription(token string) (u unsubscription, err error) {
	const most = 1000
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(token) > most {
		return u, errNoUnsubscription
	}
	plain, err := s.box.Unseal(sealed, unsubscribeAD)
	if err != nil || json.Unmarshal(plain, &u) != nil {
		return u, errNoUnsubscription
	}
	return u, nil
}

// Unsubscription tells what the link with that token ends: the kind's name, or
// "" for all kinds.
func (in *Install) Unsubscription(token string) (string, error) {
	u, err := in.unsubscription(token)
	kind, _ := notificationKind(u.Kind)
	return kind.Name, err
}

// Unsubscribe ends mails as the link with that token says. Kinds that the
// person has switched off stay off.
func (in *Install) Unsubscribe(ctx context.Context, token string) error {
	u, err := in.unsubscription(token)
	if err != nil {
		return err
	}
	err = in.system(ctx, func(tx pgx.Tx) error {
		for _, k := range NotificationKinds {
			if u.Kind != "" && u.Kind != k.Kind {
				continue
			}
			if _, err := tx.Exec(ctx, `update notification_choices set reach = 'app' where user_id = $1 and kind = $2 and reach = 'mail'`,
				u.User, k.Kind); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `insert into notification_choices (user_id, kind, reach)
				select id, $2, 'app' from users where id = $1 and $3 = 'mail' on conflict do nothing`, u.User, k.Kind, string(k.Reach)); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `update notifications set mail = false where user_id = $1 and mail and ($2 = '' or kind = $2)`, u.User, u.Kind)
		return err
	})
	if err != nil {
		return fmt.Errorf("unsubscribe: %w", err)
	}
	return nil
}

// nextDigest is when the clock in the zone next shows the hour, after t.
func nextDigest(t time.Time, hour int, zone string) time.Time {
	w, err := WallOf(t, zone)
	if err != nil { // a zone that this version does not know any more
		zone = "UTC"
		w, _ = WallOf(t, zone)
	}
	w.Time = fmt.Sprintf("%02d:00", hour)
	for {
		at, err := w.Instant()
		if err != nil || at.After(t) {
			return at
		}
		day, err := time.Parse(time.DateOnly, w.Date)
		if err != nil {
			return at
		}
		w.Date = day.AddDate(0, 0, 1).Format(time.DateOnly)
	}
}
