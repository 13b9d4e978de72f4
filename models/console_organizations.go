package models

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// OrganizationFilter says which organizations are wanted.
type OrganizationFilter struct {
	Search    string
	Suspended bool   // only those
	Cursor    string // from OrganizationsPage.Next
}

// OrganizationRow is an organization in the console's list.
type OrganizationRow struct {
	ID                uuid.UUID
	Name              string
	Demo              bool
	Since             time.Time
	Members, Accounts int
	Suspended         *time.Time
}

// OrganizationsPage is a part of the list.
type OrganizationsPage struct {
	Organizations []OrganizationRow
	Next          string // cursor; "" at the end
	Total         int
}

const organizationColumns = `o.id, o.name, o.demo, o.created_at,
	(select count(*) from memberships m where m.organization_id = o.id),
	(select count(*) from social_accounts a where a.organization_id = o.id and a.state <> 'disconnected'), s.at`

// Organizations lists the organizations, the newest first.
func (c *Console) Organizations(ctx context.Context, f OrganizationFilter) (OrganizationsPage, error) {
	var page OrganizationsPage
	if err := c.demand(ReadInstallation); err != nil {
		return page, err
	}
	after, err := readTimeCursor(f.Cursor)
	if err != nil {
		return page, err
	}
	const from = ` from organizations o left join suspensions s on s.organization_id = o.id
		where ($1 = '' or o.name ilike $1) and (not $2 or s.at is not null)`
	args := []any{anywhere(f.Search), f.Suspended}
	err = c.store.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select `+organizationColumns+from+` and (o.created_at, o.id) < ($3, $4)
			order by o.created_at desc, o.id desc limit $5`, append(args, after.at, after.id, consolePage+1)...)
		if err != nil {
			return err
		}
		if page.Organizations, err = pgx.CollectRows(rows, pgx.RowToStructByPos[OrganizationRow]); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `select count(*)`+from, args...).Scan(&page.Total)
	})
	if len(page.Organizations) > consolePage {
		page.Organizations = page.Organizations[:consolePage]
		last := page.Organizations[consolePage-1]
		page.Next = timeCursor{last.Since, last.ID}.String()
	}
	return page, wrapped("list organizations", err)
}

// OrganizationPage is what the console shows of an organization: how much there
// is of everything, and nothing of what its posts say.
type OrganizationPage struct {
	OrganizationRow
	TimeZone   string
	Reason     string // why it is suspended
	People     []OrganizationMember
	Connected  []OrganizationAccount
	Posts      int
	Waiting    int // deliveries that have not ended
	Published  int // in the last 30 days
	Files      int
	FilesBytes int64
}

// OrganizationAccount is an account of an organization.
type OrganizationAccount struct {
	Network, Handle string
	Sandbox         bool
	State           AccountState
}

// Organization reads an organization's page.
func (c *Console) Organization(ctx context.Context, id uuid.UUID) (*OrganizationPage, error) {
	if err := c.demand(ManageOrgs); err != nil {
		return nil, err
	}
	p := &OrganizationPage{}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select `+organizationColumns+` from organizations o
			left join suspensions s on s.organization_id = o.id where o.id = $1`, id)
		if err != nil {
			return err
		}
		if p.OrganizationRow, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[OrganizationRow]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `select u.id, u.name, u.email, m.role, m.created_at, m.seen_at,
			coalesce(u.picture_id, '00000000-0000-0000-0000-000000000000') from memberships m join users u on u.id = m.user_id
			where m.organization_id = $1 order by m.created_at, u.id limit 500`, id)
		if err != nil {
			return err
		}
		if p.People, err = pgx.CollectRows(rows, pgx.RowToStructByPos[OrganizationMember]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `select network, handle, sandbox, state from social_accounts
			where organization_id = $1 and state <> 'disconnected' order by network, lower(handle) limit 500`, id)
		if err != nil {
			return err
		}
		if p.Connected, err = pgx.CollectRows(rows, pgx.RowToStructByPos[OrganizationAccount]); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `select o.time_zone, coalesce((select reason from suspensions where organization_id = o.id), ''),
			(select count(*) from posts where organization_id = o.id),
			(select count(*) from deliveries where organization_id = o.id and state in ('scheduled', 'publishing', 'retrying', 'waiting')),
			(select count(*) from deliveries where organization_id = o.id and published_at > now() - interval '30 days'),
			(select count(*) from media where organization_id = o.id),
			(select coalesce(sum(bytes), 0) from media where organization_id = o.id)
			from organizations o where o.id = $1`, id).
			Scan(&p.TimeZone, &p.Reason, &p.Posts, &p.Waiting, &p.Published, &p.Files, &p.FilesBytes)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, notFound("organization")
	}
	if err != nil {
		return nil, wrapped("read organization", err)
	}
	return p, nil
}

// SuspendOrganization stops an organization: its people see a page that says
// so, and nothing of its posts is sent until it is let go on. reason is for
// those who look after the installation.
func (c *Console) SuspendOrganization(ctx context.Context, id uuid.UUID, reason string) error {
	if err := c.demand(ManageOrgs); err != nil {
		return err
	}
	if reason = strings.TrimSpace(reason); utf8.RuneCountInString(reason) > 500 {
		return invalid("reason", "Enter at most 500 characters.")
	}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `insert into suspensions (organization_id, by_user, reason) select id, $2, $3 from organizations where id = $1
			on conflict do nothing`, id, c.Admin.ID, reason)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return c.notThereOr(ctx, tx, id, "This organization is suspended already.")
		}
		return c.auditOrganization(ctx, tx, "organization.suspended", id)
	})
	return wrapped("suspend organization", err)
}

// UnsuspendOrganization lets an organization go on. What fell due meanwhile
// goes out now, unless it is too late to do so unasked.
func (c *Console) UnsuspendOrganization(ctx context.Context, id uuid.UUID) error {
	if err := c.demand(ManageOrgs); err != nil {
		return err
	}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from suspensions where organization_id = $1`, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return c.notThereOr(ctx, tx, id, "This organization is not suspended.")
		}
		// Jobs that came while it was suspended found nothing to do: what is due is put into the queue again.
		if _, err := tx.Exec(ctx, `update deliveries set enqueued_at = null where organization_id = $1 and enqueued_at is not null
			and state in ('scheduled', 'retrying', 'waiting')`, id); err != nil {
			return err
		}
		return c.auditOrganization(ctx, tx, "organization.unsuspended", id)
	})
	if err == nil {
		c.store.wakeClock()
	}
	return wrapped("unsuspend organization", err)
}

func (c *Console) notThereOr(ctx context.Context, tx pgx.Tx, organization uuid.UUID, otherwise string) error {
	var there bool
	if err := tx.QueryRow(ctx, `select exists (select from organizations where id = $1)`, organization).Scan(&there); err != nil {
		return err
	}
	if !there {
		return notFound("organization")
	}
	return conflict("%s", otherwise)
}

// auditOrganization is audit for what concerns one organization.
func (c *Console) auditOrganization(ctx context.Context, tx pgx.Tx, act string, id uuid.UUID) error {
	return appendAudit(ctx, tx, auditEntry{Chain: uuid.Nil, Organization: &id, ActorKind: ActorPerson, ActorID: &c.Admin.ID,
		ActorName: c.Admin.Name, Act: act, Object: "organization " + id.String()})
}
