package arch

import (
	"os"
	"path/filepath"
	"testing"
)

// TestReadingFindsWhatTheRulesAskFor holds the reader itself to a small tree:
// a rule that finds nothing because it sees nothing would always pass.
func TestReadingFindsWhatTheRulesAskFor(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                "module example.com/m\n\ngo 1.26\n",
		"a/a.go":                "// Package a is one.\npackage a\n\nimport clock \"time\"\n\nvar T = clock.Now()\n",
		"a/a_test.go":           "package a\n",
		"a/b/b.go":              "package b\n\nimport (\n\t\"example.com/m/a\"\n\t\"example.com/other/v5\"\n)\n\nvar V, W = a.T, other.Open()\n",
		"node_modules/n/n.go":   "package broken(\n",
		"a/testdata/t.go":       "package broken(\n",
		".hidden/h.go":          "package broken(\n",
		"a/b/notes.txt":         "no Go",
		"static/dist/broken.go": "package broken(\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := Read(filepath.Join(root, "a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	if tree.Module != "example.com/m" || len(tree.Packages) != 2 {
		t.Fatalf("module %q with %d packages", tree.Module, len(tree.Packages))
	}
	a, b := tree.Packages[0], tree.Packages[1]
	if a.Dir != "a" || b.Dir != "a/b" || len(a.Files) != 2 || a.Files[0].Test || !a.Files[1].Test {
		t.Errorf("packages %+v, %+v", a, b)
	}
	uses := a.Files[0].Uses("time", "Now")
	if len(uses) != 1 || tree.At(uses[0].Pos()) != "a/a.go:6" {
		t.Errorf("uses of time.Now under another name: %v", uses)
	}
	if len(b.Files[0].Uses("example.com/other/v5", "Open")) != 1 || b.Files[0].Imports()["example.com/m/a"] == nil {
		t.Error("a versioned import was not recognized")
	}
	if !Within("a/b", "a") || Within("ab", "a") {
		t.Error("Within mixes up folders")
	}
}
