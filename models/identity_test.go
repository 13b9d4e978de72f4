package models_test

import (
	"runtime"
	"slices"
	"testing"

	"github.com/allin-platform/allin/models"
)

// S47: an unknown address costs as much as a known one. What is measured is
// work, not time: argon2id takes its 19 MiB for each hash, and the median of
// what a sign-in takes is the same in both cases. It runs beside no other test.
func TestS47SignInTakesTheSameWork(t *testing.T) {
	w := newWorld(t)
	w.organization("Ann")
	median := func(email string) uint64 {
		var costs []uint64
		for range 21 {
			w.sql(`delete from throttles`)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := w.Install("test").SignIn(t.Context(), email, "not the password", "127.0.0.1")
			runtime.ReadMemStats(&after)
			if models.CodeOf(err) != models.Invalid {
				t.Fatal(err)
			}
			costs = append(costs, after.TotalAlloc-before.TotalAlloc)
		}
		slices.Sort(costs)
		return costs[len(costs)/2]
	}
	known, unknown := median("ann@example.com"), median("eve@example.com")
	const hash = 19 << 20
	if known < hash || unknown < hash {
		t.Errorf("a sign-in takes %d bytes for a known address and %d for an unknown one: less than a hash", known, unknown)
	}
	if d := int64(known) - int64(unknown); d > hash/20 || d < -hash/20 {
		t.Errorf("a sign-in takes %d bytes for a known address and %d for an unknown one", known, unknown)
	}
}

// Addresses that differ in case or in how letters are encoded are one.
func TestOneAddressInOneForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.Install("test")
	sign := func(email string) error {
		_, err := in.SignUp(t.Context(), models.SignUp{Name: "Jörg", Email: email, Password: "a long walk by the sea", Organization: "J", Zone: "UTC"}, "127.0.0.1")
		return err
	}
	if err := sign("JÖRG@example.com"); err != nil { // the Ö is a letter and a sign here
		t.Fatal(err)
	}
	for _, twin := range []string{"jörg@example.com", "Jörg@EXAMPLE.com", "jörg@example.com", "ｊörg@example.com", " jörg@example.com "} {
		if err := sign(twin); models.CodeOf(err) != models.Invalid {
			t.Errorf("%q makes a second account: %v", twin, err)
		}
		if _, err := in.SignIn(t.Context(), twin, "a long walk by the sea", "127.0.0.1"); err != nil {
			t.Errorf("%q does not sign in: %v", twin, err)
		}
	}
	for _, bad := range []string{"jo\u200brg@example.com", "ann@example", "Ann <ann@example.com>", "an\u2028n@example.com", "a b@example.com"} {
		if err := sign(bad); models.CodeOf(err) != models.Invalid {
			t.Errorf("%q is an address: %v", bad, err)
		}
	}
	// A person who has no password at all cannot sign in with an empty one.
	w.sql(`update users set password_hash = ''`)
	if _, err := in.SignIn(t.Context(), "jörg@example.com", "", "127.0.0.1"); models.CodeOf(err) != models.Invalid {
		t.Errorf("no password: %v", err)
	}
}

func TestResetFromTheTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.organization("Ann")
	in := w.Install("test")
	if _, err := in.ResetFor(t.Context(), "eve@example.com"); models.CodeOf(err) != models.NotFound {
		t.Errorf("a reset for nobody: %v", err)
	}
	link, err := in.ResetFor(t.Context(), "ANN@example.com")
	if err != nil {
		t.Fatal(err)
	}
	const at = "https://allin.example/reset/"
	if len(link) != len(at)+43 || link[:len(at)] != at {
		t.Fatalf("the link is %q", link)
	}
	p, err := in.ResetPassword(t.Context(), link[len(at):], "a long walk by the sea")
	if err != nil || p.User.Email != "ann@example.com" {
		t.Fatal(p, err)
	}
	if _, err := in.SignIn(t.Context(), "ann@example.com", "a long walk by the sea", "127.0.0.1"); err != nil {
		t.Error(err)
	}
}
