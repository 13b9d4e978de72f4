package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/mail"
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
	SuspendedAt  *time.Time
}

func (userRow) TableName() string { return "users" }

func (r userRow) user() User {
	return User{ID: r.ID, Email: r.Email, Name: r.Name, TimeZone: r.TimeZone, WeekStart: time.Weekday(r.WeekStart), Theme: r.Theme,
		Platform: r.PlatformRole}
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

// SignUp is what somebody gives to get an account.
type SignUp struct {
	Name, Email, Password string
	Organization          string // name of their first organization
	Zone                  string
	Demo                  bool         // marks the organization as a demonstration
	Platform              PlatformRole // "": PlatformUser
}

// tidy trims what people type and finds what is wrong with it, field by field.
func (s *SignUp) tidy() error {
	s.Name, s.Email, s.Organization = strings.TrimSpace(s.Name), strings.TrimSpace(s.Email), strings.TrimSpace(s.Organization)
	fields := map[string]string{}
	check := func(err error) {
		var e *Error
		if errors.As(err, &e) {
			for k, v := range e.Fields {
				fields[k] = v
			}
		}
	}
	check(validName("name", s.Name, "your name"))
	check(validName("organization", s.Organization, "your organization's name"))
	check(validEmail(s.Email))
	check(validPassword("password", s.Password))
	_, err := LoadZone(s.Zone)
	check(err)
	if len(fields) > 0 {
		return &Error{Code: Invalid, Message: "Some of this needs another look.", Fields: fields}
	}
	return nil
}

func validName(field, v, what string) error {
	switch {
	case v == "":
		return invalid(field, "Enter %s.", what)
	case utf8.RuneCountInString(v) > 100:
		return invalid(field, "Enter at most 100 characters.")
	}
	return nil
}

func validEmail(v string) error {
	a, err := mail.ParseAddress(v)
	if err != nil || a.Address != v || len(v) > 254 || !strings.Contains(v[strings.LastIndex(v, "@")+1:], ".") && !strings.HasSuffix(v, "@localhost") {
		return invalid("email", "Enter an e-mail address, for example ann@example.com.")
	}
	return nil
}

// SignUp makes a person with an organization of their own.
func (in *Install) SignUp(ctx context.Context, s SignUp, ip string) (*Person, error) {
	if err := s.tidy(); err != nil {
		return nil, err
	}
	if err := in.throttle(ctx, "sign-up:ip:"+ip, 20, time.Hour); err != nil {
		return nil, err
	}
	hash, err := in.passwords.hash(ctx, s.Password)
	if err != nil {
		return nil, err
	}
	user := userRow{ID: newID(), Email: s.Email, Name: s.Name, PasswordHash: hash, TimeZone: s.Zone, WeekStart: 1, Theme: "system",
		PlatformRole: cmp.Or(s.Platform, PlatformUser)}
	org := organizationRow{ID: newID(), Name: s.Organization, TimeZone: s.Zone, Demo: s.Demo}
	err = in.db.Tx(ctx, tenant.System(), func(tx *tenant.Tx) error {
		if err := tx.Create(&user).Error; err != nil {
			return err
		}
		if err := tx.Create(&org).Error; err != nil {
			return err
		}
		return tx.Create(&membershipRow{OrganizationID: org.ID, UserID: user.ID, Role: Owner}).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil, invalid("email", "This address cannot be used to sign up. If it is yours, sign in instead.")
	}
	if err != nil {
		return nil, fmt.Errorf("sign up: %w", err)
	}
	return &Person{store: in.Store, User: user.user()}, nil
}

var errSignIn = &Error{Code: Invalid, Message: "The address or the password is wrong.",
	Fields: map[string]string{"password": "The address or the password is wrong."}}

// SignIn checks an address and a password. The answer to an unknown address
// is the same as to a wrong password, and takes as long.
func (in *Install) SignIn(ctx context.Context, email, password, ip string) (*Person, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	for key, most := range map[string]int{"sign-in:ip:" + ip: 60, "sign-in:email:" + email: 10} {
		if err := in.throttle(ctx, key, most, 15*time.Minute); err != nil {
			return nil, err
		}
	}
	var row userRow
	err := in.db.Tx(ctx, tenant.System(), func(tx *tenant.Tx) error {
		return tx.Where("lower(email) = ?", email).Limit(1).Find(&row).Error
	})
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	hash := row.PasswordHash
	if row.ID == uuid.Nil {
		hash = nobodysHash
	}
	if len(password) > 4*maxPassword {
		password = password[:4*maxPassword] // no longer one was ever accepted
	}
	ok, err := in.passwords.check(ctx, hash, password)
	if err != nil {
		return nil, err
	}
	if !ok || row.ID == uuid.Nil || row.SuspendedAt != nil {
		return nil, errSignIn
	}
	if err := in.unthrottle(ctx, "sign-in:email:"+email); err != nil {
		return nil, err
	}
	return &Person{store: in.Store, User: row.user()}, nil
}

// throttle counts one use of key and refuses it beyond most uses in each
// window. A failing database refuses too.
func (in *Install) throttle(ctx context.Context, key string, most int, window time.Duration) error {
	if !in.set.Limits {
		return nil
	}
	var hits int
	var resets time.Time
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `
			insert into throttles as t (key, hits, resets_at) values ($1, 1, now() + $2)
			on conflict (key) do update set
				hits = case when t.resets_at < now() then 1 else t.hits + 1 end,
				resets_at = case when t.resets_at < now() then now() + $2 else t.resets_at end
			returning hits, resets_at`, key, window).Scan(&hits, &resets)
	})
	if err != nil {
		return fmt.Errorf("throttle: %w", err)
	}
	if hits > most {
		minutes := int(resets.Sub(in.now()).Minutes()) + 1
		return &Error{Code: Limited, Message: fmt.Sprintf("Too many tries. Wait %s and try again.", plural(minutes, "minute"))}
	}
	return nil
}

func (in *Install) unthrottle(ctx context.Context, key string) error {
	return in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from throttles where key = $1`, key)
		return err
	})
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
	b.Queue(`select o.id, o.name, m.role, o.demo from memberships m
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
	b := &pgx.Batch{}
	suspended := false
	b.Queue(`select o.id, o.name, o.time_zone, o.demo, m.role, exists (select 1 from suspensions s where s.organization_id = o.id)
		from memberships m join organizations o on o.id = m.organization_id where o.id = $1`, organization).QueryRow(func(row pgx.Row) error {
		return row.Scan(&w.Organization.ID, &w.Organization.Name, &w.Organization.TimeZone, &w.Organization.Demo, &w.Role, &suspended)
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

// Used reports whether anybody has signed up here.
func (in *Install) Used(ctx context.Context) (bool, error) {
	var used bool
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select exists (select from users)`).Scan(&used)
	})
	if err != nil {
		return false, fmt.Errorf("look for people: %w", err)
	}
	return used, nil
}
