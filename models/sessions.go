package models

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
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

	kept bool // there is, or was, a row: it is never made again
}

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

// Session returns the session with that token, or nil when it has ended.
func (in *Install) Session(ctx context.Context, token string) (*Session, error) {
	if len(token) != tokenLength {
		return nil, nil
	}
	s := &Session{Token: token, kept: true}
	var user struct {
		ID                           *uuid.UUID
		Email, Name, TimeZone, Theme *string
		WeekStart                    *int
		Platform                     *PlatformRole
	}
	b := &pgx.Batch{}
	b.Queue(`
		with seen as (
			update sessions set seen_at = now() where id = $1 and expires_at > now() and seen_at > now() - $2::interval
				and seen_at < now() - interval '1 minute'
		)
		select s.data, u.id, u.email, u.name, u.time_zone, u.theme, u.week_start, u.platform_role
		from sessions s left join users u on u.id = s.user_id
		where s.id = $1 and u.suspended_at is null and s.expires_at > now() and s.seen_at > now() - $2::interval`, tokenHash(token), in.set.SessionIdle).
		QueryRow(func(row pgx.Row) error {
			return row.Scan(&s.Data, &user.ID, &user.Email, &user.Name, &user.TimeZone, &user.Theme, &user.WeekStart, &user.Platform)
		})
	err := in.db.Send(ctx, tenant.System(), b)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find session: %w", err)
	}
	if user.ID != nil {
		s.Person = &Person{store: in.Store, User: User{ID: *user.ID, Email: *user.Email, Name: *user.Name,
			TimeZone: *user.TimeZone, Theme: *user.Theme, WeekStart: time.Weekday(*user.WeekStart), Platform: *user.Platform}}
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
	s.kept = true
	return nil
}

// RenewSession gives the session another token; the old one opens nothing any
// more. What was begun at networks under the old one is forgotten.
func (in *Install) RenewSession(ctx context.Context, s *Session) error {
	fresh := NewToken()
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from connect_states where session_id = $1`, s.ID()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update sessions set id = $2 where id = $1`, s.ID(), tokenHash(fresh))
		return err
	})
	if err != nil {
		return fmt.Errorf("renew session: %w", err)
	}
	s.Token = fresh
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
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from sessions where id = $1`, tokenHash(token))
		return err
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// Devices lists where the person is signed in, the newest use first. current
// is the token of the session that asks.
func (p *Person) Devices(ctx context.Context, current string) ([]Device, error) {
	var list []Device
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select encode(id, 'hex'), ip, agent, created_at, seen_at, id = $2, false from sessions
			where expires_at > now() and seen_at > now() - $1::interval
			union all select id::text, ip, agent, created_at, seen_at, false, true from token_families where expires_at > now()
			order by seen_at desc limit 200`, p.store.set.SessionIdle, tokenHash(current))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Device])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
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
	var n int64
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, revoke, row)
		n = tag.RowsAffected()
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke device: %w", err)
	}
	if n == 0 {
		return notFound("device")
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
		_, err := tx.Exec(ctx, `delete from sessions where id <> $1`, tokenHash(current))
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke other devices: %w", err)
	}
	return nil
}
