package arch

import (
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var project = sync.OnceValues(func() (*Tree, error) { return Read(".") })

func tree(t *testing.T) *Tree {
	t.Helper()
	p, err := project()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// each calls check for every file outside the named folders. Test files are
// left out unless wanted.
func each(t *testing.T, tests bool, but []string, check func(p *Package, f *File)) {
	t.Helper()
	for _, p := range tree(t).Packages {
		if Within(p.Dir, but...) {
			continue
		}
		for _, f := range p.Files {
			if tests || !f.Test {
				check(p, f)
			}
		}
	}
}

// layers are the floors of the house, lowest first. A package may import what
// stands on its own floor or below.
var layers = [][]string{
	{"networks", "internal", "static", "migrations"},
	{"models/tenant"},
	{"models"},
	{"views"},
	{"jobs", "handlers"},
	{"cmd"},
	{"bench", "e2e"},
}

// layer is the floor that a folder is on, -1 when it is on none.
func layer(dir string) int {
	for n, folders := range layers {
		if Within(dir, folders...) {
			return n
		}
	}
	return -1
}

func TestImportsPointOneWay(t *testing.T) {
	all := tree(t)
	each(t, false, nil, func(p *Package, f *File) {
		from := layer(p.Dir)
		if from < 0 {
			t.Errorf("%s: the folder %s is on no floor of the house: put its code where docs/architecture.md says", all.At(f.Syntax.Package), p.Dir)
			return
		}
		for path, spec := range f.Imports() {
			dir, ours := strings.CutPrefix(path, all.Module+"/")
			if !ours {
				continue
			}
			switch to := layer(dir); {
			case to > from:
				t.Errorf("%s: %s imports %s, which stands above it: imports point one way, %s", all.At(spec.Pos()), p.Dir, dir, order())
			case Within(p.Dir, "jobs") && Within(dir, "handlers"), Within(p.Dir, "handlers") && Within(dir, "jobs"):
				t.Errorf("%s: %s imports %s: what a request changes are rows, and rows are what jobs look at; the two meet in models", all.At(spec.Pos()), p.Dir, dir)
			case Within(p.Dir, "networks") && Within(dir, "internal/pg", "internal/pgtest", "migrations", "static"):
				t.Errorf("%s: %s imports %s: a network knows no database and no page", all.At(spec.Pos()), p.Dir, dir)
			}
		}
	})
}

func order() string {
	var floors []string
	for _, l := range layers {
		floors = append(floors, strings.Join(l, ", "))
	}
	return strings.Join(floors, " → ")
}

func TestOnlyModelsKnowGORM(t *testing.T) {
	each(t, true, []string{"models"}, func(p *Package, f *File) {
		for path, spec := range f.Imports() {
			if strings.HasPrefix(path, "gorm.io/") {
				t.Errorf("%s: %s imports %s: only models and below know GORM; ask a handle of models for the rows", tree(t).At(spec.Pos()), p.Dir, path)
			}
		}
	})
}

// lockOwners may open pools and begin transactions: the lock itself, what
// starts the database, and programs that measure the bare engine.
var lockOwners = []string{"models/tenant", "internal/pg", "internal/pgtest", "bench"}

func TestOnlyTheLockOpensPoolsAndTransactions(t *testing.T) {
	openers := map[string][]string{
		"github.com/jackc/pgx/v5":         {"Connect", "ConnectConfig", "ConnectWithOptions", "BeginFunc", "BeginTxFunc"},
		"github.com/jackc/pgx/v5/pgxpool": {"New", "NewWithConfig"},
		"github.com/jackc/pgx/v5/stdlib":  {"OpenDB", "OpenDBFromPool"},
		"database/sql":                    {"Open", "OpenDB"},
		"gorm.io/gorm":                    {"Open"},
	}
	each(t, false, lockOwners, func(p *Package, f *File) {
		database := false
		for path, names := range openers {
			if f.Imports()[path] != nil {
				database = true
			}
			for _, use := range f.Uses(path, names...) {
				if Within(p.Dir, "models") && strings.HasPrefix(use.Sel.Name, "Connect") {
					continue // one connection that holds a session's lock, and sees nothing
				}
				t.Errorf("%s: %s opens a connection or a transaction with %s: only models/tenant does, so that no query runs without its tenant", tree(t).At(use.Pos()), p.Dir, use.Sel.Name)
			}
		}
		if !database {
			return
		}
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if ok && slices.Contains([]string{"Begin", "BeginTx", "Transaction"}, sel.Sel.Name) {
				t.Errorf("%s: %s begins a transaction with %s: only models/tenant does", tree(t).At(sel.Pos()), p.Dir, sel.Sel.Name)
			}
			return true
		})
	})
}

// forbiddenGORM are methods that write more than was meant, or hide a write.
var forbiddenGORM = []string{"Save", "FirstOrCreate", "AutoMigrate"}

func TestGORMIsUsedWithCare(t *testing.T) {
	each(t, false, nil, func(p *Package, f *File) {
		if f.Imports()["gorm.io/gorm"] == nil {
			return
		}
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(forbiddenGORM, sel.Sel.Name) {
					t.Errorf("%s: GORM's %s is not used here: name the columns that change", tree(t).At(sel.Pos()), sel.Sel.Name)
				}
			}
			return true
		})
	})
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	all := tree(t)
	for _, p := range all.Packages {
		documented := false
		for _, f := range p.Files {
			doc := strings.TrimSpace(f.Syntax.Doc.Text())
			name := f.Syntax.Name.Name
			if doc != "" && (name == "main" || strings.HasPrefix(doc, "Package "+name+" ") || strings.HasPrefix(doc, "Package "+strings.TrimSuffix(name, "_test")+" ")) {
				documented = true
			}
		}
		if !documented {
			t.Errorf("%s has no package comment: begin one of its files with \"// Package %s …\" and say what it is for", p.Dir, p.Files[0].Syntax.Name.Name)
		}
	}
}

func TestPackageNamesSaySomething(t *testing.T) {
	empty := []string{"util", "utils", "helper", "helpers", "common", "service", "services", "manager", "managers", "misc", "lib", "shared", "base"}
	for _, p := range tree(t).Packages {
		name := p.Files[0].Syntax.Name.Name
		folder := p.Dir[strings.LastIndexByte(p.Dir, '/')+1:]
		if slices.Contains(empty, name) || slices.Contains(empty, folder) {
			t.Errorf("%s: the name %s says nothing: name the package for what it provides", p.Dir, name)
		}
	}
}

func TestOnlyConfigReadsTheEnvironment(t *testing.T) {
	allowed := []string{
		"internal/config", "cmd", "bench",
		"internal/pg",          // hands PATH on to the server
		"networks/bluesky/pds", // runs the real server for tests
		"internal/mail/maildev",
		"internal/redistest", // runs one for tests
	}
	each(t, false, allowed, func(p *Package, f *File) {
		uses := append(f.Uses("os", "Getenv", "LookupEnv", "Environ", "ExpandEnv"), f.Uses("syscall", "Getenv", "Environ")...)
		for _, use := range uses {
			t.Errorf("%s: %s reads the environment with %s: add a key to internal/config and pass the value in", tree(t).At(use.Pos()), p.Dir, use.Sel.Name)
		}
	})
}

func TestOnlyCommandsAskForTheTime(t *testing.T) {
	each(t, false, []string{"cmd", "bench", "e2e"}, func(p *Package, f *File) {
		for _, use := range f.Uses("time", "Now", "Since", "Until") {
			t.Errorf("%s: %s calls time.%s: take a now func() time.Time, or the database's now()", tree(t).At(use.Pos()), p.Dir, use.Sel.Name)
		}
	})
}

func TestOnlyEgressMakesHTTPClients(t *testing.T) {
	allowed := []string{"internal/egress", "bench", "e2e", "networks/bluesky/pds", "networks/conformance", "internal/mail/maildev"}
	each(t, false, allowed, func(p *Package, f *File) {
		for _, use := range f.Uses("net/http", "Get", "Head", "Post", "PostForm", "DefaultClient", "DefaultTransport") {
			t.Errorf("%s: %s calls out with http.%s: take an *http.Client that internal/egress made", tree(t).At(use.Pos()), p.Dir, use.Sel.Name)
		}
		made := map[token.Pos]bool{}
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			if lit, ok := n.(*ast.CompositeLit); ok && lit.Type != nil {
				made[lit.Type.Pos()] = true
			}
			return true
		})
		for _, use := range f.Uses("net/http", "Client", "Transport") {
			if made[use.Pos()] {
				t.Errorf("%s: %s makes an http.%s: only internal/egress does, so that every address is checked", tree(t).At(use.Pos()), p.Dir, use.Sel.Name)
			}
		}
	})
}

// networkKeys are the names of all networks: the planned ones, and whatever
// stands in networks/.
func networkKeys(t *testing.T) []string {
	t.Helper()
	keys := []string{"facebook", "instagram", "x", "linkedin", "tiktok", "mastodon", "bluesky"}
	entries, err := os.ReadDir(filepath.Join(tree(t).Root, "networks"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !slices.Contains([]string{"all", "conformance", "sandbox", "wire"}, e.Name()) {
			keys = append(keys, e.Name())
		}
	}
	return keys
}

func TestNoNetworkIsSingledOut(t *testing.T) {
	keys := networkKeys(t)
	key := func(e ast.Expr) string {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return ""
		}
		if s, err := strconv.Unquote(lit.Value); err == nil && slices.Contains(keys, s) {
			return s
		}
		return ""
	}
	each(t, false, []string{"networks", "bench", "e2e"}, func(p *Package, f *File) {
		report := func(e ast.Expr) {
			if k := key(e); k != "" {
				t.Errorf("%s: %s decides by the name %q: say in networks.Info or networks.Rules what is different about that network, and decide by that", tree(t).At(e.Pos()), p.Dir, k)
			}
		}
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op == token.EQL || n.Op == token.NEQ {
					report(n.X)
					report(n.Y)
				}
			case *ast.CaseClause:
				for _, e := range n.List {
					report(e)
				}
			case *ast.IndexExpr:
				report(n.Index)
			}
			return true
		})
	})
}

func TestFilesAreReadable(t *testing.T) {
	const most = 600 // lines; the aim is 500
	all := tree(t)
	each(t, false, nil, func(p *Package, f *File) {
		if ast.IsGenerated(f.Syntax) {
			return
		}
		if lines := all.fset.Position(f.Syntax.FileEnd).Line; lines > most {
			t.Errorf("%s/%s has %d lines: part it where its subject does", p.Dir, f.Name, lines)
		}
	})
}
