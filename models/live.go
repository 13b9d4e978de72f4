package models

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// The channels on which processes tell each other what changed. Messages
// carry ids only: who hears one reads the rest, as far as they may.
const (
	liveChannel  = "allin_live"
	clockChannel = "allin_clock"
)

// What can change.
const (
	topicPosts         = "posts"
	topicAccounts      = "accounts"
	topicMedia         = "media"
	topicNotifications = "notifications"
	topicHold          = "hold"
)

// Change is something that changed in an organization.
type Change struct {
	Organization uuid.UUID // zero: in the installation, for all
	Topic        string    // posts, accounts, media, notifications, hold
	ID           string    // of the post, the account, …; "" for several
}

func (s *Store) changed(organization uuid.UUID, topic string, id uuid.UUID) {
	s.db.Notify(liveChannel, organization.String()+" "+topic+" "+id.String())
}

func (w *Workspace) changed(topic string, id uuid.UUID) {
	w.store.changed(w.Organization.ID, topic, id)
}

// wakeClock makes the clock look at what is due now and not at its next tick.
func (s *Store) wakeClock() { s.db.Notify(clockChannel, "") }

// Changes calls changed for what any process changes, until ctx ends, and
// resync after a time in which messages may have been lost.
func (in *Install) Changes(ctx context.Context, changed func(Change), resync func()) {
	in.db.Listen(ctx, []string{liveChannel}, in.log, func(_, payload string) {
		f := strings.SplitN(payload, " ", 3)
		if len(f) != 3 {
			return
		}
		organization, err := uuid.Parse(f[0])
		if err != nil {
			return
		}
		changed(Change{Organization: organization, Topic: f[1], ID: f[2]})
	}, resync)
}

// ClockCalls calls wake whenever a process wants the clock to look at once.
func (in *Install) ClockCalls(ctx context.Context, wake func()) {
	in.db.Listen(ctx, []string{clockChannel}, in.log, func(string, string) { wake() }, wake)
}

// Listening is a live connection: a session that hears of one organization.
type Listening struct {
	Session      []byte // its id
	Organization uuid.UUID
	Role         Role // as the page was made for
}

// StillListening tells, one by one, whether the session has not ended and its
// person is still a member there, in the same role, whom the organization lets in. It does not count as use of the session.
func (in *Install) StillListening(ctx context.Context, list []Listening) ([]bool, error) {
	sessions, organizations, roles := make([][]byte, len(list)), make([]uuid.UUID, len(list)), make([]string, len(list))
	for i, l := range list {
		sessions[i], organizations[i], roles[i] = l.Session, l.Organization, string(l.Role)
	}
	seen, fresh := in.live.seen(ctx, sessions), make([]bool, len(list))
	for i := range seen {
		fresh[i] = !seen[i].IsZero()
	}
	still := make([]bool, len(list))
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			select l.i from unnest($1::bytea[], $2::uuid[], $4::boolean[], $5::text[]) with ordinality as l(session, organization, fresh, role, i)
			join sessions s on s.id = l.session and s.expires_at > now() and (l.fresh or s.seen_at > now() - $3::interval)
			join memberships m on m.user_id = s.user_id and m.organization_id = l.organization and m.role = l.role
			join organizations o on o.id = m.organization_id and o.deleted_at is null and (not o.second_factor_required or `+hasFactor("m.user_id")+`)
			where not exists (select 1 from suspensions x where x.organization_id = l.organization)`,
			sessions, organizations, in.set.SessionIdle, fresh, roles)
		if err != nil {
			return err
		}
		var i int
		_, err = pgx.ForEachRow(rows, []any{&i}, func() error {
			still[i-1] = true
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look at live sessions: %w", err)
	}
	return still, nil
}
