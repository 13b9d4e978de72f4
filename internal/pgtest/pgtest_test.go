package pgtest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/pg"
	"github.com/allin-platform/allin/internal/pgtest"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

func TestEachTestHasItsOwn(t *testing.T) {
	t.Parallel()
	for range 2 {
		c := connect(t, pgtest.New(t))
		if _, err := c.Exec(t.Context(), "create table mine (n int)"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTemplateIsMigratedOnce(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	migrate := func(ctx context.Context, dsn string) error {
		runs.Add(1)
		c, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		_, err = c.Exec(ctx, "create table made (n int); insert into made values (1)")
		return err
	}
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			c := connect(t, pgtest.Template(t, "made", migrate))
			var n int
			if err := c.QueryRow(t.Context(), "update made set n = n + 1 returning n").Scan(&n); err != nil || n != 2 {
				t.Errorf("n = %d, %v: the copy is not fresh", n, err)
			}
			if got := runs.Load(); got != 1 {
				t.Errorf("migrated %d times", got)
			}
		})
	}
}

func TestLoginIsPlainAndSuperuserIsNot(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	for _, c := range []struct {
		dsn  string
		want bool
	}{{dsn, false}, {pgtest.Superuser(dsn), true}} {
		var super bool
		if err := connect(t, c.dsn).QueryRow(t.Context(), "select rolsuper from pg_roles where rolname = current_user").Scan(&super); err != nil || super != c.want {
			t.Errorf("superuser %v, %v; want %v", super, err, c.want)
		}
	}
	if _, err := connect(t, dsn).Exec(t.Context(), "set role "+pg.TenantRole); err != nil {
		t.Error(err)
	}
}

// TestLender is not a test: TestNothingIsLeft runs it in a process of its own.
func TestLender(t *testing.T) {
	if os.Getenv("TMPDIR") == "" || os.Getenv("PGTEST_LENDER") == "" {
		return // only TestNothingIsLeft runs it
	}
	connect(t, pgtest.New(t))
	if os.Getenv("PGTEST_LENDER") == "killed" {
		p, _ := os.FindProcess(os.Getpid())
		_ = p.Kill()
		select {}
	}
}

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"ended", "killed"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			tmp, err := os.MkdirTemp("", "left")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(tmp) })
			if err := os.Chmod(tmp, 0o777); err != nil {
				t.Fatal(err)
			}
			c := exec.Command(os.Args[0], "-test.run=^TestLender$", "-test.v")
			c.Env = append(os.Environ(), "TMPDIR="+tmp, "PGTEST_LENDER="+how)
			out, err := c.CombinedOutput()
			var exit *exec.ExitError
			if how == "ended" && err != nil || how == "killed" && !errors.As(err, &exit) {
				t.Fatalf("%v: %s", err, out)
			}
			for range 1000 {
				left, err := filepath.Glob(filepath.Join(tmp, "*"))
				if err != nil {
					t.Fatal(err)
				}
				if len(left) == 0 && !serverIn(t, tmp) {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Error("the server or its folder is still there")
		})
	}
}

// serverIn reports whether a server runs on a folder below dir.
func serverIn(t *testing.T, dir string) bool {
	t.Helper()
	out, err := exec.Command("ps", "axww", "-o", "command=").Output()
	if err != nil {
		t.Skip("no ps here")
	}
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "postgres") && strings.Contains(line, "-D "+dir) {
			return true
		}
	}
	return false
}

func BenchmarkTemplate(b *testing.B) {
	nothing := func(context.Context, string) error { return nil }
	pgtest.Template(b, "empty", nothing)
	for b.Loop() {
		pgtest.Template(b, "empty", nothing)
	}
}
