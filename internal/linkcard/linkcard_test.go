package linkcard_test

import (
	"bytes"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/allin-platform/allin/internal/linkcard"
)

func TestRead(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	pages := map[string]struct{ kind, body string }{
		"/rich":    {"text/html; charset=utf-8", `<title>Plain</title><meta property="og:title" content="A  good &amp; rich page"><meta name="description" content="What it is about"><meta property="og:image" content="/pic.png"><body><meta property="og:title" content="late">`},
		"/plain":   {"text/html", `<html><head><title> Only a title </title></head>`},
		"/latin":   {"text/html; charset=iso-8859-1", "<title>Caf\xe9</title>"},
		"/svg":     {"text/html", `<title>Has a script for a picture</title><meta property="og:image" content="/evil">`},
		"/long":    {"text/html", "<title>" + strings.Repeat("ä", 500) + "</title>"},
		"/nothing": {"text/html", "<p>no title"},
		"/json":    {"application/json", `{"title": "x"}`},
		"/pic.png": {"image/png", picture.String()},
		"/evil":    {"image/png", "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", p.kind)
		w.Write([]byte(p.body))
	}))
	defer server.Close()
	r := linkcard.New(server.Client(), "test")
	for _, c := range []struct {
		path, title, description string
		picture                  bool
	}{
		{"/rich", "A good & rich page", "What it is about", true},
		{"/plain", "Only a title", "", false},
		{"/latin", "Café", "", false},
		{"/svg", "Has a script for a picture", "", false},
		{"/long", strings.Repeat("ä", 299) + "…", "", false},
	} {
		card, err := r.Read(t.Context(), server.URL+c.path)
		if err != nil || card.Title != c.title || card.Description != c.description || (card.Picture != nil) != c.picture {
			t.Errorf("%s: %q %q, picture %v, %v", c.path, card.Title, card.Description, card.Picture != nil, err)
		}
	}
	for _, path := range []string{"/nothing", "/json", "/missing"} {
		if card, err := r.Read(t.Context(), server.URL+path); err == nil {
			t.Errorf("%s has a card: %+v", path, card)
		}
	}
}
