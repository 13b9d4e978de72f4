package models_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
)

// interleaved is how many requests of two organizations share a few
// connections: go test ./models -run TestS14 -interleaved 100000 for the full figure.
var interleaved = flag.Int("interleaved", 4000, "requests of TestS14Interleaved")

// S14: whoever speaks to the database as the product's login, past the
// product, gets no row: not by COPY, not through a view, and not by taking a role without a scope.
func TestS14NothingWithoutScope(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
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
		name := pgx.Identifier{table}.Sanitize()
		conn, err := pool.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		for _, copy := range []string{"copy " + name + " to stdout", "copy (select * from " + name + ") to stdout"} {
			if _, err := conn.Conn().PgConn().CopyTo(ctx, &out, copy); err == nil && out.Len() > 0 {
				t.Errorf("%s gives %d bytes", copy, out.Len())
			}
		}
		for _, role := range []string{"allin_tenant", "allin_person"} {
			var n int
			err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
				if _, err := tx.Exec(ctx, `select set_config('role', $1, true)`, role); err != nil {
					return err
				}
				return tx.QueryRow(ctx, "select count(*) from "+name).Scan(&n)
			})
			if err == nil && n > 0 && table != "installation" {
				t.Errorf("%s sees %d rows of %s without a scope", role, n, table)
			}
		}
		conn.Release()
	}
	// A plain view runs with its owner's rights and shows what the policies hide.
	var open string
	super(t, dsn, `select coalesce(string_agg(relname, ' '), '') from pg_class where relnamespace = 'public'::regnamespace and
		(relkind = 'm' or relkind = 'v' and not coalesce(reloptions @> '{security_invoker=true}', false))`, &open)
	if open != "" {
		t.Errorf("views that show what policies hide: %s; make them with (security_invoker = true)", open)
	}
	// Nor may a function run with its owner's rights.
	super(t, dsn, `select coalesce(string_agg(proname, ' '), '') from pg_proc where pronamespace = 'public'::regnamespace and prosecdef`, &open)
	if open != "" {
		t.Errorf("functions with their owner's rights: %s", open)
	}
	// No organization's row can be written for another one.
	err = tenantTx(ctx, t, dsn, "00000000-0000-0000-0000-0000000000a1", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into posts (organization_id, id, content) values ($1, $2, '{}')`, uuid.New(), uuid.New())
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "row-level security") {
		t.Errorf("a row for another organization: %v", err)
	}
}

func tenantTx(ctx context.Context, t *testing.T, dsn, organization string, fn func(tx pgx.Tx) error) error {
	t.Helper()
	db, err := tenant.Open(ctx, dsn, tenant.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return db.Rows(ctx, tenant.Organization(uuid.MustParse(organization), uuid.New()), fn)
}

// S14: requests of two organizations, and statements without any, take turns
// on a few connections. None sees what is not its own.
func TestS14Interleaved(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	type side struct {
		ws   *models.Workspace
		post uuid.UUID
		id   string
	}
	var sides []side
	for _, name := range []string{"Ours", "Theirs"} {
		ws := w.organization(name)
		post, err := ws.CreateDraft(ctx, text("Secret of "+name, w.account(ws, strings.ToLower(name)+".example")))
		if err != nil {
			t.Fatal(err)
		}
		sides = append(sides, side{ws, post, ws.Organization.ID.String()})
	}
	narrow, err := tenant.Open(ctx, w.dsn, tenant.Options{MaxConns: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer narrow.Close()
	scoped := func(s side) error {
		var n, foreign int
		err := narrow.Rows(ctx, tenant.Organization(s.ws.Organization.ID, s.ws.Member.ID), func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, `select count(*), count(*) filter (where organization_id <> $1) from posts`, s.id).Scan(&n, &foreign)
		})
		if err == nil && (n != 1 || foreign != 0) {
			err = fmt.Errorf("%s sees %d posts, %d of them of another", s.ws.Organization.Name, n, foreign)
		}
		return err
	}
	bare := func() error {
		var n int
		err := narrow.Pool().QueryRow(ctx, `select count(*) from posts`).Scan(&n)
		if err != nil && strings.Contains(err.Error(), "permission denied") {
			return nil
		}
		if err == nil && n != 0 {
			err = fmt.Errorf("a statement without a scope sees %d posts", n)
		}
		return err
	}
	failing := func(s side) error { // a transaction that ends badly leaves nothing behind
		_ = narrow.Rows(ctx, tenant.Organization(s.ws.Organization.ID, s.ws.Member.ID), func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `select 1/0 from posts`)
			return err
		})
		return bare()
	}
	var group sync.WaitGroup
	const workers = 8
	for worker := range workers {
		group.Go(func() {
			for i := range *interleaved / workers {
				mine, other := sides[(worker+i)%2], sides[(worker+i+1)%2]
				var err error
				switch i % 5 {
				case 0, 1:
					err = scoped(mine)
				case 2:
					err = bare()
				case 3:
					err = failing(mine)
				case 4:
					if _, e := mine.ws.Post(ctx, other.post); models.CodeOf(e) != models.NotFound {
						err = fmt.Errorf("%s reads the other's post: %v", mine.ws.Organization.Name, e)
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// S63: what is written into the audit log, no role of the product's changes or takes out.
func TestS63AuditCannotBeChanged(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	ws := w.organization("Acme")
	if err := ws.ExportAll(ctx); err != nil {
		t.Fatal(err)
	}
	for name, scope := range map[string]tenant.Scope{"tenant": tenant.Organization(ws.Organization.ID, ws.Member.ID), "person": tenant.Person(ws.Member.ID), "system": tenant.System()} {
		for _, change := range []string{`update audit set act = 'nothing'`, `delete from audit`, `truncate audit`} {
			err := w.db.Rows(ctx, scope, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, change)
				return err
			})
			if err == nil || !strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
				t.Errorf("%s as %s: %v", change, name, err)
			}
		}
	}
	if rows, broken, err := w.Install("test").VerifyAudit(ctx); err != nil || rows == 0 || len(broken) != 0 {
		t.Errorf("%d rows, %v, %v", rows, broken, err)
	}
}
