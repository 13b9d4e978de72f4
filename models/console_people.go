package models

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// consolePage is how many rows a list of the console shows at once.
const consolePage = 50

// PeopleFilter says which people are wanted.
type PeopleFilter struct {
	Search    string       // in names and addresses
	Role      PlatformRole // "": any
	Suspended bool         // only those
	Cursor    string       // from PeoplePage.Next
}

// PersonRow is a person in the console's list.
type PersonRow struct {
	ID            uuid.UUID
	Name, Email   string
	Role          PlatformRole
	Since         time.Time
	Suspended     *time.Time
	Organizations int
	Seen          *time.Time // nil: signed in nowhere
}

// PeoplePage is a part of the list.
type PeoplePage struct {
	People []PersonRow
	Next   string // cursor; "" at the end
	Total  int
}

const consolePersonColumns = `u.id, u.name, u.email, u.platform_role, u.created_at, u.suspended_at,
	(select count(*) from memberships m where m.user_id = u.id), (select max(s.seen_at) from sessions s where s.user_id = u.id)`

// People lists the people of the installation, the newest first.
func (c *Console) People(ctx context.Context, f PeopleFilter) (PeoplePage, error) {
	var page PeoplePage
	if err := c.demand(ReadInstallation); err != nil {
		return page, err
	}
	after, err := readTimeCursor(f.Cursor)
	if err != nil {
		return page, err
	}
	const where = ` where ($1 = '' or u.name ilike $1 or u.email ilike $1) and ($2 = '' or u.platform_role = $2)
		and (not $3 or u.suspended_at is not null)`
	args := []any{anywhere(f.Search), string(f.Role), f.Suspended}
	err = c.store.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select `+consolePersonColumns+` from users u`+where+` and (u.created_at, u.id) < ($4, $5)
			order by u.created_at desc, u.id desc limit $6`, append(args, after.at, after.id, consolePage+1)...)
		if err != nil {
			return err
		}
		if page.People, err = pgx.CollectRows(rows, pgx.RowToStructByPos[PersonRow]); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `select count(*) from users u`+where, args...).Scan(&page.Total)
	})
	if len(page.People) > consolePage {
		page.People = page.People[:consolePage]
		last := page.People[consolePage-1]
		page.Next = timeCursor{last.Since, last.ID}.String()
	}
	return page, wrapped("list people", err)
}

// anywhere is a pattern that finds text anywhere, "" for none.
func anywhere(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// PersonPage is all that the console shows of a person.
type PersonPage struct {
	PersonRow
	Sessions      int
	Organizations []PersonOrganization
	// MaySuspend, MayEndSessions and MayChangeRole say what the admin may do here.
	MaySuspend, MayEndSessions, MayChangeRole bool
}

// PersonOrganization is an organization of a person's.
type PersonOrganization struct {
	ID        uuid.UUID
	Name      string
	Role      Role
	Since     time.Time
	Suspended bool
}

// Person reads a person's page.
func (c *Console) Person(ctx context.Context, id uuid.UUID) (*PersonPage, error) {
	if err := c.demand(ReadInstallation); err != nil {
		return nil, err
	}
	p := &PersonPage{}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select `+consolePersonColumns+` from users u where u.id = $1`, id)
		if err != nil {
			return err
		}
		if p.PersonRow, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[PersonRow]); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `select o.id, o.name, m.role, m.created_at, exists (select 1 from suspensions s where s.organization_id = o.id)
			from memberships m join organizations o on o.id = m.organization_id where m.user_id = $1 order by lower(o.name), o.id limit 200`, id)
		if err != nil {
			return err
		}
		if p.Organizations, err = pgx.CollectRows(rows, pgx.RowToStructByPos[PersonOrganization]); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `select count(*) from sessions where user_id = $1 and expires_at > now() and seen_at > now() - $2::interval`,
			id, c.store.set.SessionIdle).Scan(&p.Sessions)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, notFound("person")
	}
	if err != nil {
		return nil, wrapped("read person", err)
	}
	above := c.Role == SuperAdmin || p.Role == PlatformUser
	p.MayEndSessions = c.May(ManageUsers) && above
	p.MaySuspend = p.MayEndSessions && id != c.Admin.ID
	p.MayChangeRole = c.May(ChangeInstallation) && id != c.Admin.ID
	return p, nil
}

// SuspendPerson keeps a person out from now on: all their sessions end, and
// they cannot sign in.
func (c *Console) SuspendPerson(ctx context.Context, id uuid.UUID) error {
	if err := c.demand(ManageUsers); err != nil {
		return err
	}
	if id == c.Admin.ID {
		return conflict("You cannot suspend yourself. Ask another admin.")
	}
	return c.changePerson(ctx, id, func(tx pgx.Tx, p managed) error {
		if p.suspended {
			return conflict("%s is suspended already.", p.name)
		}
		if p.role == SuperAdmin && p.supers == 1 {
			return errLastSuper
		}
		if _, err := tx.Exec(ctx, `update users set suspended_at = now(), updated_at = now() where id = $1`, id); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `delete from sessions where user_id = $1`, id)
		if err != nil {
			return err
		}
		return c.audit(ctx, tx, "user.suspended", "user "+id.String(), map[string]any{"sessions_ended": tag.RowsAffected()})
	})
}

// UnsuspendPerson lets a person sign in again.
func (c *Console) UnsuspendPerson(ctx context.Context, id uuid.UUID) error {
	if err := c.demand(ManageUsers); err != nil {
		return err
	}
	return c.changePerson(ctx, id, func(tx pgx.Tx, p managed) error {
		if !p.suspended {
			return conflict("%s is not suspended.", p.name)
		}
		if _, err := tx.Exec(ctx, `update users set suspended_at = null, updated_at = now() where id = $1`, id); err != nil {
			return err
		}
		return c.audit(ctx, tx, "user.unsuspended", "user "+id.String(), nil)
	})
}

// EndSessions signs a person out everywhere and returns in how many places.
func (c *Console) EndSessions(ctx context.Context, id uuid.UUID) (ended int, err error) {
	if err := c.demand(ManageUsers); err != nil {
		return 0, err
	}
	err = c.changePerson(ctx, id, func(tx pgx.Tx, p managed) error {
		tag, err := tx.Exec(ctx, `delete from sessions where user_id = $1`, id)
		if err != nil {
			return err
		}
		ended = int(tag.RowsAffected())
		return c.audit(ctx, tx, "user.sessions_ended", "user "+id.String(), map[string]any{"sessions_ended": ended})
	})
	return ended, err
}

// ChangePlatformRole gives a person another role on the installation. Nobody
// changes their own, and a super admin stays.
func (c *Console) ChangePlatformRole(ctx context.Context, id uuid.UUID, to PlatformRole) error {
	if err := c.demand(ChangeInstallation); err != nil {
		return err
	}
	if !slices.Contains(PlatformRoles, to) {
		return invalid("role", "Choose one of the three roles.")
	}
	if id == c.Admin.ID {
		return conflict("You cannot change your own role. Ask another super admin.")
	}
	return c.changePerson(ctx, id, func(tx pgx.Tx, p managed) error {
		if p.role == to {
			return nil
		}
		if p.role == SuperAdmin && p.supers == 1 && !p.suspended {
			return errLastSuper
		}
		if _, err := tx.Exec(ctx, `update users set platform_role = $2, updated_at = now() where id = $1`, id, to); err != nil {
			return err
		}
		return c.audit(ctx, tx, "user.platform_role_changed", "user "+id.String(), map[string]any{"before": p.role, "after": to})
	})
}

var errLastSuper = conflict("This is the last super admin who can sign in. Make somebody else one first.")

// managed is a person whom the console is about to change.
type managed struct {
	name      string
	role      PlatformRole
	suspended bool
	supers    int // super admins who can sign in
}

// changePerson runs change on a person who stands no higher than the admin.
func (c *Console) changePerson(ctx context.Context, id uuid.UUID, change func(tx pgx.Tx, p managed) error) error {
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		// All super admins are locked, so that two cannot unmake each other.
		rows, err := tx.Query(ctx, `select id, name, platform_role, suspended_at is not null from users
			where id = any($1) or platform_role = 'SUPER_ADMIN' order by id for update`, []uuid.UUID{id, c.Admin.ID})
		if err != nil {
			return err
		}
		var p managed
		var admin PlatformRole
		var one struct {
			id        uuid.UUID
			name      string
			role      PlatformRole
			suspended bool
		}
		if _, err := pgx.ForEachRow(rows, []any{&one.id, &one.name, &one.role, &one.suspended}, func() error {
			if one.id == id {
				p.name, p.role, p.suspended = one.name, one.role, one.suspended
			}
			if one.id == c.Admin.ID && !one.suspended {
				admin = one.role
			}
			if one.role == SuperAdmin && !one.suspended {
				p.supers++
			}
			return nil
		}); err != nil {
			return err
		}
		switch {
		case p.role == "":
			return notFound("person")
		case admin != c.Role:
			return conflict("Your own role has changed meanwhile. Load the page again.")
		case c.Role != SuperAdmin && p.role != PlatformUser:
			return &Error{Code: Forbidden, Message: p.name + " looks after this installation too. Only a super admin may change that."}
		}
		return change(tx, p)
	})
	return wrapped("change person", err)
}
