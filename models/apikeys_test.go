package models_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

func newKey(scopes ...models.Scope) models.NewAPIKey {
	return models.NewAPIKey{Name: "Reports", Scopes: scopes, Days: 30}
}

// colleague makes another member of the organization.
func (w *world) colleague(ws *models.Workspace, name string, role models.Role) *models.Workspace {
	w.t.Helper()
	own := w.organization(name)
	super(w.t, w.dsn, `insert into memberships (organization_id, user_id, role) values ('`+ws.Organization.ID.String()+`', '`+own.Member.ID.String()+`', '`+string(role)+`')`)
	joined := *ws
	joined.Member, joined.Role = own.Member, role
	return &joined
}

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.Install("test")
	owner := w.organization("Acme")
	editor := w.colleague(owner, "Eve", models.Editor)
	viewer := w.colleague(owner, "Vic", models.Viewer)

	made, secret, err := owner.CreateAPIKey(t.Context(), newKey(models.TeamWrite, models.TeamRead))
	noError(t, err)
	if !strings.HasPrefix(secret, made.Hint) || len(made.Hint) > 16 {
		t.Errorf("hint %q of %q", made.Hint, secret)
	}
	c, err := in.Access(t.Context(), secret)
	if err != nil || c.Key != made.ID || c.Organization != owner.Organization.ID || !c.Allows(models.TeamWrite) {
		t.Fatalf("the key opens %+v, %v", c, err)
	}
	list, err := owner.APIKeys(t.Context())
	if err != nil || len(list) != 1 || list[0].LastUsed == nil || list[0].LastUsed.Second() != 0 {
		t.Errorf("keys %+v, %v", list, err)
	}
	if n := w.number(`select count(*) from api_keys where encode(hash, 'escape') like '%allin%' or hint || name like '%` + secret[14:30] + `%'`); n != 0 {
		t.Error("the key lies open in the database")
	}

	for name, k := range map[string]models.NewAPIKey{
		"no name": {Scopes: []models.Scope{models.TeamRead}, Days: 30}, "no scope": {Name: "x", Days: 30}, "unknown scope": {Name: "x", Scopes: []models.Scope{"all"}, Days: 30},
		"no end": {Name: "x", Scopes: []models.Scope{models.TeamRead}}, "for ever": {Name: "x", Scopes: []models.Scope{models.TeamRead}, Days: 100000},
		"more than the role": newKey(models.TeamWrite),
	} {
		if _, _, err := editor.CreateAPIKey(t.Context(), k); models.CodeOf(err) != models.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	own, ownSecret, err := editor.CreateAPIKey(t.Context(), newKey(models.TeamRead))
	noError(t, err)
	if list, err := editor.APIKeys(t.Context()); err != nil || len(list) != 1 || list[0].ID != own.ID {
		t.Errorf("an editor sees %+v, %v", list, err)
	}
	if list, err := owner.APIKeys(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("an owner sees %d, %v", len(list), err)
	}
	for name, err := range map[string]error{
		"another's":  viewer.RevokeAPIKey(t.Context(), own.ID),
		"the owners": editor.RevokeAPIKey(t.Context(), made.ID),
		"a stranger": w.organization("Stranger").RevokeAPIKey(t.Context(), own.ID),
		"none":       owner.RevokeAPIKey(t.Context(), uuid.New()),
	} {
		if models.CodeOf(err) != models.NotFound {
			t.Errorf("revoke %s: %v", name, err)
		}
	}
	noError(t, owner.RevokeAPIKey(t.Context(), own.ID))
	if _, err := in.Access(t.Context(), ownSecret); models.CodeOf(err) != models.Unauthenticated {
		t.Errorf("a revoked key: %v", err)
	}
	if n := w.number(`select count(*) from audit where act in ('api_key.created', 'api_key.revoked')`); n != 3 {
		t.Errorf("%d lines of audits", n)
	}
}

// S12, keys: who is removed, weakened or suspended takes their keys along, at once.
func TestS12KeysEndWithTheirOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.Install("test")
	owner := w.organization("Acme")
	key := func(name string, role models.Role) (*models.Workspace, string) {
		ws := w.colleague(owner, name, role)
		_, secret, err := ws.CreateAPIKey(t.Context(), newKey(models.TeamRead))
		noError(t, err)
		return ws, secret
	}
	removed, removedKey := key("Rem", models.Editor)
	suspended, suspendedKey := key("Sus", models.Editor)
	admin := w.colleague(owner, "Adm", models.Admin)
	_, weak, err := admin.CreateAPIKey(t.Context(), newKey(models.TeamWrite))
	noError(t, err)

	noError(t, owner.RemoveMember(t.Context(), removed.Member.ID))
	super(t, w.dsn, `update users set suspended_at = now() where id = '`+suspended.Member.ID.String()+`'`)
	for name, k := range map[string]string{"removed": removedKey, "suspended": suspendedKey} {
		if _, err := in.Access(t.Context(), k); models.CodeOf(err) != models.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A key of somebody who is now an editor can no longer do what admins do.
	noError(t, owner.ChangeRole(t.Context(), admin.Member.ID, models.Editor))
	c, err := in.Access(t.Context(), weak)
	noError(t, err)
	ws, err := c.Workspace(t.Context())
	noError(t, err)
	if err := ws.ChangeRole(t.Context(), suspended.Member.ID, models.Viewer); models.CodeOf(err) != models.Forbidden {
		t.Errorf("an old scope with a new role: %v", err)
	}
}

// What a key does is written down as the key's doing.
func TestAuditNamesTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	made, _, err := owner.CreateAPIKey(t.Context(), newKey(models.TeamWrite))
	noError(t, err)
	ctx := models.WithOrigin(t.Context(), models.Origin{Address: "203.0.113.9", Key: made.ID})
	name := "Acme 2"
	noError(t, owner.PatchOrganization(ctx, models.OrganizationPatch{Name: &name}))
	if n := w.number(`select count(*) from audit where act = 'organization.changed' and actor_kind = 'key' and actor_id = '` + made.ID.String() + `'`); n != 1 {
		t.Errorf("%d lines of the key", n)
	}
	if rows, broken, err := w.Install("test").VerifyAudit(t.Context()); err != nil || len(broken) > 0 || rows == 0 {
		t.Errorf("audit: %d rows, %v, %v", rows, broken, err)
	}
}
