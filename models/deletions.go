package models

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/networks"
)

// A person's rows go at once, in the transaction of their request. An
// organization is closed at once: nobody can open it, what was to go out is
// canceled, and its tokens are ended at the networks. Its rows go a week
// later, until when an owner may have it back.

const (
	// undoDeletion is how long an owner may have an organization back.
	undoDeletion = 7 * 24 * time.Hour
	// revokeAgain is when a network that could not be told is told again.
	revokeAgain   = 10 * time.Minute
	deletionLease = 5 * time.Minute
	revokeTimeout = 20 * time.Second
)

// Farewell is what goes with a person's account, and what stands in its way.
type Farewell struct {
	Blocked []Membership // the person is the last owner, and others are members
	Deleted []Membership // nobody else is a member: they go too
	Left    []Membership // the others go on without the person

	LastAdmin bool // nobody else could look after the installation, and others are here
}

// Farewell tells what deleting the account would mean now.
func (p *Person) Farewell(ctx context.Context) (Farewell, error) {
	var f Farewell
	err := p.store.system(ctx, func(tx pgx.Tx) (err error) {
		f, err = farewell(ctx, tx, p.User.ID)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("look at what goes: %w", err)
	}
	return f, nil
}

// farewell locks the person's memberships and those of the other owners, so
// that two last owners cannot leave at the same moment.
func farewell(ctx context.Context, tx pgx.Tx, user uuid.UUID) (Farewell, error) {
	var f Farewell
	if err := tx.QueryRow(ctx, `select u.platform_role = $2 and exists (select from users o where o.id <> u.id)
			and not exists (select from users o where o.id <> u.id and o.platform_role = $2 and o.suspended_at is null)
		from users u where u.id = $1`, user, SuperAdmin).Scan(&f.LastAdmin); err != nil {
		return f, err
	}
	if _, err := tx.Exec(ctx, `select from memberships where role = 'OWNER' and organization_id in
		(select organization_id from memberships where user_id = $1) order by organization_id, user_id for update`, user); err != nil {
		return f, err
	}
	rows, err := tx.Query(ctx, `select o.id, o.name, m.role, o.demo,
			(select count(*) from memberships x where x.organization_id = o.id and x.user_id <> $1),
			(select count(*) from memberships x where x.organization_id = o.id and x.user_id <> $1 and x.role = 'OWNER')
		from memberships m join organizations o on o.id = m.organization_id
		where m.user_id = $1 and o.deleted_at is null order by lower(o.name), o.id`, user)
	if err != nil {
		return f, err
	}
	var m Membership
	var others, owners int
	_, err = pgx.ForEachRow(rows, []any{&m.OrganizationID, &m.Name, &m.Role, &m.Demo, &others, &owners}, func() error {
		switch {
		case others == 0:
			f.Deleted = append(f.Deleted, m)
		case m.Role == Owner && owners == 0:
			f.Blocked = append(f.Blocked, m)
		default:
			f.Left = append(f.Left, m)
		}
		return nil
	})
	return f, err
}

// Delete removes the person's account for good. It asks for the password
// again. Where the person is the last owner of an organization that others
// are members of, nothing happens.
func (p *Person) Delete(ctx context.Context, password string) error {
	if err := p.prove(ctx, password); err != nil {
		return err
	}
	err := p.store.system(ctx, func(tx pgx.Tx) error {
		f, err := farewell(ctx, tx, p.User.ID)
		if err != nil {
			return err
		}
		if f.LastAdmin {
			return conflict("You are the last super admin of this installation. Make somebody else one first, and then come back.")
		}
		if len(f.Blocked) > 0 {
			return conflict("You are the last owner of %s. Make somebody else an owner there, or delete the organization, and then come back.", names(f.Blocked))
		}
		for _, m := range f.Deleted {
			if err := p.store.closeOrganization(ctx, tx, m.OrganizationID, 0); err != nil {
				return err
			}
		}
		return erasePerson(ctx, tx, p.User.ID, p.User.Email)
	})
	if err != nil {
		return saveError("delete account", err)
	}
	p.store.listDeletion(ctx)
	return nil
}

func names(list []Membership) string {
	var b []string
	for _, m := range list {
		b = append(b, m.Name)
	}
	return strings.Join(b, ", ")
}

// erasePerson removes the person's rows. What they did for organizations
// stays there, without their name; the audit log keeps an id that leads nowhere.
func erasePerson(ctx context.Context, tx pgx.Tx, user uuid.UUID, email string) error {
	entry := auditEntry{Chain: uuid.Nil, ActorKind: ActorPerson, ActorID: &user, Act: "user.deleted", Object: "user " + user.String()}
	if err := appendAudit(WithOrigin(ctx, Origin{}), tx, entry); err != nil {
		return err
	}
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`delete from audit_traces where chain = $1 or audit_id in (select id from audit where actor_id = $1)`, []any{user}},
		{`delete from links where lower(email) = lower($1)`, []any{email}},
		{`delete from throttles where key like '%:' || $1`, []any{likeText(strings.ToLower(email))}},
		{`insert into deletions (id, kind, subject, next_at, done_at) values ($1, 'person', $2, null, now())`, []any{newID(), hashedID(user)}},
		{`delete from users where id = $1`, []any{user}},
	} {
		if _, err := tx.Exec(ctx, q.sql, q.args...); err != nil {
			return err
		}
	}
	return nil
}

// likeText is s as a pattern that is like nothing but s.
func likeText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

// hashedID is what is kept of an id after its row is gone: it is recognized
// where it comes back, and tells nothing by itself.
func hashedID(id uuid.UUID) string {
	sum := sha256.Sum256([]byte(id.String()))
	return hex.EncodeToString(sum[:])
}

// prove takes the person's password, or a code where they have none.
func (p *Person) prove(ctx context.Context, secret string) error {
	_, err := p.ProveAgain(ctx, secret, OriginOf(ctx).Address)
	if err != nil && CodeOf(err) == Invalid {
		return invalid("password", "This is not your password. Where you have none, type a code of your authenticator app, or a recovery code.")
	}
	return err
}

// Delete closes the organization to everybody at once. Its rows go in a week,
// until when any of its owners may have it back. who proves it with their
// password and with the organization's name.
func (w *Workspace) Delete(ctx context.Context, name, password string) error {
	if err := w.Role.demand(EndOrganization); err != nil {
		return err
	}
	if strings.TrimSpace(name) != w.Organization.Name {
		return invalid("organization_name", "Type %s here, exactly as it is written.", w.Organization.Name)
	}
	who := &Person{store: w.store, User: w.Member}
	if err := who.prove(ctx, password); err != nil {
		var e *Error
		if errors.As(err, &e) && e.Code == Invalid {
			return invalid("organization_password", "%s", e.Message)
		}
		return err
	}
	err := w.store.system(ctx, func(tx pgx.Tx) error {
		if err := w.store.closeOrganization(ctx, tx, w.Organization.ID, undoDeletion); err != nil {
			return err
		}
		return w.audit(ctx, tx, "organization.deleted", "organization "+w.Organization.ID.String(), nil)
	})
	if err != nil {
		return saveError("delete organization", err)
	}
	w.store.listDeletion(ctx)
	return nil
}

// closeOrganization takes the organization from its people. Its rows go after wait.
func (s *Store) closeOrganization(ctx context.Context, tx pgx.Tx, organization uuid.UUID, wait time.Duration) error {
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{`update organizations set deleted_at = now() where id = $1`, []any{organization}},
		{`update deliveries set state = 'canceled', next_at = null, enqueued_at = null, reason = 'organization_deleted',
			message = 'The organization was deleted.', updated_at = now()
			where organization_id = $1 and state in ('scheduled', 'retrying', 'waiting')`, []any{organization}},
		{`update social_accounts set state = 'disconnected', state_reason = '', updated_at = now() where organization_id = $1`, []any{organization}},
		{`delete from connect_states where organization_id = $1`, []any{organization}},
		{`insert into deletions (id, kind, subject, organization_id, due_at) values ($1, 'organization', $2, $3, now() + $4::interval)
			on conflict (organization_id) where organization_id is not null and undone_at is null do nothing`,
			[]any{newID(), hashedID(organization), organization, wait}},
	} {
		if _, err := tx.Exec(ctx, q.sql, q.args...); err != nil {
			return err
		}
	}
	return nil
}

// ClosedOrganization is one that its owner may still have back.
type ClosedOrganization struct {
	ID     uuid.UUID
	Name   string
	GoneAt time.Time
}

// ClosedOrganizations lists what the person owns, has deleted, and may have back.
func (p *Person) ClosedOrganizations(ctx context.Context) ([]ClosedOrganization, error) {
	var list []ClosedOrganization
	err := p.store.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select o.id, o.name, d.due_at from deletions d join organizations o on o.id = d.organization_id
			join memberships m on m.organization_id = o.id and m.user_id = $1 and m.role = 'OWNER'
			where d.undone_at is null and d.due_at > now() order by lower(o.name), o.id`, p.User.ID)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ClosedOrganization])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list deleted organizations: %w", err)
	}
	return list, nil
}

// Restore opens a deleted organization again. What was canceled stays so, and
// its accounts have to be connected anew.
func (p *Person) Restore(ctx context.Context, organization uuid.UUID) error {
	err := p.store.system(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update deletions d set undone_at = now(), next_at = null where d.organization_id = $1 and d.undone_at is null
			and d.due_at > now() and exists (select 1 from memberships m where m.organization_id = $1 and m.user_id = $2 and m.role = 'OWNER')`,
			organization, p.User.ID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return &Error{Code: NotFound, Message: "This organization cannot be had back: its time is over, somebody has taken it back already, or you were no owner of it."}
		}
		if _, err := tx.Exec(ctx, `update organizations set deleted_at = null where id = $1`, organization); err != nil {
			return err
		}
		return appendAudit(ctx, tx, auditEntry{Chain: organization, Organization: &organization, ActorKind: ActorPerson, ActorID: &p.User.ID,
			ActorName: p.User.Name, Act: "organization.restored", Object: "organization " + organization.String()})
	})
	if err != nil {
		return saveError("restore organization", err)
	}
	p.store.listDeletion(ctx)
	return nil
}

// CarryOut goes on with a deletion: it ends the grants at the networks, and
// removes rows and files when their time has come.
func (in *Install) CarryOut(ctx context.Context, id uuid.UUID) error {
	var organization uuid.UUID
	var due bool
	err := in.system(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `update deletions set lease_until = now() + $2::interval
			where id = $1 and organization_id is not null and done_at is null and undone_at is null and coalesce(lease_until, '-infinity') < now()
			returning organization_id, due_at <= now()`, id, deletionLease).Scan(&organization, &due)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claim deletion: %w", err)
	}
	err = in.carryOut(ctx, id, organization, due)
	if err != nil {
		// The next try need not wait for the lease.
		freeErr := in.system(context.WithoutCancel(ctx), func(tx pgx.Tx) error {
			_, err := tx.Exec(context.WithoutCancel(ctx), `update deletions set lease_until = null where id = $1`, id)
			return err
		})
		return fmt.Errorf("delete organization %s: %w", organization, errors.Join(err, freeErr))
	}
	return nil
}

func (in *Install) carryOut(ctx context.Context, id, organization uuid.UUID, due bool) error {
	left, err := in.revokeAll(ctx, organization)
	if err != nil {
		return err
	}
	if due {
		if left > 0 {
			in.log.Warn("deleted with grants that a network was not told the end of", "organization", organization, "accounts", left)
		}
		return in.removeOrganization(ctx, id, organization)
	}
	err = in.system(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update deletions set lease_until = null, next_at = case when $2 then least(due_at, now() + $3::interval) else due_at end
			where id = $1 and undone_at is null`, id, left > 0, revokeAgain)
		return err
	})
	if err != nil {
		return fmt.Errorf("put off deletion: %w", err)
	}
	return nil
}

// revokeAll ends the organization's grants at the networks and forgets their
// tokens. It returns how many networks could not be told.
func (in *Install) revokeAll(ctx context.Context, organization uuid.UUID) (left int, err error) {
	var list []Account
	err = in.system(ctx, func(tx pgx.Tx) (err error) {
		list, err = in.accounts(ctx, tx, `where a.organization_id = $1 and t.account_id is not null`, organization)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("list accounts: %w", err)
	}
	for _, a := range list {
		token, err := in.token(ctx, organization, a.ID)
		if CodeOf(err) == NotFound {
			continue
		}
		if err == nil {
			err = in.revoke(ctx, a.network(token.Token), a.Sandbox)
		}
		if err != nil {
			in.log.Info("revoke at the network", "network", a.Network, "account", a.ID, "error", err)
			left++
			continue
		}
		err = in.system(ctx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `delete from account_tokens where organization_id = $1 and account_id = $2 and version = $3`, organization, a.ID, token.Version)
			return err
		})
		if err != nil {
			return left, fmt.Errorf("forget token: %w", err)
		}
	}
	return left, nil
}

// revoke tells the network that the grant has ended.
func (in *Install) revoke(ctx context.Context, a networks.Account, sandbox bool) error {
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	n, err := in.networks.Get(a.Network, sandbox)
	if err != nil {
		return err
	}
	app, err := in.App(ctx, n, a.Site, "")
	if err != nil {
		return err
	}
	return n.Revoke(ctx, a, app)
}

// removeOrganization removes rows and files. The audit log keeps its lines,
// without names and addresses.
func (in *Install) removeOrganization(ctx context.Context, deletion, organization uuid.UUID) error {
	err := in.system(ctx, func(tx pgx.Tx) error {
		for _, q := range []string{
			`delete from audit_traces where chain = $1 or audit_id in (select id from audit where organization_id = $1)`,
			`delete from posts where organization_id = $1`, // before the media that they hold on to
			`delete from organizations where id = $1`,
		} {
			if _, err := tx.Exec(ctx, q, organization); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove organization: %w", err)
	}
	if err := in.files.DeleteAll(organization); err != nil {
		return err
	}
	err = in.system(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `update deletions set done_at = now(), organization_id = null, next_at = null, lease_until = null where id = $1`, deletion)
		return err
	})
	if err != nil {
		return fmt.Errorf("end deletion: %w", err)
	}
	return nil
}
