package static_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/allin-platform/allin/static"
)

func read(t *testing.T, css string) static.Files {
	t.Helper()
	files, err := static.Read(fstest.MapFS{
		".keep":           {},
		"app.css":         {Data: []byte(css)},
		"app.js":          {Data: []byte(strings.Repeat("let a = 1;\n", 100))},
		"fonts/i.woff2":   {Data: []byte("font")},
		"tiny.svg":        {Data: []byte("<svg/>")},
		"unknown.strange": {Data: []byte("?")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestAddressFollowsContent(t *testing.T) {
	a, b := read(t, "a{}"), read(t, "b{}")
	if a.URL("app.css") == b.URL("app.css") {
		t.Error("another content has the same address")
	}
	if a.URL("app.js") != b.URL("app.js") {
		t.Error("the same content has another address")
	}
	f, ok := a.Open("app.css")
	if !ok || a.URL("app.css") != "/static/app.css?v="+f.Hash || f.ETag != `"`+f.Hash+`"` {
		t.Errorf("address %q, hash %q, tag %s", a.URL("app.css"), f.Hash, f.ETag)
	}
	if f.CacheControl(f.Hash) != static.Immutable || f.CacheControl("old") != static.Revalidate || f.CacheControl("") != static.Revalidate {
		t.Error("a browser may keep the wrong thing")
	}
	if got := a.URL("missing.css"); got != "/static/missing.css" {
		t.Errorf("address of a missing file: %q", got)
	}
	for _, name := range []string{".keep", "missing.css", "../static.go", "", "fonts"} {
		if _, ok := a.Open(name); ok {
			t.Errorf("%q was found", name)
		}
	}
}

func TestStyleSheetsNameAddresses(t *testing.T) {
	files := read(t, `@font-face{src:url(fonts/i.woff2)} a{b:url("./fonts/i.woff2");c:url(data:image/png;base64,xx);d:url(other.png)}`)
	f, _ := files.Open("app.css")
	font := files.URL("fonts/i.woff2")
	want := `@font-face{src:url(` + font + `)} a{b:url("` + font + `");c:url(data:image/png;base64,xx);d:url(other.png)}`
	if string(f.Body) != want {
		t.Errorf("got  %s\nwant %s", f.Body, want)
	}
}

func TestGzip(t *testing.T) {
	files := read(t, "a{}")
	f, _ := files.Open("app.js")
	z, err := gzip.NewReader(bytes.NewReader(f.Gzip()))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(plain, f.Body) {
		t.Errorf("unpacked to something else: %v", err)
	}
	for _, name := range []string{"fonts/i.woff2", "tiny.svg", "unknown.strange"} {
		if f, _ := files.Open(name); f.Gzip() != nil {
			t.Errorf("%s was compressed for nothing", name)
		}
	}
}

func TestTypes(t *testing.T) {
	files := read(t, "a{}")
	for name, want := range map[string]string{
		"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "fonts/i.woff2": "font/woff2",
		"tiny.svg": "image/svg+xml", "unknown.strange": "application/octet-stream",
	} {
		if f, _ := files.Open(name); f.Type != want {
			t.Errorf("%s is %q, want %q", name, f.Type, want)
		}
	}
}

func TestServingAllocatesNothing(t *testing.T) {
	files := read(t, "a{}")
	v := "none"
	allocated := testing.AllocsPerRun(100, func() {
		f, ok := files.Open("app.js")
		if !ok || f.Gzip() == nil || f.CacheControl(v) == "" || files.URL("app.js") == "" {
			t.Fatal("not found")
		}
	})
	if allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
}

// TestBuiltFiles looks at what is compiled in, which may be nothing yet.
func TestBuiltFiles(t *testing.T) {
	f, ok := static.Open("app.css")
	if !ok {
		if got := static.URL("app.css"); got != "/static/app.css" {
			t.Errorf("address of a file that is not built: %q", got)
		}
		return
	}
	if len(f.Body) == 0 || !strings.HasPrefix(static.URL("app.css"), "/static/app.css?v=") {
		t.Errorf("app.css has %d bytes at %q", len(f.Body), static.URL("app.css"))
	}
	if bytes.Contains(f.Body, []byte("url(inter")) {
		t.Error("app.css names a font without its hash")
	}
}
