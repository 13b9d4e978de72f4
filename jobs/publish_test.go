package jobs_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks/sandbox"
)

var threeNetworks = []string{"x", "mastodon", "bluesky"}

// posts lists what the sandbox accepted with that text, the oldest first.
func (w *world) posts(network, text string) []sandbox.Entry {
	w.t.Helper()
	entries, err := w.sandbox.Journal(0)
	w.ok(err)
	return slices.DeleteFunc(entries, func(e sandbox.Entry) bool {
		return e.Op != sandbox.OpCreate || e.Network != network || e.Text != text
	})
}

// breakNext lets the account's next creating call fail in that way.
func (w *world) breakNext(a *models.Account, f sandbox.Fault, count int) {
	w.t.Helper()
	handle, _, _ := strings.Cut(a.Handle, "@") // Mastodon's names its server
	w.ok(w.sandbox.FailNext(a.Network, sandbox.Next{Fault: f, Count: count, Handle: handle}))
}

func TestPublishesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	w.process()
	w.process() // two processes, and two clocks of which one ticks
	var accounts []*models.Account
	for _, n := range threeNetworks {
		accounts = append(accounts, w.account(n, "ann"))
	}
	post := w.publish([]string{"Hello from everywhere"}, accounts...)
	for _, d := range w.deliveries(post, final) {
		if d.State != models.Published || d.RemoteURL == "" || ledger(d) != "send create:0 ok" {
			t.Errorf("%s: %s at %q, %s", d.Network, d.State, d.RemoteURL, ledger(d))
		}
		if n := len(w.posts(d.Network, "Hello from everywhere")); n != 1 {
			t.Errorf("%s: %d posts", d.Network, n)
		}
	}
}

// Whatever happens to the answer, the post is there once and the delivery says so.
func TestSettlesWhatIsUnknown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	w.process()
	faults := []sandbox.Fault{sandbox.ResetAfter, sandbox.ErrorAfter, sandbox.Hang, sandbox.NoID, sandbox.HTML, sandbox.ResetBefore, sandbox.ErrorBefore}
	for _, network := range threeNetworks {
		for _, fault := range faults {
			t.Run(network+"/"+string(fault), func(t *testing.T) {
				a := w.account(network, "ann"+strings.ReplaceAll(string(fault), "_", ""))
				w.breakNext(a, fault, 1)
				text := "After " + string(fault) + " on " + network
				d := w.deliveries(w.publish([]string{text}, a), final)[a.ID]
				if d.State != models.Published || d.RemoteURL == "" {
					t.Errorf("%s: %s; %s", d.State, d.Message, ledger(d))
				}
				if n := len(w.posts(network, text)); n != 1 {
					t.Errorf("%d posts; %s", n, ledger(d))
				}
				if len(d.Attempts) < 2 {
					t.Errorf("the fault did not happen: %s", ledger(d))
				}
			})
		}
	}
}

// Where nothing can be read, a person decides; nothing is sent again by itself.
func TestAsksAPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{blind: true})
	w.process()
	a := w.account("x", "ann")
	w.breakNext(a, sandbox.ResetAfter, 1)
	live := w.publish([]string{"It is live"}, a)
	d := w.deliveries(live, final)[a.ID]
	if d.NextAt != nil {
		t.Errorf("it is looked at again by itself at %s", d.NextAt)
	}
	if d.State != models.Unknown || slices.Contains(d.Acts, models.ActLookAgain) || !slices.Contains(d.Acts, models.ActConfirmLive) {
		t.Fatalf("%s with %v; %s", d.State, d.Acts, ledger(d))
	}
	w.ok(w.ws.Do(t.Context(), d.ID, models.ActConfirmLive))
	if d = w.deliveries(live, final)[a.ID]; d.State != models.Published || d.Unresolved {
		t.Errorf("confirmed: %s, unresolved %v", d.State, d.Unresolved)
	}

	w.breakNext(a, sandbox.ResetBefore, 1)
	gone := w.publish([]string{"It is not there"}, a)
	d = w.deliveries(gone, final)[a.ID]
	w.ok(w.ws.Do(t.Context(), d.ID, models.ActSendAgain))
	if d = w.deliveries(gone, in(models.Published))[a.ID]; d.RemoteURL == "" || d.Unresolved {
		t.Errorf("sent again: %q, unresolved %v; %s", d.RemoteURL, d.Unresolved, ledger(d))
	}
	for _, text := range []string{"It is live", "It is not there"} {
		if n := len(w.posts("x", text)); n != 1 {
			t.Errorf("%q stands there %d times", text, n)
		}
	}
}

// One network refuses: the others are out, and a retry touches only that one.
func TestPartialSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	w.process()
	var accounts []*models.Account
	for _, n := range threeNetworks {
		accounts = append(accounts, w.account(n, "ann"), w.account(n, "ben"))
	}
	x, bluesky := accounts[0], accounts[5]
	w.breakNext(x, sandbox.Refuse, 1)
	w.breakNext(bluesky, sandbox.Refuse, 1)
	w.breakNext(accounts[2], sandbox.ErrorAfter, 1)
	post := w.publish([]string{"Six at once"}, accounts...)
	got := w.deliveries(post, final)
	for id, d := range got {
		want := models.Published
		if id == x.ID || id == bluesky.ID {
			want = models.Failed
		}
		if d.State != want || want == models.Failed && d.Message == "" {
			t.Errorf("%s: %s %q", d.Network, d.State, d.Message)
		}
	}
	notes, unread, err := w.ws.Notifications(t.Context(), 10)
	w.ok(err)
	if unread != 2 || len(notes) != 2 {
		t.Errorf("%d notifications, %d unread", len(notes), unread)
	}
	w.ok(w.ws.Do(t.Context(), got[x.ID].ID, models.ActRetry))
	w.deliveries(post, func(d models.DeliveryDetail) bool { return d.State == models.Published || d.AccountID == bluesky.ID })
	for _, n := range threeNetworks {
		want := 2
		if n == "bluesky" {
			want = 1
		}
		if got := len(w.posts(n, "Six at once")); got != want {
			t.Errorf("%s: %d posts, want %d", n, got, want)
		}
	}
}

// A thread goes on where it broke: each part once, in order, below the right one.
func TestThreadResumes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	w.process()
	for _, network := range threeNetworks {
		t.Run(network, func(t *testing.T) {
			a := w.account(network, "threads")
			w.ok(w.sandbox.SetFaults(sandbox.FaultPlan{Network: network, Seed: 7,
				Rates: map[sandbox.Fault]float64{sandbox.ResetAfter: 0.25, sandbox.ErrorBefore: 0.25}}))
			parts := []string{"one of " + network, "two", "three", "four", "five"}
			d := w.deliveries(w.publish(parts, a), final)[a.ID]
			if d.State != models.Published || len(d.Parts) != len(parts) {
				t.Fatalf("%s with %d parts: %s; %s", d.State, len(d.Parts), d.Message, ledger(d))
			}
			parent := ""
			for _, p := range parts {
				found := w.posts(network, p)
				if len(found) != 1 {
					t.Fatalf("%q stands there %d times", p, len(found))
				}
				if !strings.HasSuffix(found[0].Parent, parent) || (parent == "") != (found[0].Parent == "") {
					t.Errorf("%q answers %q, not %q", p, found[0].Parent, parent)
				}
				parent = found[0].ID
			}
			w.ok(w.sandbox.SetFaults(sandbox.FaultPlan{Network: network}))
		})
	}
}

// A rate limit is waited for, costs no try and holds no other account back.
func TestWaitsForTheGate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	w.process()
	for _, network := range threeNetworks {
		t.Run(network, func(t *testing.T) {
			limited, free := w.account(network, "limited"), w.account(network, "free")
			w.breakNext(limited, sandbox.Limited, 1)
			post := w.publish([]string{"Through the gate of " + network}, limited, free)
			got := w.deliveries(post, final)
			d := got[limited.ID]
			if d.State != models.Published || d.Tries != 0 || !strings.HasPrefix(ledger(d), "send create:0 limited; send create:0 ok") {
				t.Errorf("%s after %d tries: %s", d.State, d.Tries, ledger(d))
			}
			if len(d.Attempts) > 1 && d.Attempts[1].StartedAt.Sub(d.Attempts[0].StartedAt) < 500*time.Millisecond {
				t.Errorf("called again while the gate was shut: %v", d.Attempts)
			}
			if ledger(got[free.ID]) != "send create:0 ok" {
				t.Errorf("the other account: %s", ledger(got[free.ID]))
			}
		})
	}
}

// An access token that the network ended early is renewed once; a grant that
// it ended lets posts wait, and reconnecting lets them go.
func TestTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	w.process()
	for _, network := range []string{"x", "bluesky"} {
		t.Run(network, func(t *testing.T) {
			a := w.account(network, "tokens")
			w.ok(w.sandbox.ExpireTokens(network, a.Handle))
			d := w.deliveries(w.publish([]string{"After renewing on " + network}, a), final)[a.ID]
			if d.State != models.Published {
				t.Fatalf("%s: %s; %s", d.State, d.Message, ledger(d))
			}
			w.ok(w.sandbox.RevokeGrants(network, a.Handle))
			post := w.publish([]string{"After reconnecting on " + network}, a)
			d = w.deliveries(post, in(models.Waiting))[a.ID]
			if d.NextAt != nil {
				t.Errorf("it is tried again by itself at %s", d.NextAt)
			}
			if got, err := w.ws.Account(t.Context(), a.ID); err != nil || got.State != models.Reconnect {
				t.Errorf("the account is %v, %v", got.State, err)
			}
			if again := w.account(network, "tokens"); again.ID != a.ID {
				t.Error("reconnecting made another account")
			}
			if d = w.deliveries(post, final)[a.ID]; d.State != models.Published {
				t.Errorf("after reconnecting: %s %s", d.State, d.Message)
			}
		})
	}
}

// A process whose clock holds the lock and does not tick, because it is
// frozen, does not hold the others up.
func TestFrozenClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	frozen, err := pgx.Connect(t.Context(), w.dsn)
	w.ok(err)
	defer frozen.Close(t.Context())
	_, err = frozen.Exec(t.Context(), "select pg_advisory_lock($1)", int64(0x616c6c696e02))
	w.ok(err)
	w.process()
	a := w.account("mastodon", "ann")
	d := w.deliveries(w.publish([]string{"While the clock stands still"}, a), final)[a.ID]
	if d.State != models.Published {
		t.Errorf("%s: %s", d.State, d.Message)
	}
}
