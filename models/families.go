package models

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models/tenant"
)

const (
	familyLife    = 30 * 24 * time.Hour // however often it is refreshed
	refreshGrace  = 10 * time.Second    // in which a spent refresh token still gets its successor
	refreshPrefix = "allin_rt_"
)

// Tokens are what a program gets to act for a person.
type Tokens struct {
	Access       string
	AccessLife   time.Duration
	Refresh      string    // "" where it stays the one that the program has
	Expires      time.Time // of the refresh token and all that follow it
	Organization uuid.UUID // zero: none
}

// refreshToken is what is written in a refresh token: which family, the
// how-manieth of it, and a proof of both that only AllIN can make. So the same
// successor can be given again, and no token has to be kept.
type refreshToken struct {
	family     uuid.UUID
	generation uint32
	proof      []byte
}

func (t refreshToken) String() string {
	b := append([]byte{}, t.family[:]...)
	b = binary.BigEndian.AppendUint32(b, t.generation)
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(append(b, t.proof...))
}

func parseRefresh(token string) (t refreshToken, ok bool) {
	text, ok := strings.CutPrefix(token, refreshPrefix)
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if !ok || len(token) > 200 || err != nil || len(b) != 16+4+sha256.Size {
		return t, false
	}
	copy(t.family[:], b)
	t.generation, t.proof = binary.BigEndian.Uint32(b[16:]), b[20:]
	return t, true
}

// proveRefresh is the proof in a family's refresh token of that generation.
func proveRefresh(secret []byte, family uuid.UUID, generation uint32) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write(family[:])
	m.Write(binary.BigEndian.AppendUint32(nil, generation))
	return m.Sum(nil)
}

func familyAD(id uuid.UUID) []byte { return seal.At("token_families", "sealed", "", id.String()) }

// OpenFamily signs the person in for a program, in the organization, or, with
// none given, in the first of theirs.
func (in *Install) OpenFamily(ctx context.Context, p *Person, organization uuid.UUID) (*Tokens, error) {
	list, err := p.Memberships(ctx)
	if err != nil {
		return nil, err
	}
	chosen := organization
	if chosen == uuid.Nil && len(list) > 0 {
		chosen = list[0].OrganizationID
	}
	if chosen != uuid.Nil {
		if _, err := p.Workspace(ctx, chosen); err != nil {
			if CodeOf(err) == NotFound {
				return nil, invalid("organization", "You are not a member of this organization.")
			}
			return nil, err
		}
	}
	id, secret := newID(), make([]byte, 32)
	rand.Read(secret)
	origin := OriginOf(ctx)
	t := &Tokens{Refresh: refreshToken{id, 1, proveRefresh(secret, id, 1)}.String(), AccessLife: accessLife, Organization: chosen}
	err = in.system(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `insert into token_families (id, organization_id, user_id, sealed, ip, agent, expires_at)
			values ($1, $2, $3, $4, $5, left($6, 300), now() + $7::interval) returning expires_at`, id, orNull(chosen), p.User.ID,
			in.box.Seal(secret, familyAD(id)), origin.Address, printable(origin.Agent), familyLife).Scan(&t.Expires); err != nil {
			return err
		}
		return in.auditUser(ctx, tx, p.User, "token.issued", map[string]any{"session": id, "organization": orNull(chosen)})
	})
	if err != nil {
		return nil, fmt.Errorf("open token family: %w", err)
	}
	t.Access, err = in.sign(ctx, p.User.ID, id, chosen)
	return t, err
}

func orNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

var errRefresh = &Error{Code: Unauthenticated, Message: "The refresh token is wrong, spent, or its time is over. Sign in again."}

// family is a family's row while a refresh token of it is looked at.
type family struct {
	id           uuid.UUID
	organization *uuid.UUID
	user         User
	secret       []byte
	generation   uint32
	inGrace      bool
	expires      time.Time
}

// Refresh spends a refresh token for the next one and a new access token. One
// that was spent a moment ago gets the same successor again, since two windows
// of a program may ask at once. One that was spent before has been copied by
// somebody: the family ends, and the person is told.
func (in *Install) Refresh(ctx context.Context, token string) (*Tokens, error) {
	given, ok := parseRefresh(token)
	if !ok {
		return nil, errRefresh
	}
	var f *family
	var reused bool
	next := given.generation + 1
	err := in.system(ctx, func(tx pgx.Tx) (err error) {
		if f, err = in.family(ctx, tx, given); err != nil || f == nil {
			return err
		}
		switch {
		case given.generation == f.generation:
			_, err = tx.Exec(ctx, `update token_families set generation = $2, rotated_at = clock_timestamp(), seen_at = now(), ip = $3 where id = $1`,
				f.id, next, OriginOf(ctx).Address)
			return err
		case given.generation == f.generation-1 && f.inGrace:
			return nil
		}
		reused = true
		return in.endStolen(ctx, tx, f)
	})
	if err != nil {
		return nil, fmt.Errorf("refresh: %w", err)
	}
	if reused {
		in.wakeClock()
		in.changed(orZero(f.organization), topicNotifications, uuid.Nil)
	}
	if f == nil || reused {
		return nil, errRefresh
	}
	t := &Tokens{Refresh: refreshToken{f.id, next, proveRefresh(f.secret, f.id, next)}.String(), AccessLife: accessLife, Expires: f.expires,
		Organization: orZero(f.organization)}
	t.Access, err = in.sign(ctx, f.user.ID, f.id, t.Organization)
	return t, err
}

func orZero(id *uuid.UUID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return *id
}

// family locks and returns the family that the refresh token belongs to, nil
// when there is none or the token is not one of its.
func (in *Install) family(ctx context.Context, tx pgx.Tx, given refreshToken) (*family, error) {
	f := &family{id: given.family}
	var sealed []byte
	err := tx.QueryRow(ctx, `select f.organization_id, f.sealed, f.generation, f.rotated_at > clock_timestamp() - $2::interval, f.expires_at,
			u.id, u.name, u.email, u.time_zone
		from token_families f join users u on u.id = f.user_id
		where f.id = $1 and f.expires_at > now() and u.suspended_at is null for update of f`, f.id, refreshGrace).
		Scan(&f.organization, &sealed, &f.generation, &f.inGrace, &f.expires, &f.user.ID, &f.user.Name, &f.user.Email, &f.user.TimeZone)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if f.secret, err = in.box.Unseal(sealed, familyAD(f.id)); err != nil {
		return nil, fmt.Errorf("open token family: %w", err)
	}
	if given.generation > f.generation || !hmac.Equal(given.proof, proveRefresh(f.secret, f.id, given.generation)) {
		return nil, nil
	}
	return f, nil
}

// endStolen ends a family of which somebody has an old token, and tells its owner.
func (in *Install) endStolen(ctx context.Context, tx pgx.Tx, f *family) error {
	if _, err := tx.Exec(ctx, `delete from token_families where id = $1`, f.id); err != nil {
		return err
	}
	if err := in.auditUser(ctx, tx, f.user, "token.reused", map[string]any{"session": f.id}); err != nil {
		return err
	}
	if f.organization != nil {
		if err := in.notify(ctx, tx, *f.organization, audience{people: []uuid.UUID{f.user.ID}}, note{kind: noteReused, title: "A program of yours was signed out",
			body: "Its sign-in was used twice, as happens when somebody has copied it. If the program is yours, sign in there again; if you do not know it, change your password."}); err != nil {
			return err
		}
	}
	return in.post(ctx, tx, Addressee{Name: f.user.Name, Email: f.user.Email, User: &f.user.ID, Organization: f.organization},
		RefreshReused{At: in.now(), Zone: f.user.TimeZone, Address: OriginOf(ctx).Address, Devices: in.address("/settings/devices")})
}

// EndFamily signs a program out by a refresh token of its, spent or not. What
// is no refresh token, or of a family that has ended, changes nothing.
func (in *Install) EndFamily(ctx context.Context, token string) error {
	given, ok := parseRefresh(token)
	if !ok {
		return nil
	}
	err := in.system(ctx, func(tx pgx.Tx) error {
		f, err := in.family(ctx, tx, given)
		if err != nil || f == nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from token_families where id = $1`, f.id); err != nil {
			return err
		}
		return in.auditUser(ctx, tx, f.user, "token.revoked", map[string]any{"session": f.id})
	})
	if err != nil {
		return fmt.Errorf("end token family: %w", err)
	}
	return nil
}

// SwitchOrganization makes the program that holds the caller's token go on in
// another organization of the person's, and returns an access token for it.
func (in *Install) SwitchOrganization(ctx context.Context, c *Caller, organization uuid.UUID) (*Tokens, error) {
	if _, err := c.Person.Workspace(ctx, organization); err != nil {
		return nil, err
	}
	t := &Tokens{AccessLife: accessLife, Organization: organization}
	err := in.system(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `update token_families set organization_id = $3 where id = $1 and user_id = $2 returning expires_at`,
			c.Family, c.Person.User.ID, organization).Scan(&t.Expires)
	})
	if err != nil {
		return nil, fmt.Errorf("switch organization: %w", err)
	}
	t.Access, err = in.sign(ctx, c.Person.User.ID, c.Family, organization)
	return t, err
}

// systemBatch runs the batch in one transaction that sees everything.
func (s *Store) systemBatch(ctx context.Context, b *pgx.Batch) error {
	return s.db.Send(ctx, tenant.System(), b)
}
