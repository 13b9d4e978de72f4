package conformance

import (
	"context"
	"testing"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/sandbox"
)

// faultCase is what a client has to make of a fault on its creating call.
type faultCase struct {
	fault sandbox.Fault
	kind  networks.Kind
}

var faultCases = []faultCase{
	{sandbox.ResetBefore, networks.Unknown},
	{sandbox.ErrorBefore, networks.Unknown},
	{sandbox.Limited, networks.RateLimited},
	{sandbox.Refuse, networks.Rejected},
	{sandbox.ResetAfter, networks.Unknown},
	{sandbox.ErrorAfter, networks.Unknown},
	{sandbox.Hang, networks.Unknown},
	{sandbox.BadAfter, networks.Unknown},
	{sandbox.NoID, networks.Unknown},
	{sandbox.HTML, networks.Unknown},
	{sandbox.Slow, networks.Unknown},
	{sandbox.Giant, networks.Unknown},
}

// arm lets the next creating call of the account fail.
func (b *bench) arm(t *testing.T, a networks.Account, fault sandbox.Fault) {
	t.Helper()
	err := b.box.SetFaults(sandbox.FaultPlan{
		Network: b.key, HangSeconds: 0.2, LimitedSeconds: 30, SlowSeconds: 60,
		Next: []sandbox.Next{{Fault: fault, Count: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// testFault lets a creating call fail and looks what is known of it
// afterwards, by the error's kind, by Find and by the oracle.
func (b *bench) testFault(t *testing.T, f faultCase) {
	a := b.connect(t).Account
	c := b.content(t, a, networks.Part{Text: b.text("Fault")}, networks.Options{})
	b.arm(t, a, f.fault)
	_, err := b.net.Create(context.Background(), a, c)
	e := expectKind(t, err, f.kind)
	expectNoSecrets(t, err, a)
	if f.kind == networks.RateLimited {
		reset := e.RetryAfter > 0 || e.Rate != nil && !e.Rate.Reset.IsZero()
		if !reset || e.Rate != nil && (e.Rate.Remaining != 0 || e.Rate.Endpoint == "") {
			t.Errorf("the limit is told as %+v, retry after %s", e.Rate, e.RetryAfter)
		}
	}
	posts := b.posts(t, c.Text)
	if !f.fault.Accepts() {
		if len(posts) != 0 {
			t.Fatalf("out all the same: %+v", posts)
		}
		b.expectFound(t, a, c)
		b.create(t, a, c) // and it can go out afterwards, with the same key
		return
	}
	if len(posts) != 1 {
		t.Fatalf("the call was sent %d times", len(posts))
	}
	refs, err := b.net.Find(context.Background(), a, c, c.Time)
	if err != nil || len(refs) != 1 || refs[0].ID == "" {
		t.Fatalf("found %+v, %v", refs, err)
	}
	b.settle(t, a, c, refs[0])
}

// settle repeats the call under its key, where that is how outcomes are
// settled, and sees to it that nothing more comes of it.
func (b *bench) settle(t *testing.T, a networks.Account, c networks.Create, known networks.Ref) {
	t.Helper()
	made, err := b.net.Create(context.Background(), a, c)
	switch b.net.Settling(a).Method {
	case networks.SettleByKey:
		if err != nil || made.ID != known.ID {
			t.Errorf("the same key again: %+v, %v; want %s", made, err, known.ID)
		}
	case networks.SettleByRecord:
		if err == nil && made.ID != known.ID {
			t.Errorf("the same record again: %+v; want %s or an error", made, known.ID)
		}
	default:
		return // nothing keeps it from being posted twice
	}
	if n := len(b.posts(t, c.Text)); n != 1 {
		t.Errorf("%d posts are out", n)
	}
}

// testRepeated sends the same part twice where a key makes that safe.
func (b *bench) testRepeated(t *testing.T) {
	a := b.connect(t).Account
	method := b.net.Settling(a).Method
	if method != networks.SettleByKey && method != networks.SettleByRecord {
		if key := b.net.NewKey(a, b.server.Now()); key != "" {
			t.Errorf("the network knows no keys, and is given %q", key)
		}
		return
	}
	c := b.content(t, a, networks.Part{Text: b.text("Again")}, networks.Options{})
	b.settle(t, a, c, b.create(t, a, c).Ref)
}

// testNobodyThere calls a server that does not run: nothing was sent.
func (b *bench) testNobodyThere(t *testing.T) {
	a := b.connect(t).Account
	s := b.server
	s.Base = "http://127.0.0.1:1"
	gone := b.fixture.New(s)
	a.Site = replaceBase(a.Site, b.server.Base, s.Base)
	c := b.content(t, a, networks.Part{Text: b.text("Nobody")}, networks.Options{})
	b.unavailable(t, gone, a, c, networks.Unavailable)
}

func replaceBase(site, old, base string) string {
	if len(site) >= len(old) && site[:len(old)] == old {
		return base + site[len(old):]
	}
	return site
}

// unavailable makes every call and expects that it fails as one does that
// may be repeated; the creating one with kind.
func (b *bench) unavailable(t *testing.T, n networks.Network, a networks.Account, c networks.Create, kind networks.Kind) {
	t.Helper()
	ctx := context.Background()
	_, err := n.Create(ctx, a, c)
	expectKind(t, err, kind)
	expectNoSecrets(t, err, a)
	_, err = n.Describe(ctx, a)
	expectKind(t, err, networks.Unavailable)
	_, err = n.Find(ctx, a, c, c.Time)
	expectKind(t, err, networks.Unavailable)
	_, err = n.Upload(ctx, a, picture(t, 5_000, ""), networks.Upload{}, func(networks.Upload) error { return nil })
	expectKind(t, err, networks.Unavailable)
	if a.Token.Refresh != "" {
		_, err = n.Refresh(ctx, a, networks.App{ClientID: "id", ClientSecret: "secret"})
		expectKind(t, err, networks.Unavailable)
		expectNoSecrets(t, err, a)
	}
}

// testDown calls a server that answers nothing but 503.
func (b *bench) testDown(t *testing.T) {
	a := b.connect(t).Account
	c := b.content(t, a, networks.Part{Text: b.text("Down")}, networks.Options{})
	if err := b.box.SetDown(b.key, true); err != nil {
		t.Fatal(err)
	}
	b.unavailable(t, b.net, a, c, networks.Unknown)
	if err := b.box.SetDown(b.key, false); err != nil {
		t.Fatal(err)
	}
	b.create(t, a, c)
}
