package models_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/allin-platform/allin/models"
)

// With a row in every table, an organization and a person can be deleted, and
// nothing of them is left: a table that holds on to them fails here.
func TestS64EveryTableLetsGo(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	fill(t, w.dsn)
	const organization, user = "00000000-0000-0000-0000-0000000000a1", "00000000-0000-0000-0000-0000000000b1"
	deletion := uuid.New()
	super(t, w.dsn, `insert into deletions (id, kind, subject, organization_id) values ('`+deletion.String()+`', 'organization', 'x', '`+organization+`')`)
	super(t, w.dsn, `delete from account_tokens`) // what is sealed there opens nothing
	if err := w.Install("test").CarryOut(ctx, deletion); err != nil {
		t.Fatal(err)
	}
	super(t, w.dsn, `delete from users where id = '`+user+`'`)
	pool, err := pgxpool.New(ctx, w.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query(ctx, `select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
		where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.atttypid = 'uuid'::regtype and not a.attisdropped`)
	if err != nil {
		t.Fatal(err)
	}
	type column struct{ Table, Name string }
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if strings.HasPrefix(c.Table, "audit") {
			continue // ids that lead nowhere stay there
		}
		var n int
		super(t, w.dsn, `select count(*) from `+c.Table+` where `+c.Name+` in ('`+organization+`', '`+user+`')`, &n)
		if n > 0 {
			t.Errorf("%d rows of %s still hold the id in %s", n, c.Table, c.Name)
		}
	}
}

// Every reference to a person is let go of by the database itself, and every
// one to an organization goes with it.
func TestS64ReferencesLetGo(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool, err := pgxpool.New(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query(context.Background(), `select conrelid::regclass::text, conname, confrelid::regclass::text from pg_constraint
		where contype = 'f' and confrelid in ('users'::regclass, 'organizations'::regclass) and confdeltype not in ('c', 'n')`)
	if err != nil {
		t.Fatal(err)
	}
	var table, name, to string
	if _, err := pgx.ForEachRow(rows, []any{&table, &name, &to}, func() error {
		t.Errorf("%s.%s keeps a row of %s from being deleted: let it say on delete cascade, or set null", table, name, to)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// The table in docs/operating.md is the one that cleaning carries out.
func TestRetentionIsDocumented(t *testing.T) {
	t.Parallel()
	const page, begin, end = "../docs/operating.md", "<!-- retention: begin -->\n", "<!-- retention: end -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), begin)
	got, _, closed := strings.Cut(rest, end)
	want := "| what | kept | removed by |\n|---|---|---|\n"
	for _, r := range (&models.Store{}).Install("print").Retentions() {
		want += "| " + r.What + " | " + r.Kept + " | " + r.By + " |\n"
	}
	if !ok || !closed || got != want {
		t.Errorf("the table in %s is not that of models/clean.go. Put this between the two marks:\n%s", page, want)
	}
}

// The last super admin stays while others use the installation.
func TestLastAdminStays(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w := newWorld(t)
	admin, err := w.Install("test").SignUp(ctx, models.SignUp{Name: "Root", Email: "root@example.com", Password: "correct horse", Organization: "Root", Zone: "UTC",
		Platform: models.SuperAdmin}, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	w.organization("Acme")
	if err := admin.Delete(ctx, "correct horse"); models.CodeOf(err) != models.Conflict {
		t.Errorf("the last super admin leaves: %v", err)
	}
	super(t, w.dsn, `update users set platform_role = 'SUPER_ADMIN'`)
	if err := admin.Delete(ctx, "correct horse"); err != nil {
		t.Errorf("with another one: %v", err)
	}
}
