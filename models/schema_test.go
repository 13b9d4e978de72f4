package models_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/allin-platform/allin/internal/pgtest"
	"github.com/allin-platform/allin/migrations"
	"github.com/allin-platform/allin/models/tenant"
)

// database lends the test a migrated database of its own.
func database(t testing.TB) string {
	return pgtest.Template(t, "allin", func(ctx context.Context, dsn string) error {
		return tenant.Migrate(ctx, dsn, migrations.Files, nil)
	})
}

// openTables are River's and goose's own: they hold ids and no content.
var openTables = []string{"goose_db_version", "river_client", "river_client_queue", "river_job", "river_leader", "river_migration", "river_notification", "river_queue"}

// installTables are not an organization's, so that they have no organization_id.
var installTables = []string{"installation", "users", "organizations", "sessions", "throttles", "processes", "network_apps", "rate_gates",
	"links", "mails", "audit", "audit_traces", "settings", "notification_choices", "known_devices", "totp_secrets", "recovery_codes",
	"passkeys", "identities", "challenges", "faults", "exports", "deletions", "signing_keys", "token_families"}

func TestEveryTableIsLocked(t *testing.T) {
	ctx := context.Background()
	dsn := database(t)
	fill(t, dsn)
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, table := range tables(t, pool) {
		if slices.Contains(openTables, table) {
			continue
		}
		t.Run(table, func(t *testing.T) {
			var n int
			err := pool.QueryRow(ctx, "select count(*) from "+pgx.Identifier{table}.Sanitize()).Scan(&n)
			if err != nil {
				if !strings.Contains(err.Error(), "permission denied") {
					t.Fatal(err)
				}
			} else if n != 0 {
				t.Errorf("the login role sees %d rows with nothing set", n)
			}
			var there bool
			super(t, dsn, fmt.Sprintf("select exists (select from %s)", pgx.Identifier{table}.Sanitize()), &there)
			if !there {
				t.Errorf("the table is empty, so this test shows nothing: let fill put a row in")
			}
			var enabled, forced bool
			super(t, dsn, fmt.Sprintf("select relrowsecurity, relforcerowsecurity from pg_class where oid = '%s'::regclass", table), &enabled, &forced)
			if !enabled || !forced {
				t.Errorf("row-level security: enabled %v, forced %v", enabled, forced)
			}
		})
	}
}

func TestTablesCarryTheirOrganization(t *testing.T) {
	dsn := database(t)
	pool, err := pgxpool.New(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, table := range tables(t, pool) {
		if slices.Contains(openTables, table) || slices.Contains(installTables, table) {
			continue
		}
		t.Run(table, func(t *testing.T) {
			var def *string
			super(t, dsn, fmt.Sprintf(`select (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d where d.adrelid = a.attrelid and d.adnum = a.attnum)
				from pg_attribute a where a.attrelid = '%s'::regclass and a.attname = 'organization_id'`, table), &def)
			if def == nil || *def != "app_organization()" {
				t.Errorf("organization_id is not stamped by its default")
			}
			// Every reference to a tenant's table carries the organization along.
			rows, err := pool.Query(context.Background(), `select conname, pg_get_constraintdef(c.oid) from pg_constraint c
				join pg_class f on f.oid = c.confrelid
				where c.conrelid = $1::regclass and c.contype = 'f' and f.relname <> all($2)`, table, installTables)
			if err != nil {
				t.Fatal(err)
			}
			var name, def2 string
			if _, err := pgx.ForEachRow(rows, []any{&name, &def2}, func() error {
				if !strings.HasPrefix(def2, "FOREIGN KEY (organization_id, ") {
					t.Errorf("%s: %s", name, def2)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// tables lists the tables of the database.
func tables(t *testing.T, pool *pgxpool.Pool) []string {
	rows, err := pool.Query(context.Background(), `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Fatalf("only %d tables", len(list))
	}
	return list
}

// super reads one row as the superuser, whom no policy holds.
func super(t testing.TB, dsn, sql string, into ...any) {
	t.Helper()
	c, err := pgx.Connect(context.Background(), pgtest.Superuser(dsn))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if len(into) == 0 {
		if _, err := c.Exec(context.Background(), sql); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := c.QueryRow(context.Background(), sql).Scan(into...); err != nil {
		t.Fatal(err)
	}
}

// fill puts a row into every table, past all policies.
func fill(t *testing.T, dsn string) {
	super(t, dsn, `
		insert into organizations (id, name) values ('00000000-0000-0000-0000-0000000000a1', 'A');
		insert into users (id, email, name, password_hash) values ('00000000-0000-0000-0000-0000000000b1', 'a@example.com', 'A', '');
		select set_config('app.organization_id', '00000000-0000-0000-0000-0000000000a1', false);
		insert into memberships (user_id, role) values ('00000000-0000-0000-0000-0000000000b1', 'OWNER');
		insert into sessions (id, user_id, data, expires_at) values ('s', '00000000-0000-0000-0000-0000000000b1', '', now());
		insert into known_devices (user_id, id) values ('00000000-0000-0000-0000-0000000000b1', 'd');
		insert into throttles values ('k', 1, now());
		insert into processes (id, lock_key, kind, host, pid) values (gen_random_uuid(), 1, 'serve', 'h', 1);
		insert into links (id, kind, expires_at) values ('l', 'reset', now());
		insert into mails (id, kind, sealed) values (gen_random_uuid(), 'notice', '');
		insert into audit (chain, seq, id, actor_kind, act, hash) values ('00000000-0000-0000-0000-0000000000a1', 1, '00000000-0000-0000-0000-000000000021', 'system', 'a', '');
		insert into audit_traces (audit_id, chain) values ('00000000-0000-0000-0000-000000000021', '00000000-0000-0000-0000-0000000000a1');
		insert into settings (name, sealed) values ('s', '');
		insert into notification_choices (user_id, kind, reach) values ('00000000-0000-0000-0000-0000000000b1', 'delivery.failed', 'off');
		insert into invitations (id, token_hash, email, role, days, expires_at) values (gen_random_uuid(), 't', 'b@example.com', 'EDITOR', 7, now());
		insert into invoice_details (company) values ('A');
		insert into suspensions (reason) values ('r');
		insert into faults (fingerprint, origin, place, message, count, first_at, last_at) values ('f', 'job', 'p', 'm', 1, now(), now());
		insert into exports (id, user_id) values (gen_random_uuid(), '00000000-0000-0000-0000-0000000000b1');
		insert into deletions (id, kind, subject) values (gen_random_uuid(), 'person', 's');
		insert into signing_keys (kid, sealed) values ('k', '');
		insert into token_families (id, user_id, sealed, expires_at) values (gen_random_uuid(), '00000000-0000-0000-0000-0000000000b1', '', now());
		insert into api_keys (id, user_id, name, hint, hash, scopes, expires_at)
			values (gen_random_uuid(), '00000000-0000-0000-0000-0000000000b1', 'k', 'a', 'h', '{}', now());
		insert into network_apps (network, site, redirect, sealed) values ('x', '', '', '');
		insert into totp_secrets (user_id, sealed) values ('00000000-0000-0000-0000-0000000000b1', '');
		insert into recovery_codes (user_id, hash) values ('00000000-0000-0000-0000-0000000000b1', 'h');
		insert into passkeys (id, user_id, credential, record, name) values (gen_random_uuid(), '00000000-0000-0000-0000-0000000000b1', 'c', '{}', 'k');
		insert into identities (id, user_id, provider, issuer, subject) values (gen_random_uuid(), '00000000-0000-0000-0000-0000000000b1', 'p', 'i', 's');
		insert into challenges (id, kind, browser, sealed, expires_at) values ('c', 'factor', '', '', now());
		insert into rate_gates (scope, open_at) values ('s', now());
		insert into social_accounts (id, network, remote_id, handle) values ('00000000-0000-0000-0000-0000000000c1', 'x', '1', 'a');
		insert into account_tokens (account_id, sealed) values ('00000000-0000-0000-0000-0000000000c1', '');
		insert into connect_states (id, session_id, user_id, network, sandbox, site, sealed, expires_at)
			values ('c', 's', '00000000-0000-0000-0000-0000000000b1', 'x', true, '', '', now());
		insert into media (id, kind, type, bytes) values ('00000000-0000-0000-0000-0000000000d1', 'image', 'image/png', 1);
		insert into posts (id, content) values ('00000000-0000-0000-0000-0000000000e1', '{}');
		insert into post_targets (post_id, account_id) values ('00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000c1');
		insert into post_media (post_id, media_id) values ('00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000d1');
		insert into scheduled_posts (id, post_id, local_date, local_time, zone, due_at)
			values ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1', '2026-01-01', '10:00', 'UTC', now());
		insert into deliveries (id, scheduled_post_id, post_id, account_id, network, due_at, fresh_at) values ('00000000-0000-0000-0000-000000000011',
			'00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000c1', 'x', now(), now());
		insert into attempts (delivery_id, fence, step, action) values ('00000000-0000-0000-0000-000000000011', 1, 'create:0', 'send');
		insert into delivery_steps (delivery_id, step) values ('00000000-0000-0000-0000-000000000011', 'create:0');
		insert into approval_rules (posts) values ('all');
		insert into decisions (id, post_id, version, act) values (gen_random_uuid(), '00000000-0000-0000-0000-0000000000e1', 1, 'asked');
		insert into post_versions (post_id, version, content) values ('00000000-0000-0000-0000-0000000000e1', 1, '{}');
		insert into comments (id, post_id, body) values (gen_random_uuid(), '00000000-0000-0000-0000-0000000000e1', 'c');
		insert into review_links (id, post_id, token, name, email, version, sent_by, expires_at) values (gen_random_uuid(),
			'00000000-0000-0000-0000-0000000000e1', 't', 'C', 'c@example.com', 1, '00000000-0000-0000-0000-0000000000b1', now());
		insert into post_editors (post_id, user_id) values ('00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000b1');
		insert into notifications (user_id, kind, title) values ('00000000-0000-0000-0000-0000000000b1', 'k', 't')`)
}

// chosen are the columns that a role may change of what belongs to all of an
// installation's tables: what people choose for themselves. Whatever else they
// hold (who is suspended, who looks after the installation, what signs in)
// decides on rights, and only the system's role writes it.
var chosen = map[string]map[string][]string{
	"users":         {"allin_person": {"name", "time_zone", "week_start", "theme", "picture_id", "digest_hour", "updated_at"}},
	"organizations": {"allin_tenant": {"name", "time_zone", "week_start", "posting_time", "logo_id", "second_factor_required", "updated_at"}},
	"sessions":      {},
	"suspensions":   {},
	"installation":  {},
}

// TestRightsAreNotTheirsToWrite tries every column of the tables that decide on
// rights under each role that works for people.
func TestRightsAreNotTheirsToWrite(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dsn := database(t)
	fill(t, dsn)
	db, err := tenant.Open(ctx, dsn, tenant.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	organization, user := uuid.MustParse("00000000-0000-0000-0000-0000000000a1"), uuid.MustParse("00000000-0000-0000-0000-0000000000b1")
	scopes := map[string]tenant.Scope{"allin_tenant": tenant.Organization(organization, user), "allin_person": tenant.Person(user), "allin_guest": tenant.Guest(organization, uuid.New())}
	for table, may := range chosen {
		var columns []string
		super(t, dsn, fmt.Sprintf(`select array_agg(attname::text) from pg_attribute where attrelid = '%s'::regclass and attnum > 0 and not attisdropped`, table), &columns)
		for role, scope := range scopes {
			tried := []string{"insert into " + table + " default values", "delete from " + table}
			if table == "sessions" {
				tried = tried[:1] // one's own are theirs to end
			}
			for _, column := range columns {
				if !slices.Contains(may[role], column) {
					tried = append(tried, fmt.Sprintf("update %s set %s = %[2]s", table, column), fmt.Sprintf("update %s set %s = default", table, column))
				}
			}
			for _, change := range tried {
				err := db.Rows(ctx, scope, func(tx pgx.Tx) error {
					_, err := tx.Exec(ctx, change)
					return err
				})
				if err == nil || !strings.Contains(err.Error(), "permission denied") {
					t.Errorf("%s as %s: %v", change, role, err)
				}
			}
			for _, column := range may[role] {
				err := db.Rows(ctx, scope, func(tx pgx.Tx) error {
					tag, err := tx.Exec(ctx, fmt.Sprintf("update %s set %s = %[2]s", table, column))
					if err == nil && tag.RowsAffected() != 1 {
						err = fmt.Errorf("%d rows", tag.RowsAffected())
					}
					return err
				})
				if err != nil {
					t.Errorf("%s may not choose %s of %s: %v", role, column, table, err)
				}
			}
		}
	}
}
