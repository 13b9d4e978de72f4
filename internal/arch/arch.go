// Package arch reads the project's own source so that its tests can hold it to
// the structure that docs/architecture.md describes. There is nothing here to
// import; the rules are in the test files.
package arch

import (
	"bufio"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Tree is the project's Go source.
type Tree struct {
	Root     string // folder of go.mod
	Module   string // its path, "github.com/allin-platform/allin"
	Packages []*Package
	fset     *token.FileSet
}

// Package is one folder with Go files.
type Package struct {
	Dir   string // relative to the root, with slashes: "models/tenant"
	Files []*File
}

// File is one Go file.
type File struct {
	Name   string // file name
	Test   bool   // ends in _test.go
	Syntax *ast.File
}

// skipped are folders that hold no source of ours.
var skipped = []string{"node_modules", "data", "bin", "testdata", "dist"}

// Read parses the module that the folder from is in.
func Read(from string) (*Tree, error) {
	root, module, err := findModule(from)
	if err != nil {
		return nil, err
	}
	t := &Tree{Root: root, Module: module, fset: token.NewFileSet()}
	byDir := map[string]*Package{}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
				return nil // a data folder, or a file that came and went
			}
			return err
		}
		if d.IsDir() {
			if path != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains(skipped, d.Name())) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		syntax, err := parser.ParseFile(t.fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parsing: %w", err)
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(rel)
		if byDir[dir] == nil {
			byDir[dir] = &Package{Dir: dir}
			t.Packages = append(t.Packages, byDir[dir])
		}
		byDir[dir].Files = append(byDir[dir].Files, &File{Name: d.Name(), Test: strings.HasSuffix(d.Name(), "_test.go"), Syntax: syntax})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// findModule looks for go.mod in from and above.
func findModule(from string) (root, module string, err error) {
	dir, err := filepath.Abs(from)
	if err != nil {
		return "", "", err
	}
	for {
		f, err := os.Open(filepath.Join(dir, "go.mod"))
		if err == nil {
			defer f.Close()
			for lines := bufio.NewScanner(f); lines.Scan(); {
				if m, ok := strings.CutPrefix(lines.Text(), "module "); ok {
					return dir, strings.TrimSpace(m), nil
				}
			}
			return "", "", fmt.Errorf("%s/go.mod names no module", dir)
		}
		if dir == filepath.Dir(dir) {
			return "", "", errors.New("no go.mod here or above")
		}
		dir = filepath.Dir(dir)
	}
}

// At says where pos is, as "models/post.go:12".
func (t *Tree) At(pos token.Pos) string {
	p := t.fset.Position(pos)
	rel, err := filepath.Rel(t.Root, p.Filename)
	if err != nil {
		rel = p.Filename
	}
	return filepath.ToSlash(rel) + ":" + strconv.Itoa(p.Line)
}

// Imports are the file's imports by path.
func (f *File) Imports() map[string]*ast.ImportSpec {
	imports := map[string]*ast.ImportSpec{}
	for _, s := range f.Syntax.Imports {
		if path, err := strconv.Unquote(s.Path.Value); err == nil {
			imports[path] = s
		}
	}
	return imports
}

// Uses finds where the file uses one of names from the package imported as
// path, whatever it calls the package.
func (f *File) Uses(path string, names ...string) []*ast.SelectorExpr {
	spec := f.Imports()[path]
	if spec == nil {
		return nil
	}
	local := importName(path)
	if spec.Name != nil {
		local = spec.Name.Name
	}
	var uses []*ast.SelectorExpr
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains(names, sel.Sel.Name) {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == local {
			uses = append(uses, sel)
		}
		return true
	})
	return uses
}

// importName is the name that a package most likely has: the last part of its
// path that is not a version.
func importName(path string) string {
	parts := strings.Split(path, "/")
	last := parts[len(parts)-1]
	if len(parts) > 1 && len(last) > 1 && last[0] == 'v' && strings.Trim(last[1:], "0123456789") == "" {
		last = parts[len(parts)-2]
	}
	return last
}

// Within reports whether dir is one of folders or lies below one.
func Within(dir string, folders ...string) bool {
	for _, f := range folders {
		if dir == f || strings.HasPrefix(dir, f+"/") {
			return true
		}
	}
	return false
}
