package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/allin-platform/allin/models/tenant"
)

type userRow struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	Email        string
	Name         string
	PasswordHash string
	TimeZone     string
	WeekStart    int
	Theme        string
	PlatformRole PlatformRole
	PictureID    *uuid.UUID

	EmailVerifiedAt *time.Time
	SuspendedAt     *time.Time
}

func (userRow) TableName() string { return "users" }

func (r userRow) user() User {
	u := User{ID: r.ID, Email: r.Email, Name: r.Name, TimeZone: r.TimeZone, WeekStart: time.Weekday(r.WeekStart), Theme: r.Theme,
		Platform: r.PlatformRole}
	if r.PictureID != nil {
		u.Picture = *r.PictureID
	}
	return u
}

type organizationRow struct {
	ID       uuid.UUID `gorm:"primaryKey"`
	Name     string
	TimeZone string
	Demo     bool
}

func (organizationRow) TableName() string { return "organizations" }

type membershipRow struct {
	OrganizationID uuid.UUID `gorm:"primaryKey"`
	UserID         uuid.UUID `gorm:"primaryKey"`
	Role           Role
}

func (membershipRow) TableName() string { return "memberships" }

func validName(field, v, what string) error {
	switch {
	case v == "":
		return invalid(field, "Enter %s.", what)
	case utf8.RuneCountInString(v) > 100:
		return invalid(field, "Enter at most 100 characters.")
	}
	return nil
}

var errSignIn = &Error{Code: Invalid, Message: "The address or the password is wrong.",
	Fields: map[string]string{"password": "The address or the password is wrong."}}

// SignIn checks an address and a password. The answer to an unknown address
// is the same as to a wrong password, and takes as long.
func (in *Install) SignIn(ctx context.Context, email, password, ip string) (*Person, error) {
	email = canonicalEmail(email)
	if err := in.throttleSignIn(ctx, email, ip); err != nil {
		return nil, err
	}
	var row userRow
	err := in.db.Tx(ctx, tenant.System(), func(tx *tenant.Tx) error {
		return tx.Where("lower(email) = ?", email).Limit(1).Find(&row).Error
	})
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	ok, err := in.passwords.check(ctx, row.PasswordHash, password)
	if err != nil {
		return nil, err
	}
	if !ok || row.ID == uuid.Nil || row.PasswordHash == "" || row.SuspendedAt != nil {
		return nil, errSignIn
	}
	if err := in.unthrottle(ctx, signInKey(email)); err != nil {
		return nil, err
	}
	return &Person{store: in.Store, User: row.user()}, nil
}

func plural(n int, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// Memberships lists the person's organizations by name, suspended ones last.
func (p *Person) Memberships(ctx context.Context) ([]Membership, error) {
	var list []Membership
	b := &pgx.Batch{}
	b.Queue(`select o.id, o.name, m.role, o.demo, coalesce(o.logo_id, '00000000-0000-0000-0000-000000000000') from memberships m
		join organizations o on o.id = m.organization_id
		order by exists (select 1 from suspensions s where s.organization_id = o.id), lower(o.name), o.id`).Query(func(rows pgx.Rows) (err error) {
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Membership])
		return err
	})
	err := p.store.db.Send(ctx, p.scope(), b)
	if err != nil {
		return nil, fmt.Errorf("list memberships: %w", err)
	}
	return list, nil
}

// Workspace is the person's handle in an organization of theirs. In any other
// there is nothing to be found.
func (p *Person) Workspace(ctx context.Context, organization uuid.UUID) (*Workspace, error) {
	w := &Workspace{store: p.store, Member: p.User}
	locked := false
	b := &pgx.Batch{}
	suspended := false
	b.Queue(`with seen as (
			update memberships set seen_at = now() where organization_id = $1 and user_id = $2
				and (seen_at is null or seen_at < now() - interval '5 minutes')
		)
		select o.id, o.name, o.time_zone, o.demo, coalesce(o.logo_id, '00000000-0000-0000-0000-000000000000'), o.week_start,
			to_char(o.posting_time, 'HH24:MI'), m.role, o.second_factor_required and not `+hasFactor("m.user_id")+`,
			exists (select 1 from suspensions s where s.organization_id = o.id)
		from memberships m join organizations o on o.id = m.organization_id where o.id = $1`, organization, p.User.ID).QueryRow(func(row pgx.Row) error {
		o := &w.Organization
		return row.Scan(&o.ID, &o.Name, &o.TimeZone, &o.Demo, &o.Logo, &o.WeekStart, &o.PostingTime, &w.Role, &locked, &suspended)
	})
	err := p.store.db.Send(ctx, p.scope(), b)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, notFound("organization")
	}
	if err != nil {
		return nil, fmt.Errorf("open workspace: %w", err)
	}
	if suspended {
		return nil, &Error{Code: Suspended, Message: w.Organization.Name + " is suspended on this installation. Nothing of it is lost, and nothing is published meanwhile. " +
			"Ask whoever runs this installation what the matter is."}
	}
	if locked {
		return nil, factorNeeded(w.Organization.Name)
	}
	return w, nil
}

// Profile is what a person may change of themselves.
type Profile struct {
	Name, TimeZone, Theme string
	WeekStart             time.Weekday
}

// ChangeProfile keeps the person's name, zone, week start and theme.
func (p *Person) ChangeProfile(ctx context.Context, in Profile) error {
	in.Name = strings.TrimSpace(in.Name)
	if err := validName("name", in.Name, "your name"); err != nil {
		return err
	}
	if _, err := LoadZone(in.TimeZone); err != nil {
		return err
	}
	if in.Theme != "system" && in.Theme != "light" && in.Theme != "dark" {
		return invalid("theme", "Choose the system's theme, light or dark.")
	}
	if in.WeekStart < time.Sunday || in.WeekStart > time.Saturday {
		return invalid("week_start", "Choose the day on which your week starts.")
	}
	err := p.store.db.Tx(ctx, p.scope(), func(tx *tenant.Tx) error {
		return tx.Model(&userRow{}).Where("id = ?", p.User.ID).Updates(map[string]any{"name": in.Name,
			"time_zone": in.TimeZone, "theme": in.Theme, "week_start": int(in.WeekStart), "updated_at": gorm.Expr("now()")}).Error
	})
	if err != nil {
		return fmt.Errorf("change profile: %w", err)
	}
	p.User.Name, p.User.TimeZone, p.User.Theme, p.User.WeekStart = in.Name, in.TimeZone, in.Theme, in.WeekStart
	return nil
}
