package models

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/allin-platform/allin/models/tenant"
)

// CreateOrganization makes another organization, whose owner the person is.
func (p *Person) CreateOrganization(ctx context.Context, name, zone string) (uuid.UUID, error) {
	name = strings.TrimSpace(name)
	if err := validName("organization", name, "the organization's name"); err != nil {
		return uuid.Nil, err
	}
	if _, err := LoadZone(zone); err != nil {
		return uuid.Nil, err
	}
	in := p.store.Install("count how many organizations somebody makes")
	if err := in.throttle(ctx, "create-organization:user:"+p.User.ID.String(), 20, time.Hour); err != nil {
		return uuid.Nil, err
	}
	org := organizationRow{ID: newID(), Name: name, TimeZone: zone}
	err := p.store.db.Tx(ctx, tenant.System(), func(tx *tenant.Tx) error {
		if err := tx.Create(&org).Error; err != nil {
			return err
		}
		if err := tx.Create(&membershipRow{OrganizationID: org.ID, UserID: p.User.ID, Role: Owner}).Error; err != nil {
			return err
		}
		return appendAudit(ctx, tx.PGX, auditEntry{Chain: org.ID, Organization: &org.ID, ActorKind: ActorPerson, ActorID: &p.User.ID,
			ActorName: p.User.Name, Act: "organization.created", Object: "organization " + org.ID.String()})
	})
	if err != nil {
		return uuid.Nil, fmt.Errorf("create organization: %w", err)
	}
	return org.ID, nil
}

// RenameOrganization gives the organization another name.
func (w *Workspace) RenameOrganization(ctx context.Context, name string) error {
	if err := w.Role.demand(ManageOrganization); err != nil {
		return err
	}
	name = strings.TrimSpace(name)
	if err := validName("organization", name, "the organization's name"); err != nil {
		return err
	}
	err := w.changeOrganization(ctx, map[string]any{"name": name}, "organization.renamed", nil)
	if err == nil {
		w.Organization.Name = name
	}
	return err
}

// OrganizationDefaults is what an organization starts things with.
type OrganizationDefaults struct {
	Zone        string
	WeekStart   time.Weekday // of people who are new
	PostingTime string       // "10:00"
}

// ChangeDefaults keeps the organization's time zone and what things start with.
func (w *Workspace) ChangeDefaults(ctx context.Context, d OrganizationDefaults) error {
	if err := w.Role.demand(ManageOrganization); err != nil {
		return err
	}
	if _, err := LoadZone(d.Zone); err != nil {
		return err
	}
	if d.WeekStart < time.Sunday || d.WeekStart > time.Saturday {
		return invalid("week_start", "Choose the day on which weeks begin.")
	}
	if _, err := time.Parse("15:04", d.PostingTime); err != nil {
		return invalid("posting_time", "Choose a time of day, for example 10:00.")
	}
	o := w.Organization
	before := map[string]any{"zone": o.TimeZone, "week_start": int(o.WeekStart), "posting_time": o.PostingTime}
	after := map[string]any{"zone": d.Zone, "week_start": int(d.WeekStart), "posting_time": d.PostingTime}
	err := w.changeOrganization(ctx, map[string]any{"time_zone": d.Zone, "week_start": int(d.WeekStart), "posting_time": d.PostingTime},
		"organization.defaults_changed", map[string]any{"before": before, "after": after})
	if err == nil {
		w.Organization.TimeZone, w.Organization.WeekStart, w.Organization.PostingTime = d.Zone, d.WeekStart, d.PostingTime
	}
	return err
}

// SetLogo keeps the picture in r as the organization's.
func (w *Workspace) SetLogo(ctx context.Context, r io.Reader) error {
	if err := w.Role.demand(ManageOrganization); err != nil {
		return err
	}
	id, err := w.store.keepPicture(ctx, w.Organization.ID, r)
	if err != nil {
		return err
	}
	return w.changeLogo(ctx, id, "organization.logo_changed")
}

// RemoveLogo takes the organization's picture away.
func (w *Workspace) RemoveLogo(ctx context.Context) error {
	if err := w.Role.demand(ManageOrganization); err != nil {
		return err
	}
	return w.changeLogo(ctx, uuid.Nil, "organization.logo_removed")
}

func (w *Workspace) changeLogo(ctx context.Context, id uuid.UUID, act string) error {
	old := w.Organization.Logo
	if err := w.changeOrganization(ctx, map[string]any{"logo_id": nullable(id)}, act, nil); err != nil {
		return err
	}
	w.Organization.Logo = id
	w.store.dropPicture(w.Organization.ID, old)
	return nil
}

func (w *Workspace) changeOrganization(ctx context.Context, columns map[string]any, act string, details map[string]any) error {
	columns["updated_at"] = gorm.Expr("now()")
	err := w.tx(ctx, func(tx *tenant.Tx) error {
		if err := tx.Table("organizations").Where("id = ?", w.Organization.ID).Updates(columns).Error; err != nil {
			return err
		}
		return w.audit(ctx, tx.PGX, act, "organization "+w.Organization.ID.String(), details)
	})
	if err != nil {
		return fmt.Errorf("change organization: %w", err)
	}
	return nil
}

// nullable is an id as the database has it, where zero stands for none.
func nullable(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// OpenLogo opens the logo of an organization of the person's.
func (p *Person) OpenLogo(ctx context.Context, organization, logo uuid.UUID) (*File, error) {
	return p.openPicture(ctx, organization, logo, `select exists (select from organizations o join memberships m on m.organization_id = o.id
		where o.id = $2 and o.logo_id = $3 and m.user_id = $1)`)
}

// OpenPicture opens the picture of somebody whom the person works with, or their own.
func (p *Person) OpenPicture(ctx context.Context, user, picture uuid.UUID) (*File, error) {
	return p.openPicture(ctx, user, picture, `select exists (select from users u where u.id = $2 and u.picture_id = $3 and (u.id = $1
		or exists (select from memberships a join memberships b on b.organization_id = a.organization_id where a.user_id = $1 and b.user_id = u.id)))`)
}

func (p *Person) openPicture(ctx context.Context, owner, picture uuid.UUID, may string) (*File, error) {
	var ok bool
	err := p.store.system(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, may, p.User.ID, owner, picture).Scan(&ok)
	})
	if err != nil {
		return nil, fmt.Errorf("find picture: %w", err)
	}
	if !ok {
		return nil, notFound("picture")
	}
	return p.store.openThumb(owner, picture)
}
