package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// settings suit a small machine that the database shares with AllIN: little
// memory, and nothing given up in safety.
var settings = []string{
	"listen_addresses=",
	"unix_socket_permissions=0700",
	"max_connections=100",
	"shared_buffers=32MB",
	"effective_cache_size=512MB",
	"work_mem=4MB",
	"maintenance_work_mem=32MB",
	"max_wal_size=512MB",
	"fsync=on",
	"synchronous_commit=on",
	"random_page_cost=1.1",
	"jit=off",
	"logging_collector=off",
	"log_timezone=UTC",
	"timezone=UTC",
}

// maxLog is the size in bytes past which the server's log is set aside.
const maxLog = 8 << 20

// child is one run of the postmaster.
type child struct {
	pid   int
	ended chan struct{} // closed when it is gone
	err   error         // how it ended; read after ended
}

// initialize makes the cluster under a temporary name and renames it, so that
// a half-made one is never used.
func (s *Server) initialize(ctx context.Context) error {
	s.opts.Progress("Making a PostgreSQL database in " + s.place.home + "…")
	part := s.place.cluster + ".part"
	for _, locale := range locales(s.program.major) {
		if err := os.RemoveAll(part); err != nil {
			return fmt.Errorf("clearing a half-made database: %w", err)
		}
		args := append([]string{"-D", part, "-U", superuser, "-E", "UTF8", "--auth=trust", "--data-checksums", "--no-instructions"}, locale...)
		out, err := s.command(ctx, filepath.Join(s.program.dir, "initdb"), args...).CombinedOutput()
		if err == nil {
			break
		}
		if !strings.Contains(string(out), "locale") || ctx.Err() != nil {
			return fmt.Errorf("making the database: initdb: %w: %s", err, lastLines(string(out), 8))
		}
	}
	if err := os.Rename(part, s.place.cluster); err != nil {
		return fmt.Errorf("putting the database in its place: %w", err)
	}
	return nil
}

// locales lists initdb's options to try: text sorts by code point, the same on
// every machine, and upper and lower case are known for all of Unicode.
func locales(major int) [][]string {
	plain := []string{"--locale=C"}
	switch {
	case major >= 17:
		return [][]string{{"--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"}, plain}
	case runtime.GOOS == "darwin":
		return [][]string{{"--locale=C", "--lc-ctype=UTF-8"}, plain}
	default:
		return [][]string{{"--locale=C", "--lc-ctype=C.UTF-8"}, plain}
	}
}

// launch starts the postmaster. It is told to shut down cleanly when this
// process dies, however it dies (on Linux). That signal follows the death of
// the thread that forked, so the thread is kept for as long as the server runs.
func (s *Server) launch() (*child, error) {
	logFile, err := s.openLog()
	if err != nil {
		return nil, err
	}
	args := []string{"-D", s.place.cluster, "-c", "unix_socket_directories=" + quoteList(s.place.socket)}
	for _, set := range append(settings, s.opts.Extra...) {
		args = append(args, "-c", set)
	}
	if s.program.major >= 18 {
		args = append(args, "-c", "io_method=sync") // saves three processes that a small database does not need
	}
	cmd := s.command(context.Background(), filepath.Join(s.program.dir, "postgres"), args...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	dieWithParent(cmd.SysProcAttr)
	c := &child{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer logFile.Close()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		c.pid = cmd.Process.Pid
		started <- nil
		c.err = cmd.Wait()
		close(c.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	return c, nil
}

// launchUntilReady starts the postmaster and waits until it answers, however
// long its recovery takes. Processes of a master that was killed may hold the
// shared memory for a moment: then it tries again.
func (s *Server) launchUntilReady(ctx context.Context) (*child, error) {
	s.opts.Progress(fmt.Sprintf("Starting PostgreSQL %d…", s.program.major))
	for attempt := 0; ; attempt++ {
		c, err := s.note(s.launch())
		if err != nil {
			return nil, err
		}
		err = s.await(ctx, c)
		if err == nil {
			return c, nil
		}
		if !strings.Contains(err.Error(), "still in use") || attempt == 100 {
			return nil, err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// note keeps c as the one running. When Stop came in between it ends c.
func (s *Server) note(c *child, err error) (*child, error) {
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return nil, errors.Join(errors.New("starting PostgreSQL: it is being stopped"), c.end())
	}
	s.child = c
	return c, nil
}

// await returns when the server answers, ends, or ctx does.
func (s *Server) await(ctx context.Context, c *child) error {
	for tries := 0; ; tries++ {
		if ping(ctx, s.SuperuserDSN("postgres")) == nil {
			return nil
		}
		if tries == 500 {
			s.opts.Progress("PostgreSQL is still starting: it is putting right what a crash interrupted…")
		}
		select {
		case <-c.ended:
			return fmt.Errorf("PostgreSQL ended while starting (%w). Its log, %s, ends with:\n%s", c.err, s.place.logFile, s.logTail())
		case <-ctx.Done():
			return fmt.Errorf("waiting for PostgreSQL to start: %w", ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// keep brings the server up again whenever it ends before ctx does.
func (s *Server) keep(ctx context.Context, c *child) {
	const shortest, longest = 100 * time.Millisecond, 5 * time.Second
	for wait := shortest; ; {
		select {
		case <-ctx.Done():
			return
		case <-c.ended:
		}
		s.log.Error("PostgreSQL ended and is started again", "error", c.err)
		if pause(ctx, wait) != nil {
			return
		}
		wait = min(2*wait, longest)
		next, err := s.note(s.launch())
		if err != nil {
			s.log.Error("PostgreSQL could not be started again", "error", err)
			continue
		}
		c = next
		if s.await(ctx, c) == nil {
			s.log.Info("PostgreSQL answers again")
			wait = shortest
		}
	}
}

// end shuts the child down: SIGINT rolls back what is open and writes a
// checkpoint; after 20 s SIGQUIT leaves the rest to the next start's recovery.
func (c *child) end() error {
	_ = syscall.Kill(c.pid, syscall.SIGINT)
	select {
	case <-c.ended:
		return c.err
	case <-time.After(20 * time.Second):
	}
	_ = syscall.Kill(c.pid, syscall.SIGQUIT)
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		_ = syscall.Kill(c.pid, syscall.SIGKILL)
		<-c.ended
	}
	return fmt.Errorf("PostgreSQL did not stop in time and was made to: %w", c.err)
}

// endOrphan deals with what postmaster.pid says. A server whose master is gone
// (we hold the lock, so it is) is shut down: it is about to end anyway, and one
// of our own ends with us. A number that by now belongs to another program is
// removed, since PostgreSQL would take it for a running server.
func (s *Server) endOrphan(ctx context.Context) error {
	path := filepath.Join(s.place.cluster, "postmaster.pid")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for a server that still runs: %w", err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 0 || syscall.Kill(pid, 0) != nil {
		return nil
	}
	if !isPostmaster(pid, s.place.cluster) {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a stale postmaster.pid: %w", err)
		}
		return nil
	}
	s.opts.Progress("Stopping a database server that an earlier run left behind…")
	for tries := 0; syscall.Kill(pid, 0) == nil && isPostmaster(pid, s.place.cluster); tries++ {
		switch tries {
		case 0:
			_ = syscall.Kill(pid, syscall.SIGINT)
		case 1000: // 20 s
			_ = syscall.Kill(pid, syscall.SIGQUIT)
		case 1500: // 30 s
			return fmt.Errorf("a PostgreSQL that an earlier run left behind (process %d) does not stop: end it, then start again", pid)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for an earlier server to stop: %w", err)
		}
	}
	return nil
}

// openLog opens the server's log for appending. One that has grown large is
// set aside, replacing the one set aside before.
func (s *Server) openLog() (*os.File, error) {
	if st, err := os.Stat(s.place.logFile); err == nil && st.Size() > maxLog {
		_ = os.Rename(s.place.logFile, s.place.logFile+".old")
	}
	f, err := os.OpenFile(s.place.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening PostgreSQL's log: %w", err)
	}
	if err := s.account.own(s.place.logFile); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// logTail returns the last lines of the server's log.
func (s *Server) logTail() string {
	f, err := os.Open(s.place.logFile)
	if err != nil {
		return ""
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size() > 4096 {
		_, _ = f.Seek(-4096, io.SeekEnd)
	}
	b, _ := io.ReadAll(f)
	return lastLines(string(b), 6)
}

// quoteList quotes a path for a setting that holds a list of names.
func quoteList(path string) string { return `"` + strings.ReplaceAll(path, `"`, `""`) + `"` }
