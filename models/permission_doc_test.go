package models_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/allin-platform/allin/models"
)

// TestPermissionsAreDocumented holds the table of docs/permissions.md to the
// one in permission.go, from which it also takes what each permission is for.
func TestPermissionsAreDocumented(t *testing.T) {
	const page, begin, end = "../docs/permissions.md", "<!-- permissions: begin -->\n", "<!-- permissions: end -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), begin)
	table, _, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no table between %q and %q", page, begin, end)
	}
	want := permissionTable(t)
	if strings.TrimSpace(table) != strings.TrimSpace(want) {
		t.Errorf("the table in %s is not that of permission.go. Put this between the two marks:\n%s", page, want)
	}
}

// permissionTable writes the permissions in the order of the code.
func permissionTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| permission | covers |")
	for _, r := range models.Roles {
		fmt.Fprintf(&b, " %s |", r.Name())
	}
	b.WriteString("\n|---|---|" + strings.Repeat(":---:|", len(models.Roles)) + "\n")
	for _, p := range readPermissions(t) {
		fmt.Fprintf(&b, "| %s | %s |", p.name, p.covers)
		for _, r := range models.Roles {
			if r.May(p.name) {
				b.WriteString(" yes |")
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

type permission struct {
	name   models.Permission
	covers string
}

// readPermissions finds the constants of type Permission with their comments.
func readPermissions(t *testing.T) []permission {
	file, err := parser.ParseFile(token.NewFileSet(), "permission.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var all []permission
	for spec := range ast.Preorder(file) {
		value, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if kind, ok := value.Type.(*ast.Ident); !ok || kind.Name != "Permission" {
			continue
		}
		name, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		p := permission{models.Permission(name), strings.TrimSpace(value.Comment.Text())}
		if len(models.WhoMay(p.name)) == 0 {
			t.Errorf("permission %q is given to no role", name)
		}
		if p.covers == "" {
			t.Errorf("permission %q does not say what it covers", name)
		}
		all = append(all, p)
	}
	if !slices.ContainsFunc(all, func(p permission) bool { return p.name == models.ReadPosts }) {
		t.Fatal("permission.go could not be read: no permissions found")
	}
	return all
}
