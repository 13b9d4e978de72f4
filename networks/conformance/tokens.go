package conformance

import (
	"context"
	"testing"

	"github.com/allin-platform/allin/networks"
)

// refused makes the calls that need a token and expects that the person has
// to connect again, and that nothing was published.
func (b *bench) refused(t *testing.T, a networks.Account) {
	t.Helper()
	ctx := context.Background()
	c := b.content(t, a, networks.Part{Text: b.text("Refused")}, networks.Options{})
	_, err := b.net.Create(ctx, a, c)
	expectKind(t, err, networks.Reauthorize)
	expectNoSecrets(t, err, a)
	_, err = b.net.Describe(ctx, a)
	expectKind(t, err, networks.Reauthorize)
	_, err = b.net.Upload(ctx, a, picture(t, 5_000, ""), networks.Upload{}, func(networks.Upload) error { return nil })
	expectKind(t, err, networks.Reauthorize)
	if posts := b.posts(t, c.Text); len(posts) != 0 {
		t.Errorf("out all the same: %+v", posts)
	}
}

// testExpired ends the access token, and renews it where that can be done.
func (b *bench) testExpired(t *testing.T) {
	a := b.connect(t)
	if err := b.box.ExpireTokens(b.key, b.shortHandle(a)); err != nil {
		t.Fatal(err)
	}
	b.refused(t, a.Account)
	if a.Token.Refresh == "" {
		return
	}
	ctx := context.Background()
	old := a.Account
	fresh, err := b.net.Refresh(ctx, a.Account, a.app)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	if fresh.Access == old.Token.Access || fresh.Refresh == "" || !fresh.Expires.After(b.server.Now()) {
		t.Fatalf("renewed until %s, refresh token there: %t", fresh.Expires, fresh.Refresh != "")
	}
	a.Token = fresh
	b.create(t, a.Account, b.content(t, a.Account, networks.Part{Text: b.text("Renewed")}, networks.Options{}))
	if b.fixture.RefreshOnce {
		_, err = b.net.Refresh(ctx, old, a.app)
		expectKind(t, err, networks.Reauthorize)
		expectNoSecrets(t, err, old)
	}
}

// testTakenBack lets the person end the grant at the network.
func (b *bench) testTakenBack(t *testing.T) {
	a := b.connect(t)
	if err := b.box.RevokeGrants(b.key, b.shortHandle(a)); err != nil {
		t.Fatal(err)
	}
	b.refused(t, a.Account)
	if a.Token.Refresh != "" {
		_, err := b.net.Refresh(context.Background(), a.Account, a.app)
		expectKind(t, err, networks.Reauthorize)
	}
}

// testDisconnect ends the grant from AllIN's side.
func (b *bench) testDisconnect(t *testing.T) {
	a := b.connect(t)
	if err := b.net.Revoke(context.Background(), a.Account, a.app); err != nil {
		t.Fatalf("revoke: %v", err)
	}
	if err := b.net.Revoke(context.Background(), a.Account, a.app); err != nil {
		t.Errorf("revoke again: %v", err)
	}
}

// shortHandle is the account's handle as the sandbox knows it: its own name
// for it stands in the account's id.
func (b *bench) shortHandle(a connected) string { return a.ID }
