package pg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// minMajor is the oldest PostgreSQL that AllIN runs on: views that respect
// row-level security (security_invoker) came with it.
const minMajor = 15

// program is one installation of PostgreSQL.
type program struct {
	dir   string // holds postgres and initdb
	major int
}

// findProgram returns programs that can run a cluster of the major version
// made, or any recent ones while there is no cluster (made is 0).
func (s *Server) findProgram(ctx context.Context, made int) (program, error) {
	if s.opts.Bin != "" {
		p, err := s.probe(ctx, s.opts.Bin)
		switch {
		case err != nil:
			return program{}, fmt.Errorf("PG_BIN names %s, whose postgres does not run: %w", s.opts.Bin, err)
		case made != 0 && p.major != made:
			return program{}, fmt.Errorf("PG_BIN names PostgreSQL %d, and %s: name the programs of version %d, or move the folder away to begin anew", p.major, s.madeBy(made), made)
		case p.major < minMajor:
			return program{}, fmt.Errorf("PG_BIN names PostgreSQL %d; AllIN needs %d or newer", p.major, minMajor)
		}
		return p, nil
	}
	var found []string
	for _, dir := range candidates(s.place.data) {
		p, err := s.probe(ctx, dir)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				s.log.Warn("these PostgreSQL programs cannot be used", "folder", dir, "error", err)
			}
			continue
		}
		if p.major == made || made == 0 && p.major >= minMajor {
			return p, nil
		}
		found = append(found, fmt.Sprintf("%d in %s", p.major, dir))
	}
	if made != 0 && made != npmMajor {
		here := "none at all"
		if len(found) > 0 {
			here = strings.Join(found, ", ")
		}
		return program{}, fmt.Errorf("%s, and no programs of that version are here (found: %s): install PostgreSQL %d (on Debian and Ubuntu: apt-get install postgresql-%d), or name its folder in PG_BIN, or move the folder away to begin anew", s.madeBy(made), here, made, made)
	}
	return s.fetch(ctx)
}

func (s *Server) madeBy(major int) string {
	return fmt.Sprintf("the database in %s was made by PostgreSQL %d", s.place.cluster, major)
}

// candidates lists the folders where programs may be, best first.
func candidates(data string) []string {
	var dirs []string
	if p, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(p))
		if target, err := filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // Fedora, Red Hat
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	} {
		dirs = append(dirs, newestFirst(pattern)...)
	}
	for _, root := range []string{".", filepath.Join(data, npmFolder)} {
		dirs = append(dirs, filepath.Join(root, "node_modules", filepath.FromSlash(npmPackage()), "native", "bin"))
	}
	return dirs
}

// newestFirst lists the folders that match pattern, highest version first.
func newestFirst(pattern string) []string {
	dirs, _ := filepath.Glob(pattern)
	slices.SortFunc(dirs, func(a, b string) int { return lastNumber(b) - lastNumber(a) })
	return dirs
}

// lastNumber is the last number in a path, which in all known places is the
// version; 0 when there is none.
func lastNumber(path string) int {
	n := 0
	for _, f := range strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' }) {
		if v, err := strconv.Atoi(f); err == nil {
			n = v
		}
	}
	return n
}

// probe asks the postgres in dir for its version, as the user who will run it.
func (s *Server) probe(ctx context.Context, dir string) (program, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return program{}, err
	}
	for _, name := range []string{"postgres", "initdb"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return program{}, err
		}
	}
	out, err := s.command(ctx, filepath.Join(dir, "postgres"), "--version").CombinedOutput()
	if err != nil {
		return program{}, fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	major, err := parseMajor(string(out))
	if err != nil {
		return program{}, err
	}
	return program{dir: dir, major: major}, nil
}

// parseMajor reads 15 from "postgres (PostgreSQL) 15.18 (Debian 15.18-1)".
func parseMajor(version string) (int, error) {
	_, rest, ok := strings.Cut(version, "(PostgreSQL) ")
	digits := rest
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = rest[:i]
	}
	n, err := strconv.Atoi(digits)
	if !ok || err != nil {
		return 0, fmt.Errorf("cannot read a version from %q", strings.TrimSpace(version))
	}
	return n, nil
}

// command prepares one of PostgreSQL's programs to run as the server's user,
// with nothing of our environment but PATH.
func (s *Server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = s.place.home
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	c.SysProcAttr = s.account.attributes()
	return c
}

// clusterVersion is the major version that made the cluster in dir, 0 when
// there is none yet.
func clusterVersion(dir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the database's version: %w", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fmt.Errorf("reading the database's version in %s: %w", dir, err)
	}
	return n, nil
}
