package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/pgtest"
	"github.com/allin-platform/allin/migrations"
	"github.com/allin-platform/allin/models/tenant"
)

// patient is an installation that the doctor looks at.
type patient struct {
	t     *testing.T
	super *pgx.Conn
	env   map[string]string
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	dsn := pgtest.Template(t, "allin", func(ctx context.Context, dsn string) error {
		return tenant.Migrate(ctx, dsn, migrations.Files, nil)
	})
	super, err := pgx.Connect(t.Context(), pgtest.Superuser(dsn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { super.Close(context.Background()) })
	dir := t.TempDir()
	return &patient{t: t, super: super, env: map[string]string{"DATABASE_URL": dsn, "ALLIN_DATA": dir, "ALLIN_ORIGIN": "https://allin.example",
		"ALLIN_LOG_LEVEL": "error", "ALLIN_X_CLIENT_ID": "id", "ALLIN_X_CLIENT_SECRET": "a-planted-secret"}}
}

func (p *patient) run(args ...string) (string, error) {
	p.t.Helper()
	var out bytes.Buffer
	err := run(p.t.Context(), args, func(name string) string { return p.env[name] }, &out)
	return out.String(), err
}

func (p *patient) sql(query string, args ...any) {
	p.t.Helper()
	if _, err := p.super.Exec(p.t.Context(), query, args...); err != nil {
		p.t.Fatal(err)
	}
}

// line is what the doctor says about something.
func (p *patient) line(report, what string) string {
	p.t.Helper()
	for _, l := range strings.Split(report, "\n") {
		if len(l) > 25 && strings.TrimSpace(l[6:25]) == what {
			return l
		}
	}
	p.t.Errorf("nothing is said about %s:\n%s", what, report)
	return ""
}

func (p *patient) says(report, what, begin, part string) {
	p.t.Helper()
	if l := p.line(report, what); !strings.HasPrefix(l, begin) || !strings.Contains(l, part) {
		p.t.Errorf("about %s: %q, want %s … %q", what, l, begin, part)
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	report, err := p.run("doctor")
	if err == nil || !strings.Contains(err.Error(), "must be mended") {
		t.Errorf("without a key file: %v", err)
	}
	p.says(report, "keys", "fail", "there is no file")
	if _, err := os.Stat(filepath.Join(p.env["ALLIN_DATA"], "keyset.json")); err == nil {
		t.Fatal("the doctor made a key file, which hides that the right one is missing")
	}
	// keys rotate is what makes one here; a first start would do so too.
	if out, err := p.run("keys", "rotate"); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	p.sql(`update installation set ticked_at = now()`)
	report, err = p.run("doctor")
	if err != nil {
		t.Fatalf("a sound one: %v\n%s", err, report)
	}
	for _, what := range []string{"data folder", "origin", "session cookie", "keys", "migrations", "database", "login", "row-level security", "clock",
		"publishing", "mail", "audit log", "sealed values", "X"} {
		p.says(report, what, "ok", "")
	}
	p.says(report, "super admin", "warn", "none")
	if strings.Contains(report, "a-planted-secret") {
		t.Errorf("the report tells a secret:\n%s", report)
	}

	p.env["ALLIN_ORIGIN"] = "http://allin.example"
	delete(p.env, "ALLIN_X_CLIENT_SECRET")
	keys := filepath.Join(p.env["ALLIN_DATA"], "keyset.json")
	if err := os.Chmod(keys, 0o644); err != nil {
		t.Fatal(err)
	}
	p.sql(`alter table posts no force row level security`)
	p.sql(`delete from audit_traces; delete from audit where seq = (select max(seq) - 1 from audit)`)
	p.sql(`insert into mails (id, kind, sealed, state, created_at) values (gen_random_uuid(), 'notice', 'x', 'waiting', now() - interval '2 hours')`)
	p.sql(`update installation set held_at = now(), held_reason = 'Restored.'`)
	p.sql(`insert into audit (chain, seq, id, actor_kind, act, hash) values (gen_random_uuid(), 5, gen_random_uuid(), 'system', 'a', '')`)
	report, err = p.run("doctor")
	if err == nil {
		t.Error("a sick one passes")
	}
	p.says(report, "origin", "fail", "not https")
	p.says(report, "session cookie", "fail", "Secure")
	p.says(report, "keys", "fail", "chmod 600")
	p.says(report, "row-level security", "fail", "posts")
	p.says(report, "audit log", "fail", "missing")
	p.says(report, "mail", "warn", "1 mail waits")
	p.says(report, "publishing", "warn", "on hold")

	if err := os.Chmod(keys, 0o600); err != nil {
		t.Fatal(err)
	}
	report, _ = p.run("doctor")
	p.says(report, "sealed values", "fail", "mails")
	p.says(report, "X", "warn", "no app")

	p.sql(`delete from goose_db_version where version_id = (select max(version_id) from goose_db_version)`)
	report, _ = p.run("doctor")
	p.says(report, "migrations", "fail", "allin migrate")
	p.env["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/none"
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, []string{"doctor"}, func(name string) string { return p.env[name] }, &out); err == nil {
		t.Error("without a database it passes")
	}
	p.says(out.String(), "database", "fail", "")
}

func TestDoctorOnTheLogin(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.env["DATABASE_URL"] = pgtest.Superuser(p.env["DATABASE_URL"])
	report, err := p.run("doctor")
	if err == nil {
		t.Error("a superuser passes")
	}
	p.says(report, "login", "fail", "superuser")
}

func TestKeysCommand(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	for _, args := range [][]string{{"keys"}, {"keys", "burn"}} {
		if _, err := p.run(args...); err == nil || !strings.Contains(err.Error(), "allin keys rotate") {
			t.Errorf("%v: %v", args, err)
		}
	}
	for _, step := range []struct{ word, says string }{{"rotate", "A new key"}, {"reseal", "sealed anew"}, {"drop", "Older keys dropped: 1"}, {"drop", "one key only"}, {"sign", "signs access tokens from now on"}} {
		if out, err := p.run("keys", step.word); err != nil || !strings.Contains(out, step.says) {
			t.Errorf("%s says %q, %v", step.word, out, err)
		}
	}
	// What opens with no key keeps the older ones from being dropped.
	p.sql(`insert into mails (id, kind, sealed) values (gen_random_uuid(), 'notice', 'not sealed at all')`)
	if _, err := p.run("keys", "rotate"); err == nil || !strings.Contains(err.Error(), "open with no key") {
		t.Errorf("a value that nothing opens: %v", err)
	}
	if out, err := p.run("keys", "drop"); err == nil {
		t.Errorf("dropped all the same: %s", out)
	}
}
