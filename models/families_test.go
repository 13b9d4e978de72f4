package models_test

import (
	"encoding/hex"
	"strconv"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// newStoreOn is another process on the same database and with the same keys.
func newStoreOn(w *world) *models.Store { return models.New(w.config) }

// age makes the family's last refresh so long ago.
func (w *world) age(seconds int) {
	w.t.Helper()
	super(w.t, w.dsn, `update token_families set rotated_at = rotated_at - make_interval(secs => `+strconv.Itoa(seconds)+`)`)
}

func (w *world) number(query string) (n int) {
	w.t.Helper()
	super(w.t, w.dsn, query, &n)
	return n
}

// S44, one after the other: a refresh token is good once, and the pair that it
// gives is the next.
func TestS44RefreshIsSpentOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	in := w.Install("test")
	first := w.tokens(ws)
	second, err := in.Refresh(calledFrom(t, "127.0.0.1"), first.Refresh)
	noError(t, err)
	if second.Refresh == first.Refresh || !second.Expires.Equal(first.Expires) {
		t.Errorf("refreshed: %+v after %+v", second, first)
	}
	// Within ten seconds the same token gets the same successor.
	again, err := in.Refresh(calledFrom(t, "127.0.0.1"), first.Refresh)
	noError(t, err)
	if again.Refresh != second.Refresh {
		t.Error("two successors")
	}
	third, err := in.Refresh(calledFrom(t, "127.0.0.1"), second.Refresh)
	noError(t, err)
	if _, err := in.Access(t.Context(), third.Access); err != nil {
		t.Errorf("the third access token: %v", err)
	}
	if n := w.number(`select count(*) from notifications`); n != 0 {
		t.Errorf("%d notifications", n)
	}
	// The first is two generations old: no window of a program still has it.
	if _, err := in.Refresh(calledFrom(t, "127.0.0.1"), first.Refresh); models.CodeOf(err) != models.Unauthenticated {
		t.Errorf("the first again: %v", err)
	}
	w.endedAsStolen(third)
}

// S44, at once: ten of one program's windows get one successor.
func TestS44ParallelRefreshHasOneSuccessor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.tokens(w.organization("Acme"))
	var wg sync.WaitGroup
	var mu sync.Mutex
	successors := map[string]int{}
	for range 10 {
		wg.Go(func() {
			got, err := w.Install("test").Refresh(calledFrom(t, "127.0.0.1"), first.Refresh)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			successors[got.Refresh]++
		})
	}
	wg.Wait()
	if len(successors) != 1 {
		t.Errorf("%d successors", len(successors))
	}
	if n := w.number(`select generation from token_families`); n != 2 {
		t.Errorf("generation %d", n)
	}
}

// S44, late: eleven seconds after it was spent, a refresh token ends its family.
func TestS44LateReuseEndsTheFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	in := w.Install("test")
	first := w.tokens(ws)
	other := w.tokens(ws)
	second, err := in.Refresh(calledFrom(t, "127.0.0.1"), first.Refresh)
	noError(t, err)
	w.age(11)
	if _, err := in.Refresh(calledFrom(t, "203.0.113.9"), first.Refresh); models.CodeOf(err) != models.Unauthenticated {
		t.Errorf("after eleven seconds: %v", err)
	}
	w.endedAsStolen(second)
	if _, err := in.Access(t.Context(), other.Access); err != nil {
		t.Errorf("the person's other program: %v", err)
	}
}

// S44, stolen: whoever of the thief and the owner comes second ends it for both.
func TestS44StolenFamily(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.Install("test")
	stolen := w.tokens(w.organization("Acme"))
	thief, err := in.Refresh(calledFrom(t, "203.0.113.9"), stolen.Refresh)
	noError(t, err)
	for range 3 {
		thief, err = in.Refresh(calledFrom(t, "203.0.113.9"), thief.Refresh)
		noError(t, err)
	}
	if _, err := in.Refresh(calledFrom(t, "127.0.0.1"), stolen.Refresh); models.CodeOf(err) != models.Unauthenticated {
		t.Errorf("the owner, after the thief: %v", err)
	}
	w.endedAsStolen(thief)
}

// endedAsStolen checks that nothing of the family works and that its owner was
// told, once, in AllIN and by mail.
func (w *world) endedAsStolen(last *models.Tokens) {
	w.t.Helper()
	in := w.Install("test")
	for range 2 {
		if _, err := in.Refresh(calledFrom(w.t, "127.0.0.1"), last.Refresh); models.CodeOf(err) != models.Unauthenticated {
			w.t.Errorf("the last refresh token: %v", err)
		}
	}
	if _, err := in.Access(w.t.Context(), last.Access); models.CodeOf(err) != models.Unauthenticated {
		w.t.Errorf("the last access token: %v", err)
	}
	for what, query := range map[string]string{
		"notifications":   `select count(*) from notifications where kind = 'refresh_reused'`,
		"mails":           `select count(*) from mails where kind = 'refresh_reused'`,
		"lines of audits": `select count(*) from audit where act = 'token.reused'`,
	} {
		if n := w.number(query); n != 1 {
			w.t.Errorf("%d %s", n, what)
		}
	}
}

func TestForgedRefreshTokensEndNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.Install("test")
	good := w.tokens(w.organization("Acme")).Refresh
	for name, token := range map[string]string{
		"empty": "", "short": good[:40], "other proof": good[:len(good)-4] + "AAAA", "other prefix": "allin_xx_" + good[9:], "an access token": "a.b.c",
		"padded": good + "=", "long": good + good,
	} {
		if _, err := in.Refresh(calledFrom(t, "203.0.113.9"), token); models.CodeOf(err) != models.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
		noError(t, in.EndFamily(t.Context(), token))
	}
	if _, err := in.Refresh(calledFrom(t, "127.0.0.1"), good); err != nil {
		t.Errorf("the good one, after all that: %v", err)
	}
}

// What ends a person's sign-in ends their programs' too, at once.
func TestFamiliesEndWithWhatTheyStandOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.Install("test")
	for name, end := range map[string]func(ws *models.Workspace, got *models.Tokens){
		"sign-out": func(_ *models.Workspace, got *models.Tokens) { noError(t, in.EndFamily(t.Context(), got.Refresh)) },
		"password": func(ws *models.Workspace, _ *models.Tokens) {
			super(t, w.dsn, `update users set password_hash = password_hash || 'x' where id = '`+ws.Member.ID.String()+`'`)
		},
		"suspension": func(ws *models.Workspace, _ *models.Tokens) {
			super(t, w.dsn, `update users set suspended_at = now() where id = '`+ws.Member.ID.String()+`'`)
		},
		"removal": func(ws *models.Workspace, _ *models.Tokens) {
			super(t, w.dsn, `delete from memberships where user_id = '`+ws.Member.ID.String()+`'`)
		},
		"thirty days": func(ws *models.Workspace, _ *models.Tokens) {
			super(t, w.dsn, `update token_families set expires_at = now() where user_id = '`+ws.Member.ID.String()+`'`)
		},
		"device": func(ws *models.Workspace, got *models.Tokens) {
			c, err := in.Access(t.Context(), got.Access)
			noError(t, err)
			noError(t, c.Person.RevokeDevice(t.Context(), c.Family.String()))
		},
		"other devices": func(_ *models.Workspace, got *models.Tokens) {
			c, err := in.Access(t.Context(), got.Access)
			noError(t, err)
			noError(t, c.Person.RevokeOtherDevices(t.Context(), models.NewToken()))
		},
	} {
		ws := w.organization("Org-" + hexOf([]byte(name))[:12])
		got := w.tokens(ws)
		end(ws, got)
		if _, err := in.Access(t.Context(), got.Access); models.CodeOf(err) != models.Unauthenticated {
			t.Errorf("%s: the access token: %v", name, err)
		}
		if _, err := in.Refresh(calledFrom(t, "127.0.0.1"), got.Refresh); models.CodeOf(err) != models.Unauthenticated {
			t.Errorf("%s: the refresh token: %v", name, err)
		}
	}
}

func TestSwitchOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.Install("test")
	acme, other := w.organization("Acme"), w.organization("Other")
	got := w.tokens(acme)
	c, err := in.Access(t.Context(), got.Access)
	noError(t, err)
	if _, err := in.SwitchOrganization(t.Context(), c, other.Organization.ID); models.CodeOf(err) != models.NotFound {
		t.Errorf("into a stranger's organization: %v", err)
	}
	super(t, w.dsn, `insert into memberships (organization_id, user_id, role) values ('`+other.Organization.ID.String()+`', '`+acme.Member.ID.String()+`', 'VIEWER')`)
	there, err := in.SwitchOrganization(t.Context(), c, other.Organization.ID)
	noError(t, err)
	if c, err = in.Access(t.Context(), there.Access); err != nil {
		t.Fatal(err)
	}
	ws, err := c.Workspace(t.Context())
	if err != nil || ws.Organization.ID != other.Organization.ID || ws.Role != models.Viewer {
		t.Errorf("workspace %+v, %v", ws, err)
	}
	next, err := in.Refresh(calledFrom(t, "127.0.0.1"), got.Refresh)
	if err != nil || next.Organization != other.Organization.ID {
		t.Errorf("refreshed into %v, %v", next, err)
	}
	if _, err := in.OpenFamily(t.Context(), c.Person, uuid.New()); models.CodeOf(err) != models.Invalid {
		t.Errorf("tokens for no organization: %v", err)
	}
}
