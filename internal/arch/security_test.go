package arch

import (
	"bytes"
	"go/ast"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// trustedMarkup may write what templ does not escape. Each use is reviewed:
// add a package only when what it writes cannot come from anybody.
var trustedMarkup = []string{}

// TestTemplatesEscape refuses what tells templ to trust a text: a word that a
// person, a network or a model wrote would be markup, an address or a script.
func TestTemplatesEscape(t *testing.T) {
	names := []string{"Raw", "SafeURL", "SafeClass", "SafeCSS", "SafeCSSProperty", "SafeScript", "SafeScriptInline", "JSUnsafeFuncCall", "JSExpression",
		"FromGoHTML", "UnsanitizedCSS"}
	each(t, false, trustedMarkup, func(p *Package, f *File) {
		uses := f.Uses("github.com/a-h/templ", names...)
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for _, use := range uses {
				// A type of that name is what generated code declares; a call trusts.
				if call.Fun == ast.Expr(use) {
					t.Errorf("%s: %s trusts a text with templ.%s: let templ escape it, or have the package reviewed and listed in trustedMarkup", tree(t).At(use.Pos()), p.Dir, use.Sel.Name)
				}
			}
			return true
		})
		for path, spec := range f.Imports() {
			if path == "html/template" || path == "text/template" {
				if !Within(p.Dir, "networks/sandbox", "internal/config", "bench") {
					t.Errorf("%s: %s imports %s: pages are templ", tree(t).At(spec.Pos()), p.Dir, path)
				}
			}
		}
	})
}

// TestPagesHaveNoInlineScript holds the templates to the policy of our pages.
func TestPagesHaveNoInlineScript(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style[\s>]|<script(?:\s[^>]*)?>[^<]*\S[^<]*</script|\son[a-z]+=["{]|\sstyle=["{]|javascript:|\shx-on|\shx-vals='js:|\shx-vals="js:`)
	err := filepath.WalkDir(filepath.Join(tree(t).Root, "views"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".templ" || strings.Contains(path, "/mail/") {
			return err // mails have no policy, and need their styles
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for n, line := range strings.Split(string(text), "\n") {
			if m := inline.FindString(line); m != "" {
				t.Errorf("%s:%d: %q in a page: the content security policy refuses it; use a file in static/src and a data- attribute", path, n+1, m)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// secrets are what must never be in the repository.
var secrets = map[string]*regexp.Regexp{
	"a private key":            regexp.MustCompile(`-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{40}`),
	"a key of AWS":             regexp.MustCompile(`\bAKIA[0-9A-Z]{16}\b`),
	"a token of GitHub":        regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_[A-Za-z0-9_]{60}`),
	"a token of GitLab":        regexp.MustCompile(`\bglpat-[A-Za-z0-9_-]{20}\b`),
	"a token of Slack":         regexp.MustCompile(`\bxox[abprs]-[A-Za-z0-9-]{20}`),
	"a key of Google":          regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}\b`),
	"a key of OpenAI":          regexp.MustCompile(`\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32}`),
	"a key of Stripe":          regexp.MustCompile(`\b[rs]k_live_[A-Za-z0-9]{20}`),
	"a JWT":                    regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}`),
	"a keyset of AllIN":        regexp.MustCompile(`"typeUrl"\s*:\s*"type\.googleapis\.com/google\.crypto\.tink[^"]*"\s*,\s*"value"\s*:\s*"[A-Za-z0-9+/=]{20}`),
	"a password in an address": regexp.MustCompile(`\b(?:postgres|postgresql|mysql|redis|amqp|https?)://[A-Za-z0-9._-]+:[A-Za-z0-9._%~-]{12,}@`),
}

// TestNoSecretsInTheRepository reads every file that git knows.
func TestNoSecretsInTheRepository(t *testing.T) {
	root := tree(t).Root
	for _, name := range known(t, root) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || len(text) > 4<<20 || bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0 {
			continue // deleted and not committed yet, or no text
		}
		for what, pattern := range secrets {
			if m := pattern.FindIndex(text); m != nil {
				t.Errorf("%s:%d holds %s: take it out, and end it where it opens something", name, 1+bytes.Count(text[:m[0]], []byte("\n")), what)
			}
		}
		for _, forbidden := range []string{".env", "keyset.json", "id_rsa", "id_ed25519"} {
			if filepath.Base(name) == forbidden {
				t.Errorf("%s is in the repository", name)
			}
		}
	}
}

// known are the files that git knows, or all where there is no git.
func known(t *testing.T, root string) []string {
	t.Helper()
	cmd := exec.Command("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err == nil && len(out) > 0 {
		return strings.Split(strings.Trim(string(out), "\x00"), "\x00")
	}
	var list []string
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // what cannot be read is no part of it
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains(skipped, d.Name())) {
			return fs.SkipDir
		}
		if d.Type().IsRegular() {
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			list = append(list, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestSecretsAreRecognized keeps the patterns honest: one that finds nothing
// would always pass. The examples are put together here so that this file holds none.
func TestSecretsAreRecognized(t *testing.T) {
	long := strings.Repeat("Ab3d", 20)
	for what, example := range map[string]string{
		"a private key": "-----BEGIN RSA PRIVATE" + " KEY-----\n" + long, "a key of AWS": "AKIA" + "ABCDEFGHIJKLMNOP", "a token of GitHub": "ghp_" + long[:36],
		"a token of GitLab": "glpat-" + long[:20], "a token of Slack": "xoxb-" + long[:24], "a key of Google": "AIza" + long[:35],
		"a key of OpenAI": "sk-" + long[:48], "a key of Stripe": "sk_live_" + long[:24], "a JWT": "eyJ" + long[:30] + ".eyJ" + long[:30] + "." + long[:43],
		"a keyset of AllIN":        `"typeUrl": "type.googleapis.com/google.crypto.` + `tink.AesGcmKey", "value": "` + long[:30] + `"`,
		"a password in an address": "postgres://allin:" + long[:16] + "@db/allin",
	} {
		if secrets[what] == nil || !secrets[what].MatchString(example) {
			t.Errorf("%s is not recognized", what)
		}
	}
}

// TestFiberKeepsItsDistance holds the server to the settings that the rules on
// security name.
func TestFiberKeepsItsDistance(t *testing.T) {
	settings := map[string]bool{"Immutable": false, "EnableTrustedProxyCheck": false, "TrustedProxies": false, "ReadTimeout": false, "WriteTimeout": false,
		"IdleTimeout": false, "BodyLimit": false, "ReadBufferSize": false}
	each(t, false, nil, func(p *Package, f *File) {
		for _, use := range f.Uses("github.com/gofiber/fiber/v2", "Config") {
			ast.Inspect(f.Syntax, func(n ast.Node) bool {
				lit, ok := n.(*ast.CompositeLit)
				if !ok || lit.Type != ast.Expr(use) {
					return true
				}
				for _, e := range lit.Elts {
					kv, ok := e.(*ast.KeyValueExpr)
					if !ok {
						continue
					}
					key := kv.Key.(*ast.Ident).Name
					if v, ok := kv.Value.(*ast.Ident); ok && v.Name == "false" {
						t.Errorf("%s: fiber's %s is off", tree(t).At(kv.Pos()), key)
					}
					settings[key] = true
				}
				return true
			})
		}
	})
	for key, set := range settings {
		if !set {
			t.Errorf("fiber.Config does not set %s", key)
		}
	}
}
