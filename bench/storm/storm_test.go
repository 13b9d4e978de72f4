package main

import (
	"os"
	"testing"

	"github.com/allin-platform/allin/networks/sandbox"
)

func TestMain(m *testing.M) {
	if playRole() {
		return
	}
	os.Exit(m.Run())
}

var short = options{posts: 300, kills: 10, accounts: 60, networks: []string{sandbox.X, sandbox.Mastodon, sandbox.Bluesky}, seed: 1}

func TestStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("it kills real processes for half a minute; leave -short out")
	}
	report, err := storm(t.Context(), short)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report.Line())
	for _, b := range report.Broken() {
		t.Error(b)
	}
}
