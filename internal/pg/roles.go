package pg

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The roles that a transaction takes on before it reads or writes: policies
// are written for them, and the login role itself sees nothing.
const (
	TenantRole = "allin_tenant" // one organization, named by app.organization_id
	PersonRole = "allin_person" // one person, named by app.user_id
	GuestRole  = "allin_guest"  // one post, for somebody with a link and no account, named by app.review_id
	SystemRole = "allin_system" // the installation: the clock, the platform's admin
)

// Roles is the SQL that makes AllIN's roles and lets login switch to them. It
// is run in AllIN's database, any number of times, by several databases of one
// cluster at once, by whoever may create roles. Membership is not inherited: a policy also
// applies to every role that inherits its role, so a login that inherited
// allin_system would see every tenant's rows without asking.
func Roles(login string) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
	return fmt.Sprintf(`do $roles$
declare
	login text := %s;
	r text;
begin
	-- advisory locks end at the database's border, roles do not: another database's run is caught below
	perform pg_advisory_xact_lock(hashtext('allin roles'));
	if current_setting('server_version_num')::int < 160000 and (select rolinherit from pg_roles where rolname = login) then
		begin
			execute format('alter role %%I noinherit', login);
		exception when internal_error then
			null; -- altered by another database's run in this moment
		end;
	end if;
	foreach r in array array[%s] loop
		if not exists (select from pg_roles where rolname = r) then
			begin
				execute format('create role %%I nologin noinherit nosuperuser nobypassrls nocreatedb nocreaterole', r);
			exception when duplicate_object or unique_violation then
				null;
			end;
		end if;
		begin
			if current_setting('server_version_num')::int >= 160000 then
				execute format('grant %%I to %%I with inherit false, set true', r, login);
			elsif not exists (select from pg_auth_members m where m.roleid = r::regrole and m.member = login::regrole) then
				execute format('grant %%I to %%I', r, login);
			end if;
		exception when unique_violation or internal_error then
			null; -- granted by another database's run in this moment
		end;
	end loop;
	-- the database's owner may create in public by inheritance only, which the login may lack
	if not has_schema_privilege(login, 'public', 'create') then
		execute format('grant usage, create on schema public to %%I', login);
	end if;
end
$roles$;`, quote(login), strings.Join([]string{quote(TenantRole), quote(PersonRole), quote(GuestRole), quote(SystemRole)}, ", "))
}

// setUp makes the login role, its database, and the roles it may switch to.
func (s *Server) setUp(ctx context.Context) error {
	if err := s.createDatabase(ctx); err != nil {
		return err
	}
	c, err := pgx.Connect(ctx, s.SuperuserDSN(s.opts.Database))
	if err != nil {
		return fmt.Errorf("connecting to set up the database: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	if _, err := c.Exec(ctx, Roles(Login)); err != nil {
		return fmt.Errorf("making AllIN's roles: %w", err)
	}
	return nil
}

// createDatabase makes the login role and its database where they are missing.
func (s *Server) createDatabase(ctx context.Context) error {
	c, err := pgx.Connect(ctx, s.SuperuserDSN("postgres"))
	if err != nil {
		return fmt.Errorf("connecting to make the database: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	var role, database bool
	err = c.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1),
		exists (select from pg_database where datname = $2)`, Login, s.opts.Database).Scan(&role, &database)
	if err != nil {
		return fmt.Errorf("looking for the database: %w", err)
	}
	if !role {
		if _, err := c.Exec(ctx, "create role "+Login+" login noinherit nosuperuser nobypassrls nocreatedb nocreaterole"); err != nil {
			return fmt.Errorf("making the login role: %w", err)
		}
	}
	if !database {
		name := pgx.Identifier{s.opts.Database}.Sanitize()
		if _, err := c.Exec(ctx, "create database "+name+" owner "+Login); err != nil {
			return fmt.Errorf("making the database %s: %w", s.opts.Database, err)
		}
	}
	return nil
}
