package models

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/pgtest"
	"github.com/allin-platform/allin/migrations"
	"github.com/allin-platform/allin/models/tenant"
)

// auditWorld is a store on a database of its own, and the superuser's address of it.
func auditWorld(t *testing.T) (*Store, *pgx.Conn) {
	t.Helper()
	dsn := pgtest.Template(t, "allin", func(ctx context.Context, dsn string) error {
		return tenant.Migrate(ctx, dsn, migrations.Files, nil)
	})
	db, err := tenant.Open(t.Context(), dsn, tenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	super, err := pgx.Connect(t.Context(), pgtest.Superuser(dsn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { super.Close(context.Background()) })
	return New(Config{DB: db, Now: time.Now, Log: slog.New(slog.DiscardHandler)}), super
}

func TestS63AuditChain(t *testing.T) {
	t.Parallel()
	s, super := auditWorld(t)
	in := s.Install("test")
	ctx := WithOrigin(t.Context(), Origin{Address: "203.0.113.9", Agent: "Test"})
	person := User{ID: uuid.New(), Name: "Ann"}
	write := func(n int, chain uuid.UUID) {
		for range n {
			err := in.system(ctx, func(tx pgx.Tx) error {
				return appendAudit(ctx, tx, auditEntry{Chain: chain, ActorKind: ActorPerson, ActorID: &person.ID, ActorName: person.Name,
					Act: "test.done", Object: "post 1", Details: map[string]any{"b": 1, "a": []any{"x", 1.5, nil}}})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	other := uuid.New()
	write(5, uuid.Nil)
	write(5, other)
	rows, broken, err := in.VerifyAudit(t.Context())
	if err != nil || rows != 10 || len(broken) != 0 {
		t.Fatalf("%d rows, broken %v, error %v", rows, broken, err)
	}

	var text string
	if err := super.QueryRow(ctx, `select string_agg(a::text, ' ') from audit a`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "203.0.113.9") || strings.Contains(text, "Ann") {
		t.Error("names or addresses stand in the chain, where they cannot be erased")
	}

	// No role of the program may change what was written.
	for _, scope := range []tenant.Scope{tenant.System(), tenant.Organization(other, person.ID), tenant.Person(person.ID)} {
		for _, change := range []string{`update audit set act = 'nothing'`, `delete from audit`} {
			err := s.db.Rows(ctx, scope, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, change); return err })
			if err == nil || !strings.Contains(err.Error(), "permission denied") {
				t.Errorf("%s: %v", change, err)
			}
		}
	}

	for what, damage := range map[string]struct{ do, undo string }{
		"changed": {`update audit set details = '{"a": 2}' where chain = '` + other.String() + `' and seq = 3`,
			`update audit set details = '{"a": ["x", 1.5, null], "b": 1}' where chain = '` + other.String() + `' and seq = 3`},
		"renamed": {`update audit set act = 'x' where chain = '` + uuid.Nil.String() + `' and seq = 5`,
			`update audit set act = 'test.done' where chain = '` + uuid.Nil.String() + `' and seq = 5`},
	} {
		if _, err := super.Exec(ctx, damage.do); err != nil {
			t.Fatal(err)
		}
		if _, broken, err := in.VerifyAudit(ctx); err != nil || len(broken) == 0 {
			t.Errorf("%s: broken %v, error %v", what, broken, err)
		}
		if _, err := super.Exec(ctx, damage.undo); err != nil {
			t.Fatal(err)
		}
		if _, broken, err := in.VerifyAudit(ctx); err != nil || len(broken) != 0 {
			t.Errorf("%s and mended: broken %v, error %v", what, broken, err)
		}
	}
	for _, loss := range []string{`delete from audit_traces`, `delete from audit where chain = '` + other.String() + `' and seq = 2`} {
		if _, err := super.Exec(ctx, loss); err != nil {
			t.Fatal(err)
		}
	}
	if _, broken, err := in.VerifyAudit(ctx); err != nil || len(broken) == 0 {
		t.Errorf("a row taken out: broken %v, error %v", broken, err)
	}
}
