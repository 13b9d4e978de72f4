package pg

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxSocketPath is the longest path of a Unix socket that both Linux (107
// bytes) and macOS (103) take.
const maxSocketPath = 103

// place names the folders of one cluster.
type place struct {
	data    string // the data folder that people name
	home    string // data/postgres: everything below belongs to the server's user
	cluster string // home/pgdata: what initdb makes
	socket  string // where the socket is: home/run, or a private temporary folder
	logFile string // home/postgres.log
}

// account is the system user that the server runs as when we are root.
type account struct {
	name     string
	uid, gid int
}

// prepare makes the folders of the cluster under dir and finds whom the
// server is to run as. Only dir/postgres changes its owner.
func prepare(dir string) (place, *account, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return place{}, nil, fmt.Errorf("finding the data folder: %w", err)
	}
	if err := makeReachable(dir); err != nil {
		return place{}, nil, fmt.Errorf("making the data folder: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return place{}, nil, fmt.Errorf("finding the data folder: %w", err)
	}
	p := place{data: dir, home: filepath.Join(dir, "postgres")}
	p.cluster = filepath.Join(p.home, "pgdata")
	p.logFile = filepath.Join(p.home, "postgres.log")
	a, err := chooseAccount(p.cluster)
	if err != nil {
		return place{}, nil, err
	}
	if err := makePrivate(p.home, a); err != nil {
		return place{}, nil, err
	}
	if err := letThrough(dir, a); err != nil {
		return place{}, nil, err
	}
	if err := a.enter(p.home); err != nil {
		return place{}, nil, err
	}
	p.socket = filepath.Join(p.home, "run")
	if len(p.socket)+len("/.s.PGSQL.5432") > maxSocketPath {
		p.socket = filepath.Join(os.TempDir(), fmt.Sprintf("allin-pg-%.4x", sha256.Sum256([]byte(p.home))))
	}
	if err := makePrivate(p.socket, a); err != nil {
		return place{}, nil, err
	}
	return p, a, nil
}

// makeReachable makes dir and what is missing above it so that every user can
// go through, whatever the umask: the server's user has to, below it.
func makeReachable(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeReachable(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o711); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil // another process was faster
		}
		return err
	}
	return os.Chmod(dir, 0o711)
}

// letThrough lets the server's user go through the data folder where that is
// our own and closed, because something else of AllIN's made it. What lies in
// it has permissions of its own, and none can list it.
func letThrough(dir string, a *account) error {
	st, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("looking at the data folder: %w", err)
	}
	if a == nil || owner(st) != os.Geteuid() || st.Mode()&0o001 != 0 {
		return nil
	}
	if err := os.Chmod(dir, st.Mode().Perm()|0o001); err != nil {
		return fmt.Errorf("letting the user %s through the data folder: %w", a.name, err)
	}
	return nil
}

// removeSocket takes away a socket folder that lies outside the data folder.
func (p place) removeSocket() {
	if filepath.Dir(p.socket) != p.home {
		_ = os.Remove(p.socket)
	}
}

// makePrivate makes dir, readable by a alone. A folder that is there already
// must be one of a's or ours: somebody else's would let them take the server's
// place.
func makePrivate(dir string, a *account) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making a folder for the database: %w", err)
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("making a folder for the database: %w", err)
	}
	uid := owner(st)
	switch {
	case !st.IsDir():
		return fmt.Errorf("the database needs a folder at %s, and something else is there: move it away", dir)
	case uid != os.Geteuid() && (a == nil || uid != a.uid):
		return fmt.Errorf("the folder %s belongs to another user (%s), so the database cannot use it: run AllIN as that user, or set ALLIN_DATA to another folder", dir, userName(uid))
	}
	if err := a.own(dir); err != nil {
		return err
	}
	if st.Mode().Perm() != 0o700 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("making the database's folder private: %w", err)
		}
	}
	return nil
}

// chooseAccount returns the user to run the server as: nil for ourselves, and
// for root the owner of the existing cluster, else postgres or nobody.
func chooseAccount(cluster string) (*account, error) {
	uid, gid := -1, -1
	if st, err := os.Stat(filepath.Join(cluster, "PG_VERSION")); err == nil {
		uid, gid = owner(st), int(st.Sys().(*syscall.Stat_t).Gid)
	}
	if me := os.Geteuid(); me != 0 {
		if uid >= 0 && uid != me {
			return nil, fmt.Errorf("the database in %s belongs to another user (%s): run AllIN as that user or as root, or set ALLIN_DATA to another folder", cluster, userName(uid))
		}
		return nil, nil
	}
	if uid > 0 {
		return &account{name: userName(uid), uid: uid, gid: gid}, nil
	}
	for _, name := range []string{"postgres", "nobody"} { // initdb wants a user that the system knows by name
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil && uid != 0 {
			return &account{name: name, uid: uid, gid: gid}, nil
		}
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and this system has neither a user postgres nor a user nobody to run it as: start AllIN as an ordinary user, or set DATABASE_URL")
}

// own gives path to a; nothing is to be done where we run it ourselves.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	if err := os.Lchown(path, a.uid, a.gid); err != nil {
		return fmt.Errorf("giving %s to the user %s: %w", path, a.name, err)
	}
	return nil
}

// attributes are those of a process that runs as a, in a group of its own so
// that an interrupt typed at the terminal reaches us first.
func (a *account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid), Groups: []uint32{uint32(a.gid)}}
	}
	return attr
}

// enter checks that a may enter dir, and says in words which folder on the
// way is closed, where initdb would say "Permission denied".
func (a *account) enter(dir string) error {
	if a == nil {
		return nil
	}
	c := exec.Command("/bin/sh", "-c", `cd "$1"`, "sh", dir)
	c.Dir, c.SysProcAttr = "/", a.attributes()
	out, err := c.CombinedOutput()
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("PostgreSQL refuses to run as root, and this process may not change to the user %s: start AllIN as an ordinary user, or set DATABASE_URL (%w)", a.name, err)
	}
	if closed := a.closedFolder(dir); closed != "" {
		return fmt.Errorf("started by root, the database runs as the user %s, who may not enter %s: run `chmod o+x %s`, or set ALLIN_DATA to a folder that %s can reach, such as /var/lib/allin, or start AllIN as an ordinary user, or set DATABASE_URL", a.name, closed, closed, a.name)
	}
	return fmt.Errorf("entering %s as the user %s: %w: %s", dir, a.name, err, strings.TrimSpace(string(out)))
}

// closedFolder returns the outermost folder above dir that a may not enter by
// its permission bits, or "".
func (a *account) closedFolder(dir string) string {
	closed := ""
	for d := filepath.Dir(dir); ; d = filepath.Dir(d) {
		st, err := os.Stat(d)
		if err != nil {
			return closed
		}
		sys := st.Sys().(*syscall.Stat_t)
		var bit fs.FileMode = 0o001
		switch {
		case int(sys.Uid) == a.uid:
			bit = 0o100
		case int(sys.Gid) == a.gid:
			bit = 0o010
		}
		if st.Mode()&bit == 0 {
			closed = d
		}
		if d == filepath.Dir(d) {
			return closed
		}
	}
}

func owner(st fs.FileInfo) int { return int(st.Sys().(*syscall.Stat_t).Uid) }

// userName is the name of the user with this id, or the id itself.
func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(uid)
}
