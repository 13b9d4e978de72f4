package handlers_test

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/allin-platform/allin/handlers"
)

// piece sends the bytes from one to another of a file, as upload.js does.
func (b *browser) piece(id, name string, file []byte, from, to int, heads ...header) answer {
	b.t.Helper()
	heads = append([]header{{"Content-Type", "application/octet-stream"}, asPart, {"Upload-Id", id}, {"Upload-Name", url.PathEscape(name)},
		{"Upload-Type", "image/png"}, {"Upload-Size", itoa(len(file))}, {"Upload-Offset", itoa(from)}}, heads...)
	return b.send(http.MethodPost, "/media/uploads", bytes.NewReader(file[from:to]), heads...)
}

func TestUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	w.owner("Bob")
	b := w.browser().signIn("ann@example.com")
	file := picture(300, 200)
	id := strings.Repeat("0a", 16)

	status(t, "first piece", b.piece(id, "Kürbis.png", file, 0, 100), http.StatusNoContent)
	status(t, "first piece again", b.piece(id, "Kürbis.png", file, 0, 100), http.StatusNoContent)
	a := b.piece(id, "Kürbis.png", file, 200, 300)
	status(t, "a gap", a, http.StatusConflict)
	if a.header.Get("Upload-Offset") != "100" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("a gap: %v", a.header)
	}
	other := w.browser().signIn("bob@example.com")
	status(t, "another organization's upload of that id", other.piece(id, "x.png", file, 100, 200), http.StatusConflict)

	a = b.piece(id, "Kürbis.png", file, 100, len(file))
	status(t, "the rest", a, http.StatusCreated)
	medium := w.value(`select id::text from media where name = 'Kürbis.png' and width = 300`)
	contains(t, a, medium)
	status(t, "the rest again", b.piece(id, "Kürbis.png", file, 100, len(file)), http.StatusCreated)
	if n := w.value(`select count(*)::text from media`); n != "1" {
		t.Errorf("%s media", n)
	}

	page := []byte("<html><script>alert(1)</script></html>")
	a = b.piece(strings.Repeat("0b", 16), "x.png", page, 0, len(page))
	status(t, "a page that says it is a picture", a, http.StatusUnprocessableEntity)
	contains(t, a, "not a picture or video that can be used")
	for name, h := range map[string]header{"no id": {"Upload-Id", "../../etc/passwd"}, "no size": {"Upload-Size", "x"}, "negative": {"Upload-Offset", "-1"},
		"beyond its size": {"Upload-Size", "5"}} {
		status(t, name, b.piece(id, "x.png", file, 0, 50, h), http.StatusUnprocessableEntity)
	}
	a = b.piece(strings.Repeat("0c", 16), "x.mp4", file, 0, 50, header{"Upload-Size", "2000000000"})
	status(t, "beyond all limits", a, http.StatusUnprocessableEntity)
	contains(t, a, "larger than 1 GB")
}

func TestSendMedium(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	file := picture(300, 200)
	m, err := ann.AddMedia(t.Context(), "a.png", "", bytes.NewReader(file))
	must(t, err)
	b := w.browser().signIn("ann@example.com")
	path := "/media/" + m.ID.String() + "/original"
	whole := b.get(path)
	status(t, "whole", whole, http.StatusOK)
	h := whole.header
	if len(whole.body) != int(m.Bytes) || h.Get("Content-Type") != "image/png" || h.Get("X-Content-Type-Options") != "nosniff" ||
		!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("Cache-Control") != "private, max-age=31536000, immutable" {
		t.Errorf("whole: %d bytes, %v", len(whole.body), h)
	}
	a := b.get(path, header{"If-None-Match", h.Get("ETag")})
	if a.status != http.StatusNotModified || a.body != "" {
		t.Errorf("known: %d", a.status)
	}
	for value, want := range map[string]string{"bytes=0-9": whole.body[:10], "bytes=10-": whole.body[10:], "bytes=-7": whole.body[len(whole.body)-7:]} {
		a := b.get(path, header{"Range", value})
		if a.status != http.StatusPartialContent || a.body != want || !strings.HasSuffix(a.header.Get("Content-Range"), "/"+itoa(len(whole.body))) {
			t.Errorf("%s: %d, %d bytes, %s", value, a.status, len(a.body), a.header.Get("Content-Range"))
		}
	}
	status(t, "a stretch of another version", b.get(path, header{"Range", "bytes=0-9"}, header{"If-Range", `"other"`}), http.StatusOK)
	status(t, "beyond the end", b.get(path, header{"Range", "bytes=99999999-"}), http.StatusRequestedRangeNotSatisfiable)
	status(t, "several stretches", b.get(path, header{"Range", "bytes=0-1,3-4"}), http.StatusOK)
	if a := b.send(http.MethodHead, path, nil); a.status != http.StatusOK || a.header.Get("Content-Length") != itoa(len(whole.body)) {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
	status(t, "no such size", b.get("/media/"+m.ID.String()+"/..%2foriginal"), http.StatusNotFound)
	status(t, "no such id", b.get("/media/x/original"), http.StatusNotFound)
	a = b.post("/media/"+m.ID.String()+"/alt", url.Values{"alt": {strings.Repeat("x", 10_001)}}, asPart)
	status(t, "a description that is too long", a, http.StatusUnprocessableEntity)
	contains(t, a, "at most 10000 characters")
	// In use, it is not deleted.
	c := composition("with it")
	c.Content.Parts[0].Media = append(c.Content.Parts[0].Media, m.ID)
	_, err = ann.CreateDraft(t.Context(), c)
	must(t, err)
	a = b.post("/media/"+m.ID.String()+"/delete", url.Values{}, asPart)
	status(t, "delete what is used", a, http.StatusConflict)
	contains(t, a, "This file is used in: with it")
}

func TestStretch(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][3]int64{ // of 100 bytes; last: 1 when it can be sent
		"bytes=0-0": {0, 0, 1}, "bytes=5-200": {5, 99, 1}, "bytes=-200": {0, 99, 1}, "bytes=99-": {99, 99, 1},
		"bytes=100-": {0, 0, 0}, "bytes=5-4": {0, 0, 0}, "bytes=-0": {0, 0, 0}, "bytes=a-b": {0, 0, 0}, "bytes=": {0, 0, 0}, "lines=1-2": {0, 0, 0}, "": {0, 0, 0}, "bytes=--1": {0, 0, 0},
	} {
		from, to, ok := handlers.Stretch(value, 100)
		if ok != (want[2] == 1) || ok && (from != want[0] || to != want[1]) {
			t.Errorf("%q: %d-%d %v", value, from, to, ok)
		}
	}
}

func TestStatic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := w.browser()
	ref := regexp.MustCompile(`href="(/static/app\.css[^"]*)"`).FindStringSubmatch(b.get("/sign-in").body)
	if ref == nil {
		t.Fatal("the page names no style sheet")
	}
	a := b.get(ref[1], header{"Accept-Encoding", "gzip"})
	if a.status != http.StatusOK || a.header.Get("Content-Encoding") != "gzip" || a.header.Get("ETag") == "" {
		t.Errorf("style sheet: %d %v", a.status, a.header)
	}
	if a := b.get("/static/app.css", header{"If-None-Match", a.header.Get("ETag")}); a.status != http.StatusNotModified {
		t.Errorf("known: %d", a.status)
	}
	if a := b.get("/static/app.css?v=old"); a.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("an old address: %v", a.header)
	}
}
