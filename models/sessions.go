package models

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// Session is a browser's session. Only the hash of its token is kept, so a
// read of the table opens none.
type Session struct {
	Token  string // what the cookie holds; 256 random bits
	Data   []byte
	Person *Person // nil: nobody is signed in

	kept     bool          // there is, or was, a row: it is never made again
	proofAge time.Duration // how long ago its person proved who they are
}

// Proven reports whether the person proved who they are within the span.
func (s *Session) Proven(within time.Duration) bool { return s.proofAge <= within }

// ID names the session's row: what other rows that belong to it refer to.
func (s *Session) ID() []byte { return tokenHash(s.Token) }

func tokenHash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// NewToken returns 256 random bits in the form in which they travel.
func NewToken() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// tokenLength is the length of what NewToken returns.
const tokenLength = 43

// touchEvery is how often a session's row is told that it is in use. Where
// Redis is told at each request, the row need only be near.
func (s *Store) touchEvery() time.Duration {
	if s.live != nil {
		return s.set.SessionIdle / 12
	}
	return min(time.Minute, s.set.SessionIdle/12)
}

// Session returns the session with that token, or nil when it has ended.
func (in *Install) Session(ctx context.Context, token string) (*Session, error) {
	if len(token) != tokenLength {
		return nil, nil
	}
	s := &Session{Token: token, kept: true}
	data, alive := in.live.read(ctx, s.ID())
	var user struct {
		ID                           *uuid.UUID
		Email, Name, TimeZone, Theme *string
		WeekStart                    *int
		Platform                     *PlatformRole
		Picture                      uuid.UUID
	}
	b := &pgx.Batch{}
	b.Queue(`
		with seen as (
			update sessions set seen_at = now() where id = $1 and expires_at > now() and ($3 or seen_at > now() - $2::interval)
				and seen_at < now() - $4::interval
		)
		select s.data, now() - s.proved_at, u.id, u.email, u.name, u.time_zone, u.theme, u.week_start, u.platform_role,
			coalesce(u.picture_id, '00000000-0000-0000-0000-000000000000')
		from sessions s left join users u on u.id = s.user_id
		where s.id = $1 and u.suspended_at is null and s.expires_at > now() and ($3 or s.seen_at > now() - $2::interval)`,
		s.ID(), in.set.SessionIdle, alive, in.touchEvery()).
		QueryRow(func(row pgx.Row) error {
			return row.Scan(&s.Data, &s.proofAge, &user.ID, &user.Email, &user.Name, &user.TimeZone, &user.Theme, &user.WeekStart, &user.Platform, &user.Picture)
		})
	err := in.db.Send(ctx, tenant.System(), b)
	if errors.Is(err, pgx.ErrNoRows) {
		if alive {
			in.live.drop(ctx, s.ID())
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find session: %w", err)
	}
	if alive {
		s.Data = data
	} else {
		in.live.write(ctx, s.ID(), s.Data)
	}
	if user.ID != nil {
		s.Person = &Person{store: in.Store, User: User{ID: *user.ID, Email: *user.Email, Name: *user.Name,
			TimeZone: *user.TimeZone, Theme: *user.Theme, WeekStart: time.Weekday(*user.WeekStart), Platform: *user.Platform, Picture: user.Picture}}
	}
	return s, nil
}

// SaveSession keeps the session's data and whose it is. A new session gets
// its lifetime here; an old one keeps the end it has, and one that has ended
// meanwhile stays so.
func (in *Install) SaveSession(ctx context.Context, s *Session, ip, agent string) error {
	var user *uuid.UUID
	if s.Person != nil {
		user = &s.Person.User.ID
	}
	if len(agent) > 300 {
		agent = agent[:300]
	}
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		if s.kept {
			_, err := tx.Exec(ctx, `update sessions set user_id = $2, data = $3, ip = $4, agent = $5, seen_at = now() where id = $1`,
				s.ID(), user, s.Data, ip, printable(agent))
			return err
		}
		_, err := tx.Exec(ctx, `insert into sessions (id, user_id, data, ip, agent, expires_at)
			values ($1, $2, $3, $4, $5, now() + $6::interval)`,
			s.ID(), user, s.Data, ip, printable(agent), in.set.SessionLifetime)
		return err
	})
	if err != nil {
		return fmt.Errorf("save session: %w", err)
	}
	in.live.write(ctx, s.ID(), s.Data)
	s.kept = true
	return nil
}

// RenewSession gives the session another token; the old one opens nothing any
// more. What was begun at networks under the old one is forgotten.
func (in *Install) RenewSession(ctx context.Context, s *Session) error {
	err := in.retoken(ctx, s, func(pgx.Tx, []byte) error { return nil })
	if err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	return nil
}

// retoken gives the session another token and does more to its row in the same
// transaction. Nothing stays under the old token's name.
func (in *Install) retoken(ctx context.Context, s *Session, more func(tx pgx.Tx, id []byte) error) error {
	fresh, old := NewToken(), s.ID()
	err := in.system(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from connect_states where session_id = $1`, old); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update sessions set id = $2 where id = $1`, old, tokenHash(fresh)); err != nil {
			return err
		}
		return more(tx, tokenHash(fresh))
	})
	if err != nil {
		return err
	}
	s.Token = fresh
	in.live.move(ctx, old, s.ID(), s.Data)
	return nil
}

// printable keeps what a database text can hold and a page can show.
func printable(v string) string {
	out := make([]rune, 0, len(v))
	for _, r := range v {
		if r >= ' ' && r != 0xfffd && r != 0x7f {
			out = append(out, r)
		}
	}
	return string(out)
}

// EndSession removes the session.
func (in *Install) EndSession(ctx context.Context, token string) error {
	id := tokenHash(token)
	err := in.system(ctx, func(tx pgx.Tx) error {
		var u User
		err := tx.QueryRow(ctx, `delete from sessions s using users u where s.id = $1 and u.id = s.user_id returning u.id, u.name`, id).Scan(&u.ID, &u.Name)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return in.auditUser(ctx, tx, u, "session.ended", nil)
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	in.live.drop(ctx, id)
	return nil
}

// Devices lists where the person is signed in, the newest use first. current
// is the token of the session that asks.
func (p *Person) Devices(ctx context.Context, current string) ([]Device, error) {
	type row struct {
		Device
		id    []byte
		fresh bool // used within the idle time, as far as the row knows
	}
	var rows []row
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		found, err := tx.Query(ctx, `select id, encode(id, 'hex'), ip, agent, created_at, seen_at, id = $2, false, seen_at > now() - $1::interval
			from sessions where expires_at > now()
			union all select null, id::text, ip, agent, created_at, seen_at, false, true, true from token_families where expires_at > now()
			order by seen_at desc limit 200`, p.store.set.SessionIdle, tokenHash(current))
		if err != nil {
			return err
		}
		rows, err = pgx.CollectRows(found, func(r pgx.CollectableRow) (row, error) {
			var d row
			err := r.Scan(&d.id, &d.ID, &d.IP, &d.Agent, &d.CreatedAt, &d.SeenAt, &d.Current, &d.Program, &d.fresh)
			return d, err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	ids := make([][]byte, len(rows))
	for i, r := range rows {
		ids[i] = r.id
	}
	seen := p.store.live.seen(ctx, ids)
	var list []Device
	for i, r := range rows {
		if seen[i].After(r.SeenAt) {
			r.SeenAt, r.fresh = seen[i], true
		}
		if r.fresh {
			list = append(list, r.Device)
		}
	}
	slices.SortStableFunc(list, func(a, b Device) int { return b.SeenAt.Compare(a.SeenAt) })
	return list, nil
}

// RevokeDevice signs the person out there.
func (p *Person) RevokeDevice(ctx context.Context, id string) error {
	revoke, row := `delete from sessions where id = $1`, any(nil)
	if family, err := uuid.Parse(id); err == nil {
		revoke, row = `delete from token_families where id = $1`, family
	} else if row, err = hex.DecodeString(id); err != nil {
		return notFound("device")
	}
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, revoke, row)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return notFound("device")
		}
		return p.audit(ctx, tx, "session.revoked", "", nil)
	})
	if err != nil {
		return fmt.Errorf("revoke device: %w", err)
	}
	if raw, ok := row.([]byte); ok {
		p.store.live.drop(ctx, raw)
	}
	return nil
}

// RevokeOtherDevices signs the person out everywhere but in the session that
// asks, programs included.
func (p *Person) RevokeOtherDevices(ctx context.Context, current string) error {
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from token_families`); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `delete from sessions where id <> $1`, tokenHash(current))
		if err != nil {
			return err
		}
		return p.audit(ctx, tx, "session.revoked_others", "", map[string]any{"sessions": tag.RowsAffected()})
	})
	if err != nil {
		return fmt.Errorf("revoke other devices: %w", err)
	}
	return nil
}
