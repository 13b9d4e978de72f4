package jobs_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/pgtest"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

// person is the handle of whoever has that address.
func (w *world) person(email string) *models.Person {
	w.t.Helper()
	p, err := w.store.Install("test").SignIn(w.t.Context(), email, "correct horse", "127.0.0.1")
	w.ok(err)
	return p
}

func (w *world) signUp(name, organization string) *models.Person {
	w.t.Helper()
	p, err := w.store.Install("test").SignUp(w.t.Context(), models.SignUp{Name: name, Email: strings.ToLower(name) + "@example.com",
		Password: "correct horse", Organization: organization, Zone: "UTC"}, "127.0.0.1")
	w.ok(err)
	return p
}

// super runs a statement that no policy binds, or reads one value with it.
func (w *world) super(query string, args ...any) (value string) {
	w.t.Helper()
	c, err := pgx.Connect(w.t.Context(), pgtest.Superuser(w.dsn))
	w.ok(err)
	defer c.Close(context.Background())
	if !strings.HasPrefix(query, "select") {
		_, err = c.Exec(w.t.Context(), query, args...)
	} else {
		err = c.QueryRow(w.t.Context(), query, args...).Scan(&value)
	}
	w.ok(err)
	return value
}

// introduced keeps the credentials that the account's server gave to AllIN, as
// connecting there does.
func (w *world) introduced(a *models.Account) {
	w.t.Helper()
	c, err := w.sandbox.CreateAccount(a.Network, strings.Split(a.Handle, "@")[0], "")
	w.ok(err)
	app, err := json.Marshal(networks.App{ClientID: c.ClientID, ClientSecret: c.ClientSecret})
	w.ok(err)
	sealed := w.box.Seal(app, seal.At("network_apps", "sealed", a.Network, a.Site+" "))
	w.super(`insert into network_apps (network, site, redirect, sealed) values ($1, $2, '', $3) on conflict do nothing`, a.Network, a.Site, sealed)
}

// until waits for what a worker does.
func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain: %s", what)
		}
	}
}

func (w *world) picture() uuid.UUID {
	w.t.Helper()
	var b bytes.Buffer
	w.ok(png.Encode(&b, image.NewGray(image.Rect(0, 0, 12, 12))))
	m, err := w.ws.AddMedia(w.t.Context(), "harbour.png", "The harbour", &b)
	w.ok(err)
	return m.ID
}

// archive waits for the person's newest archive and reads its files.
func (w *world) archive(p *models.Person) map[string]string {
	w.t.Helper()
	var e models.Export
	w.until("the archive", func() bool {
		list, err := p.Exports(w.t.Context())
		w.ok(err)
		e = list[0]
		return !e.UnderWay()
	})
	if e.State != models.ExportReady || e.Done != e.Total || e.Total == 0 || e.Bytes == 0 {
		w.t.Fatalf("the archive: %+v", e)
	}
	a, err := p.OpenExport(w.t.Context(), e.ID)
	w.ok(err)
	defer a.Close()
	raw, err := io.ReadAll(a)
	w.ok(err)
	z, err := zip.NewReader(bytes.NewReader(raw), a.Bytes)
	w.ok(err)
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		w.ok(err)
		b, err := io.ReadAll(r)
		w.ok(err)
		files[f.Name] = string(b)
		if strings.HasSuffix(f.Name, ".json") && !json.Valid(b) {
			w.t.Errorf("%s is no JSON: %s", f.Name, b)
		}
	}
	return files
}

// noSecrets looks for what must never be in an archive.
func (w *world) noSecrets(files map[string]string, tokens ...networks.Token) {
	w.t.Helper()
	for name, text := range files {
		for _, t := range tokens {
			if strings.Contains(text, t.Access) || t.Refresh != "" && strings.Contains(text, t.Refresh) {
				w.t.Errorf("%s holds a token", name)
			}
		}
		for _, s := range []string{"password", "$argon2", "sealed", `"hash"`} {
			if strings.HasPrefix(name, "data/") && strings.Contains(text, s) {
				w.t.Errorf("%s holds %q", name, s)
			}
		}
	}
}

// An archive has everything of the person, and of an organization, and nothing
// of anybody else.
func TestS64Export(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	ctx := t.Context()
	ann, bob := w.person("ann@example.com"), w.signUp("Bob", "Elsewhere")
	account, medium := w.account("x", "ann_x"), w.picture()
	c := models.Composition{Content: models.Content{Parts: []models.ContentPart{{Text: "Words of Ann", Media: []uuid.UUID{medium}}}},
		Targets: []models.Target{{AccountID: account.ID}}}
	_, err := w.ws.CreateDraft(ctx, c)
	w.ok(err)
	theirs, err := bob.Memberships(ctx)
	w.ok(err)
	elsewhere, err := bob.Workspace(ctx, theirs[0].OrganizationID)
	w.ok(err)
	_, err = elsewhere.CreateDraft(ctx, models.Composition{Content: models.Content{Parts: []models.ContentPart{{Text: "Words of Bob"}}}})
	w.ok(err)
	w.process()

	w.ok(ann.Export(ctx, &w.ws.Organization.ID))
	mine := w.archive(ann)
	for name, want := range map[string]string{"data/users.json": "ann@example.com", "data/posts.json": "Words of Ann", "data/media.json": "harbour.png",
		"data/memberships.json": "OWNER", "data/organizations.json": "Acme", "data/audit.json": "data.export_requested",
		"data/social_accounts.json": "ann_x", "media/" + medium.String() + ".png": "PNG", "README.txt": "media/"} {
		if !strings.Contains(mine[name], want) {
			t.Errorf("%s does not hold %q: %.300s", name, want, mine[name])
		}
	}
	w.noSecrets(mine)
	if _, ok := mine["data/account_tokens.json"]; ok {
		t.Error("a person's archive tells of tokens")
	}

	w.ok(w.ws.ExportAll(ctx))
	all := w.archive(ann)
	for name, want := range map[string]string{"data/posts.json": "Words of Ann", "data/people.json": "ann@example.com", "data/post_media.json": medium.String(),
		"data/audit.json": "organization.export_requested", "media/" + medium.String() + ".png": "PNG"} {
		if !strings.Contains(all[name], want) {
			t.Errorf("of the organization: %s does not hold %q: %.300s", name, want, all[name])
		}
	}
	w.noSecrets(all)
	for _, files := range []map[string]string{mine, all} {
		for name, text := range files {
			if strings.Contains(text, "Words of Bob") || strings.Contains(text, "bob@example.com") {
				t.Errorf("%s tells of Bob", name)
			}
		}
	}
	if n := w.super(`select string_agg(kind, ' ') from notifications`); n != "export export" {
		t.Errorf("told: %s", n)
	}

	// Bob may have neither, and an owner who is one no more loses the second.
	list, err := ann.Exports(ctx)
	w.ok(err)
	for _, e := range list {
		if _, err := bob.OpenExport(ctx, e.ID); models.CodeOf(err) != models.NotFound {
			t.Errorf("Bob opens Ann's archive: %v", err)
		}
	}
	w.super(`update memberships set role = 'ADMIN' where organization_id = $1`, w.ws.Organization.ID)
	if _, err := ann.OpenExport(ctx, list[0].ID); models.CodeOf(err) != models.NotFound {
		t.Errorf("who is an owner no more opens the organization's archive: %v", err)
	}
	// A week later they are gone, files and all.
	w.super(`update exports set expires_at = now() - interval '1 second'`)
	if _, err := ann.OpenExport(ctx, list[1].ID); models.CodeOf(err) != models.NotFound {
		t.Errorf("an archive whose time is over: %v", err)
	}
	w.ok(w.store.Install("test").Clean(ctx))
	if left, err := os.ReadDir(filepath.Join(w.folder, "exports")); err != nil || len(left) != 0 {
		t.Errorf("%d files are left, %v", len(left), err)
	}
}

// refused reports whether the network refuses the account's token.
func (w *world) refused(a *models.Account, token networks.Token) bool {
	n, err := w.store.Networks().Get(a.Network, true)
	w.ok(err)
	_, err = n.Describe(context.Background(), networks.Account{Network: a.Network, Site: a.Site, RemoteID: a.RemoteID, Handle: a.Handle, Token: token})
	return err != nil && networks.AsError(err).Kind == networks.Reauthorize
}

// A deleted organization is closed at once, its grants end at the networks,
// its queue is empty, and its rows go when their time has come.
func TestS64DeleteOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	ctx := t.Context()
	ann := w.person("ann@example.com")
	medium := w.picture()
	tokens := map[*models.Account]networks.Token{}
	var targets []models.Target
	for _, network := range threeNetworks {
		a := w.account(network, "ann")
		w.introduced(a)
		tokens[a] = w.tokens[a.ID]
		targets = append(targets, models.Target{AccountID: a.ID})
	}
	c := models.Composition{Content: models.Content{Parts: []models.ContentPart{{Text: "Tomorrow", Media: []uuid.UUID{medium}}}}, Targets: targets}
	day := time.Now().AddDate(0, 0, 1).Format(time.DateOnly)
	_, err := w.ws.Schedule(ctx, nil, c, models.When{At: models.Wall{Date: day, Time: "10:00", Zone: "UTC"}})
	w.ok(err)

	for name, try := range map[string][2]string{"wrong name": {"acme", "correct horse"}, "wrong password": {"Acme", "correct"}} {
		if err := w.ws.Delete(ctx, try[0], try[1]); models.CodeOf(err) != models.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for a, token := range tokens {
		if w.refused(a, token) {
			t.Fatalf("%s refuses the token already", a.Network)
		}
	}
	w.ok(w.ws.Delete(ctx, "Acme", "correct horse"))
	if _, err := ann.Workspace(ctx, w.ws.Organization.ID); models.CodeOf(err) != models.NotFound {
		t.Errorf("a deleted organization opens: %v", err)
	}
	if s := w.super(`select string_agg(distinct state, ' ') from deliveries`); s != "canceled" {
		t.Errorf("deliveries are %s", s)
	}
	w.process()
	w.until("the grants end at the networks", func() bool {
		for a, token := range tokens {
			if !w.refused(a, token) {
				return false
			}
		}
		return w.super(`select count(*)::text from account_tokens`) == "0"
	})

	// An owner changes their mind, and changes it back.
	closed, err := ann.ClosedOrganizations(ctx)
	w.ok(err)
	if len(closed) != 1 || closed[0].Name != "Acme" {
		t.Fatalf("closed are %+v", closed)
	}
	if err := w.signUp("Eve", "Other").Restore(ctx, closed[0].ID); models.CodeOf(err) != models.NotFound {
		t.Errorf("a stranger restores it: %v", err)
	}
	w.ok(ann.Restore(ctx, closed[0].ID))
	again, err := ann.Workspace(ctx, closed[0].ID)
	w.ok(err)
	w.ok(again.Delete(ctx, "Acme", "correct horse"))

	organization := closed[0].ID
	w.super(`update deletions set due_at = now(), next_at = now() where organization_id = $1 and undone_at is null`, organization)
	w.until("the rows go", func() bool { return w.super(`select count(*)::text from deletions where done_at is not null`) == "1" })
	for _, table := range []string{"memberships", "social_accounts", "media", "posts", "deliveries", "notifications"} {
		if n := w.super(`select count(*)::text from `+table+` where organization_id = $1`, organization); n != "0" {
			t.Errorf("%s rows are left in %s", n, table)
		}
	}
	if _, _, _, err := w.files.Original(organization, medium); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("the picture is there still: %v", err)
	}
	// The log stays, whole, without names and addresses.
	rows, broken, err := w.store.Install("test").VerifyAudit(ctx)
	if err != nil || len(broken) != 0 || rows < 3 {
		t.Errorf("audit log: %d rows, %v, %v", rows, broken, err)
	}
	if n := w.super(`select count(*)::text from audit_traces where chain = $1`, organization); n != "0" {
		t.Errorf("%s names are left in the log", n)
	}
	w.ok(w.store.Install("test").Clean(ctx))
	list, err := os.ReadFile(filepath.Join(w.folder, "deletions"))
	w.ok(err)
	if strings.Contains(string(list), organization.String()) || strings.Count(string(list), hash(organization)) != 3 {
		t.Errorf("the list of deletions:\n%s", list)
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || u.Unwrap() == nil {
			return err
		}
		err = u.Unwrap()
	}
}

func hash(id uuid.UUID) string {
	sum := sha256.Sum256([]byte(id.String()))
	return hex.EncodeToString(sum[:])
}

// A person goes at once and altogether; what others work on stays.
func TestS64DeletePerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	ctx := models.WithOrigin(t.Context(), models.Origin{Address: "203.0.113.77", Agent: "Anns Browser"})
	ann, bob := w.person("ann@example.com"), w.signUp("Bob", "Elsewhere")
	w.super(`insert into memberships (organization_id, user_id, role) values ($1, $2, 'EDITOR')`, w.ws.Organization.ID, bob.User.ID)
	post, err := w.ws.CreateDraft(ctx, models.Composition{Content: models.Content{Parts: []models.ContentPart{{Text: "Stays"}}}})
	w.ok(err)
	account := w.account("mastodon", "ann")
	w.introduced(account)
	token := w.tokens[account.ID]
	w.ok(ann.Export(ctx, nil))
	w.ok(w.ws.ExportAll(ctx))

	if err := ann.Delete(ctx, "wrong"); models.CodeOf(err) != models.Invalid {
		t.Errorf("with a wrong password: %v", err)
	}
	if err := ann.Delete(ctx, "correct horse"); models.CodeOf(err) != models.Conflict || !strings.Contains(err.Error(), "Acme") {
		t.Errorf("the last owner leaves: %v", err)
	}
	// With another owner, only the person goes.
	w.super(`update memberships set role = 'OWNER' where user_id = $1`, bob.User.ID)
	f, err := ann.Farewell(ctx)
	if err != nil || len(f.Left) != 1 || len(f.Blocked)+len(f.Deleted) != 0 {
		t.Errorf("farewell: %+v, %v", f, err)
	}
	w.ok(ann.Delete(ctx, "correct horse"))
	for what, query := range map[string]string{"users": `select count(*)::text from users where id = $1`,
		"sessions": `select count(*)::text from sessions where user_id = $1`, "exports": `select count(*)::text from exports where user_id = $1`,
		"traces": `select count(*)::text from audit_traces t join audit a on a.id = t.audit_id where a.actor_id = $1`} {
		if n := w.super(query, ann.User.ID); n != "0" {
			t.Errorf("%s %s are left", n, what)
		}
	}
	if n := w.super(`select count(*)::text from audit_traces where address like '203.0.113.%' or actor_name = 'Ann'`); n != "0" {
		t.Errorf("%s lines name Ann or her address", n)
	}
	if _, broken, err := w.store.Install("test").VerifyAudit(ctx); err != nil || len(broken) != 0 {
		t.Errorf("audit log: %v, %v", broken, err)
	}
	acme, err := bob.Workspace(ctx, w.ws.Organization.ID)
	w.ok(err)
	if p, err := acme.Post(ctx, post); err != nil || p.Content.Parts[0].Text != "Stays" {
		t.Errorf("what Ann wrote for Acme: %v", err)
	}
	if w.refused(account, token) {
		t.Error("Acme's account was disconnected")
	}
	if _, err := w.store.Install("test").SignIn(ctx, "ann@example.com", "correct horse", "127.0.0.1"); models.CodeOf(err) != models.Invalid {
		t.Errorf("signing in again: %v", err)
	}

	// The last person takes both organizations along.
	w.process()
	w.ok(bob.Delete(ctx, "correct horse"))
	w.until("the organizations go", func() bool { return w.super(`select count(*)::text from organizations`) == "0" })
	if !w.refused(account, token) {
		t.Error("the network was not told")
	}
}

// A backup from before a deletion is brought to the same state at the start.
func TestS64RestoreDeletesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tuning{})
	ctx := t.Context()
	in := w.store.Install("test")
	ann, bob, cat := w.person("ann@example.com"), w.signUp("Bob", "Elsewhere"), w.signUp("Cat", "Kept")
	w.account("bluesky", "ann")
	// The lines that the deletions would have left behind, after the backup was made.
	kept, err := cat.Memberships(ctx)
	w.ok(err)
	w.ok(os.WriteFile(filepath.Join(w.folder, "deletions"), []byte(strings.Join([]string{
		"2026-11-20T10:00:00Z person " + hash(bob.User.ID) + " deleted",
		"2026-11-01T10:00:00Z organization " + hash(w.ws.Organization.ID) + " deleted",
		"2026-11-20T10:00:00Z organization " + hash(kept[0].OrganizationID) + " deleted",
		"2026-11-21T10:00:00Z organization " + hash(kept[0].OrganizationID) + " restored",
		"2026-11-21T10:00:00Z organi"}, "\n")), 0o600))
	n, err := in.DeleteAgain(ctx)
	if err != nil || n != 2 {
		t.Fatalf("deleted %d again, %v", n, err)
	}
	if _, err := in.SignIn(ctx, "bob@example.com", "correct horse", "127.0.0.1"); models.CodeOf(err) != models.Invalid {
		t.Errorf("Bob is back: %v", err)
	}
	if list, err := ann.Memberships(ctx); err != nil || len(list) != 0 {
		t.Errorf("Acme is back: %v, %v", list, err)
	}
	if list, err := cat.Memberships(ctx); err != nil || len(list) != 1 {
		t.Errorf("what was restored is gone: %v, %v", list, err)
	}
	if n, err := in.DeleteAgain(ctx); err != nil || n != 0 {
		t.Errorf("a second start deletes %d more, %v", n, err)
	}
}
