// Package pgtest lends tests real PostgreSQL databases. Each test process
// runs one throw-away server, started when the first test asks for it and gone
// when the process ends, however it ends. The server writes nothing to disk in
// earnest; a made cluster is kept in the user's cache folder to start faster.
package pgtest

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/allin-platform/allin/internal/pg"
)

// base is the template of empty databases: the login role may create in it.
const base = "allin"

// cluster is the server of this test process.
type cluster struct {
	server *pg.Server
	admin  *pgxpool.Pool // signed in as superuser
	last   atomic.Int64  // number of the last database made
	leash  io.Closer     // the janitor's standard input: it ends when this process does

	mu        sync.Mutex
	templates map[string]*template
}

// template is a migrated database that others are copied from.
type template struct {
	once sync.Once
	err  error
}

var shared = sync.OnceValues(startCluster)

// New returns the address of an empty database of the test's own, signed in
// as the plain login role pg.Login, with AllIN's roles in place. It is dropped
// when the test ends.
func New(t testing.TB) string {
	t.Helper()
	c := get(t)
	return c.clone(t, base)
}

// Template returns the address of a database of the test's own that is a copy
// of the one that migrate prepared. migrate runs once in this process for each
// name; it is given the address of an empty database, and must have closed its
// connections when it returns.
func Template(t testing.TB, name string, migrate func(ctx context.Context, dsn string) error) string {
	t.Helper()
	c := get(t)
	c.mu.Lock()
	m := c.templates[name]
	if m == nil {
		m = &template{}
		c.templates[name] = m
	}
	c.mu.Unlock()
	m.once.Do(func() { m.err = c.prepare(name, migrate) })
	if m.err != nil {
		t.Fatalf("preparing the template database %s: %v", name, m.err)
	}
	return c.clone(t, "template_"+name)
}

// Superuser returns dsn signed in as the cluster's superuser, whom no policy
// binds: for looking behind what a test did.
func Superuser(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn
	}
	u.User = url.User("postgres")
	return u.String()
}

func get(t testing.TB) *cluster {
	t.Helper()
	c, err := shared()
	if err != nil {
		t.Fatalf("starting PostgreSQL for the tests: %v", err)
	}
	return c
}

// clone copies a template for the test.
func (c *cluster) clone(t testing.TB, from string) string {
	t.Helper()
	name := "t" + strconv.FormatInt(c.last.Add(1), 10)
	if err := c.create(context.Background(), name, from); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := c.admin.Exec(context.Background(), "drop database if exists "+pgx.Identifier{name}.Sanitize()+" with (force)"); err != nil {
			t.Logf("dropping the test's database: %v", err)
		}
	})
	return c.address(name)
}

// prepare makes the template called name.
func (c *cluster) prepare(name string, migrate func(ctx context.Context, dsn string) error) error {
	ctx := context.Background()
	if err := c.create(ctx, "template_"+name, base); err != nil {
		return err
	}
	return migrate(ctx, c.address("template_"+name))
}

func (c *cluster) create(ctx context.Context, name, from string) error {
	_, err := c.admin.Exec(ctx, fmt.Sprintf("create database %s owner %s template %s",
		pgx.Identifier{name}.Sanitize(), pg.Login, pgx.Identifier{from}.Sanitize()))
	if err != nil {
		return fmt.Errorf("copying the database %s: %w", from, err)
	}
	return nil
}

// address is the address of a database for the plain login role.
func (c *cluster) address(database string) string {
	u, err := url.Parse(c.server.DSN())
	if err != nil {
		panic(err) // it is our own
	}
	u.Path = "/" + database
	return u.String()
}

// startCluster starts the server in a temporary folder, and a janitor that
// takes both away when this process ends.
func startCluster() (*cluster, error) {
	ctx := context.Background()
	dir, err := os.MkdirTemp(tempDir(), "allin-pgtest-")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // the server's user has to get in
		return nil, err
	}
	leash, err := startJanitor(dir)
	if err != nil {
		return nil, fmt.Errorf("starting the janitor: %w", err)
	}
	s, err := startFromCache(ctx, pg.Options{Dir: dir, Database: base, Extra: settings})
	if err != nil {
		return nil, err
	}
	admin, err := pgxpool.New(ctx, s.SuperuserDSN("postgres"))
	if err != nil {
		return nil, err
	}
	return &cluster{server: s, admin: admin, leash: leash, templates: map[string]*template{}}, nil
}

// tempDir is where the server lives: in memory where there is room for it,
// since copying databases is mostly making files, else in the usual folder.
func tempDir() string {
	const memory, room = "/dev/shm", 2 << 30
	var fs syscall.Statfs_t
	if os.TempDir() != "/tmp" || syscall.Statfs(memory, &fs) != nil || uint64(fs.Bavail)*uint64(fs.Bsize) < room {
		return os.TempDir()
	}
	return memory
}

// settings trade safety, which a throw-away database does not need, for speed.
var settings = []string{
	"fsync=off",
	"synchronous_commit=off",
	"full_page_writes=off",
	"wal_level=minimal",
	"max_wal_senders=0",
	"checkpoint_timeout=1h",
	"max_wal_size=256MB",
	"autovacuum=off",
	"max_connections=400",
	"shared_buffers=64MB",
}

// janitor is a shell script: when its standard input ends, which is when the
// process at the other end of the pipe does, it ends the server that works in
// the folder $1 and removes the folder.
const janitor = `
cat >/dev/null
pid="$1/postgres/pgdata/postmaster.pid"
[ -f "$pid" ] && kill -QUIT "$(head -n 1 "$pid")" 2>/dev/null
i=0
while [ -f "$pid" ] && [ $i -lt 50 ]; do sleep 0.1; i=$((i+1)); done
rm -rf "$1"
`

// startJanitor starts the script, in a group of its own so that an interrupt
// typed at the terminal does not end it too early.
func startJanitor(dir string) (leash io.Closer, err error) {
	c := exec.Command("/bin/sh", "-c", janitor, "sh", dir)
	if leash, err = c.StdinPipe(); err != nil {
		return nil, err
	}
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return leash, c.Start()
}

// startFromCache starts a server on a copy of a cluster kept from an earlier
// run, or makes one and keeps it. Anything wrong with the cache means a fresh
// cluster, no more.
func startFromCache(ctx context.Context, o pg.Options) (*pg.Server, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return pg.Start(ctx, o)
	}
	cache = filepath.Join(cache, "allin", "pgtest-2")
	if copyAll(cache, o.Dir) {
		if s, err := pg.Start(ctx, o); err == nil {
			return s, nil
		}
		for _, name := range kept {
			_ = os.RemoveAll(filepath.Join(o.Dir, name))
		}
		_ = os.RemoveAll(cache)
	}
	s, err := pg.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.Stop(); err != nil {
		return nil, err
	}
	keep(o.Dir, cache)
	return pg.Start(ctx, o)
}

// kept are the folders that later runs start from: the cluster, and the
// server's programs where they had to be fetched.
var kept = []string{"postgres", "postgres-npm"}

// copyAll copies the folders that are kept, and reports whether a cluster was there.
func copyAll(from, to string) bool {
	for i, name := range kept {
		if copyTree(filepath.Join(from, name), filepath.Join(to, name)) != nil && i == 0 {
			return false
		}
	}
	return true
}

// keep stores a stopped cluster in the cache, whole or not at all.
func keep(dir, cache string) {
	if os.MkdirAll(filepath.Dir(cache), 0o700) != nil {
		return
	}
	part, err := os.MkdirTemp(filepath.Dir(cache), "part-")
	if err != nil {
		return
	}
	defer os.RemoveAll(part)
	if copyAll(dir, part) {
		_ = os.Rename(part, cache)
	}
}

// copyTree copies a folder with owners and permissions.
func copyTree(from, to string) error {
	if _, err := os.Stat(from); err != nil {
		return err
	}
	return exec.Command("cp", "-pR", from, to).Run()
}
