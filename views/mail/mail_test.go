package mail_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/gallery"
	"github.com/allin-platform/allin/views/mail"
)

// Whoever adds a letter to models must give it words, and a sample.
func TestEveryLetterIsWritten(t *testing.T) {
	samples := map[string]bool{}
	for _, l := range gallery.Letters {
		samples[reflect.TypeOf(l).Name()] = true
		if !mail.Known(l.Kind()) {
			t.Errorf("there are no words for the kind %q: add a line to letters in views/mail/mail.go", l.Kind())
		}
	}
	found := lettersOf(t, "../../models")
	if len(found) < 3 {
		t.Fatalf("only these letters were found: %v", found)
	}
	for _, name := range found {
		if !samples[name] {
			t.Errorf("models.%s has no sample: add one to Letters in views/gallery/letters.go", name)
		}
	}
}

// lettersOf lists the types of the package that have Kind() string and are no
// arguments of jobs.
func lettersOf(t *testing.T, dir string) (names []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || fn.Name.Name != "Kind" || fn.Type.Params.NumFields() != 0 || fn.Type.Results.NumFields() != 1 {
				continue
			}
			if name, ok := fn.Recv.List[0].Type.(*ast.Ident); ok && !strings.HasSuffix(name.Name, "Args") {
				names = append(names, name.Name)
			}
		}
	}
	return names
}

var allowedTags = regexp.MustCompile(`(?i)<(script|img|iframe|object|form|link|svg|video)|\son[a-z]+=|javascript:|url\(|@import`)

func TestMailsStandAlone(t *testing.T) {
	for _, l := range gallery.Letters {
		m, err := gallery.Letter(l)
		if err != nil {
			t.Fatal(err)
		}
		if found := allowedTags.FindString(m.HTML); found != "" {
			t.Errorf("%s holds %q: a mail needs no script, no picture and nothing from elsewhere", l.Kind(), found)
		}
		if m.Subject == "" || strings.ContainsAny(m.Subject, "\r\n") || len([]rune(m.Subject)) > 150 {
			t.Errorf("%s: subject %q", l.Kind(), m.Subject)
		}
		if strings.Contains(m.HTML, "zTempl") {
			t.Errorf("%s: templ refused a style", l.Kind())
		}
		for line := range strings.Lines(m.Text) {
			if len([]rune(strings.TrimSpace(line))) > 72 && !strings.Contains(line, "://") {
				t.Errorf("%s: a long line: %q", l.Kind(), line)
			}
		}
		// Each place that the HTML leads to stands in the text, too.
		for _, match := range regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(m.HTML, -1) {
			if !strings.Contains(m.Text, match[1]) {
				t.Errorf("%s: the text does not lead to %s", l.Kind(), match[1])
			}
		}
	}
}

// What people and networks give is shown as it is and does nothing.
func TestHostileWordsAreInert(t *testing.T) {
	evil := `</p><script>alert(1)</script><img src=x onerror=alert(2)>` + "\r\nBcc: victim@example.com"
	m, err := gallery.Letter(models.NoticeLetter{Title: evil, Body: evil, About: evil, Organization: evil, Href: "javascript:alert(3)",
		Settings: "https://allin.example/settings", Unsubscribe: "https://allin.example/unsubscribe/x"})
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`<script|<img|href="javascript`).MatchString(m.HTML) {
		t.Error(m.HTML)
	}
	if strings.ContainsAny(m.Subject, "\r\n") {
		t.Errorf("subject %q", m.Subject)
	}
}

func TestUnknownKinds(t *testing.T) {
	if _, err := mail.Render("from another version", []byte(`{}`)); err == nil {
		t.Error("words were found for a kind that does not exist")
	}
	if _, err := mail.Render("notice", []byte(`[`)); err == nil {
		t.Error("a broken letter was written")
	}
}
