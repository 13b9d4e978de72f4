package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestManualListsEverySetting holds the table of docs/operating.md to the code.
func TestManualListsEverySetting(t *testing.T) {
	const page, begin, end = "../../docs/operating.md", "<!-- settings: begin -->\n", "<!-- settings: end -->"
	var want bytes.Buffer
	if err := run(t.Context(), []string{"settings"}, func(string) string { return "" }, &want); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), begin)
	table, _, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no table between %q and %q", page, begin, end)
	}
	if got := strings.TrimSpace(table); got != strings.TrimSpace(want.String()) {
		t.Errorf("the table in %s is not what `go run ./cmd/allin settings` prints: put that between the two marks.\nfirst difference: %s",
			page, firstDifference(got, strings.TrimSpace(want.String())))
	}
}

// firstDifference shows the first line in which a page differs from what is wanted.
func firstDifference(got, want string) string {
	page, code := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(page), len(code)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(page) {
			a = page[i]
		}
		if i < len(code) {
			b = code[i]
		}
		if a != b {
			return "\n  page: " + a + "\n  code: " + b
		}
	}
	return "none but white space"
}
