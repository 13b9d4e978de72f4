package tenant_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/pg"
	"github.com/allin-platform/allin/internal/pgtest"
	"github.com/allin-platform/allin/migrations"
	"github.com/allin-platform/allin/models/tenant"
)

// Where one login owns the tables and another works on them, the second sees
// no row of anybody by itself, and the queue's as far as it works on them.
func TestTwoLogins(t *testing.T) {
	ctx := t.Context()
	dsn := pgtest.New(t)
	super, err := pgx.Connect(ctx, pgtest.Superuser(dsn))
	if err != nil {
		t.Fatal(err)
	}
	defer super.Close(ctx)
	const app = "allin_app_login"
	if _, err := super.Exec(ctx, fmt.Sprintf(`create role %s login noinherit; %s`, app, pg.Roles(app))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c, err := pgx.Connect(context.Background(), pgtest.Superuser(dsn))
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close(context.Background())
		if _, err := c.Exec(context.Background(), fmt.Sprintf(`drop owned by %s; drop role %s`, app, app)); err != nil {
			t.Error(err)
		}
	})
	for range 2 { // a second time changes nothing
		if err := tenant.Migrate(ctx, dsn, migrations.Files, nil); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(app)
	c, err := pgx.Connect(ctx, u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, `insert into river_job (args, kind, max_attempts) values ('{}', 'test', 1)`); err != nil {
		t.Errorf("the login cannot work on the queue: %v", err)
	}
	if _, err := super.Exec(ctx, `insert into organizations (id, name) values (gen_random_uuid(), 'A')`); err != nil {
		t.Fatal(err)
	}
	n := 0
	if err := c.QueryRow(ctx, `select count(*) from organizations`).Scan(&n); err == nil {
		t.Errorf("the login reads organizations without a role, %d of them", n)
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, `select set_config('role', 'allin_system', true)`); err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRow(ctx, `select count(*) from organizations`).Scan(&n); err != nil || n != 1 {
		t.Errorf("as the clock it sees %d organizations, %v", n, err)
	}
}
