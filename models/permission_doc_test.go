package models_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/allin-platform/allin/models"
)

// TestPermissionsAreDocumented holds the table of docs/permissions.md to the
// one in permission.go, from which it also takes what each permission is for.
func TestPermissionsAreDocumented(t *testing.T) {
	compareTable(t, "permissions", permissionTable(t))
}

// TestPlatformPermissionsAreDocumented does the same for the platform roles.
func TestPlatformPermissionsAreDocumented(t *testing.T) {
	var b strings.Builder
	b.WriteString("| permission | covers |")
	for _, r := range models.PlatformRoles {
		fmt.Fprintf(&b, " %s |", r.Name())
	}
	b.WriteString("\n|---|---|" + strings.Repeat(":---:|", len(models.PlatformRoles)) + "\n")
	for _, p := range readPermissions(t, "platform.go", "PlatformPermission") {
		fmt.Fprintf(&b, "| %s | %s |", p.name, p.covers)
		for _, r := range models.PlatformRoles {
			if r.May(models.PlatformPermission(p.name)) {
				b.WriteString(" yes |")
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
	}
	compareTable(t, "platform permissions", b.String())
}

// compareTable holds the table between two marks of docs/permissions.md to the code.
func compareTable(t *testing.T, name, want string) {
	t.Helper()
	const page = "../docs/permissions.md"
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), begin)
	table, _, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no table between %q and %q", page, begin, end)
	}
	if strings.TrimSpace(table) != strings.TrimSpace(want) {
		t.Errorf("the table in %s is not that of the code. Put this between the two marks:\n%s", page, want)
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
	for _, p := range readPermissions(t, "permission.go", "Permission") {
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

// readPermissions finds the constants of a type in a file with their comments.
func readPermissions(t *testing.T, name, kind string) []permission {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var all []permission
	for spec := range ast.Preorder(file) {
		value, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if of, ok := value.Type.(*ast.Ident); !ok || of.Name != kind {
			continue
		}
		word, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		p := permission{models.Permission(word), strings.TrimSpace(value.Comment.Text())}
		if len(models.WhoMay(p.name)) == 0 && len(models.WhoMayOnPlatform(models.PlatformPermission(p.name))) == 0 {
			t.Errorf("permission %q is given to no role", word)
		}
		if p.covers == "" {
			t.Errorf("permission %q does not say what it covers", word)
		}
		all = append(all, p)
	}
	if len(all) < 4 {
		t.Fatalf("%s could not be read: %d permissions found", name, len(all))
	}
	return all
}
