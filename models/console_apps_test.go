package models_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/all"
)

// process is another process of the installation: a pool and a store of its own, and keys
// read from the same file.
func (w *world) process(keyFile string, x all.X) (*models.Store, *seal.Box) {
	w.t.Helper()
	db, err := tenant.Open(w.t.Context(), w.dsn, tenant.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(db.Close)
	box, err := seal.Open(keyFile)
	if err != nil {
		w.t.Fatal(err)
	}
	files, err := media.Open(w.t.TempDir())
	if err != nil {
		w.t.Fatal(err)
	}
	nets := all.New(all.Config{HTTP: http.DefaultClient, Now: time.Now, X: x})
	return models.New(models.Config{DB: db, Box: box, Networks: nets, Files: files, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Origin: "https://allin.example", Settings: models.Settings{Limits: false}}), box
}

// newConsoleWorld is a world that runs all networks and has no app at any.
func newConsoleWorld(t *testing.T) *world {
	w := newWorld(t)
	w.Store, _ = w.process(filepath.Join(t.TempDir(), "keys.json"), all.X{})
	return w
}

func TestAppCredentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	keys := filepath.Join(t.TempDir(), "keys.json")
	w.Store, _ = w.process(keys, all.X{})
	other, _ := w.process(keys, all.X{})
	given, _ := w.process(keys, all.X{ClientID: "env-id", ClientSecret: "env-secret"})
	root := w.console("Root", models.SuperAdmin)
	app := func(s *models.Store) (networks.App, error) {
		n, err := s.Networks().Get("x", false)
		if err != nil {
			t.Fatal(err)
		}
		return s.Install("test").App(ctx, n, "", "https://allin.example/accounts/callback/x")
	}
	if _, err := app(other); err == nil || networks.AsError(err).Code != "no_credentials" {
		t.Errorf("without an app: %v", err)
	}
	for what, err := range map[string]error{
		"no id":     root.SetApp(ctx, "x", " ", "secret"),
		"no secret": root.SetApp(ctx, "x", "id", ""),
		"too long":  root.SetApp(ctx, "x", "id", strings.Repeat("s", 1001)),
	} {
		if models.CodeOf(err) != models.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, key := range []string{"bluesky", "mastodon", "nothing"} {
		if err := root.SetApp(ctx, key, "id", "secret"); models.CodeOf(err) != models.NotFound {
			t.Errorf("an app at %s: %v", key, err)
		}
	}
	if err := root.SetApp(ctx, "x", "console-id", "console-secret"); err != nil {
		t.Fatal(err)
	}
	// It holds at once in another process, and the environment's wins.
	if a, err := app(other); err != nil || a.ClientID != "console-id" || a.ClientSecret != "console-secret" {
		t.Errorf("another process has %v, %v", a.ClientID, err)
	}
	if a, err := app(given); err != nil || a.ClientID != "env-id" {
		t.Errorf("with the environment's: %v, %v", a.ClientID, err)
	}
	// A new id alone keeps the secret.
	if err := root.SetApp(ctx, "x", "second-id", ""); err != nil {
		t.Fatal(err)
	}
	if a, err := app(other); err != nil || a.ClientID != "second-id" || a.ClientSecret != "console-secret" {
		t.Errorf("after a new id: %v, %v", a.ClientID, err)
	}
	list, err := root.Apps(ctx)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(a models.AppCredentials) bool { return a.Network.Key == "x" })
	if a := list[i]; !a.Needed || a.Environment || a.ClientID != "second-id" || a.Kept.By != "Root" || a.Kept.At.IsZero() {
		t.Errorf("the console shows %+v", a)
	}
	if strings.Contains(fmt.Sprintf("%+v", list), "console-secret") {
		t.Error("the console is given the secret")
	}
	if from, err := given.Install("test").CredentialsOf(ctx); err != nil || from["x"] != "environment" || len(from) != 1 {
		t.Errorf("credentials come from %v, %v", from, err)
	}
	if err := root.ForgetApp(ctx, "x"); err != nil {
		t.Fatal(err)
	}
	if _, err := app(other); err == nil {
		t.Error("a removed app is still used")
	}
	if models.CodeOf(root.ForgetApp(ctx, "x")) != models.Conflict {
		t.Error("removed twice")
	}
}

// Every sealed column of the schema is in the list by which keys are rotated.
func TestSealedColumnsAreListed(t *testing.T) {
	t.Parallel()
	dsn := database(t)
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	rows, err := pool.Query(t.Context(), `select c.relname || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.atttypid = 'bytea'::regtype and a.attname ~ 'sealed' order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	there, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	listed := models.SealedColumns()
	slices.Sort(listed)
	if !slices.Equal(there, listed) {
		t.Errorf("sealed columns of the schema: %v\nin models/sealed.go: %v", there, listed)
	}
}

// Each kind of sealed value is found under the place that it was sealed for, is
// sealed anew, and does not open in another row.
func TestS65Reseal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	keys := filepath.Join(t.TempDir(), "keys.json")
	store, box := w.process(keys, all.X{})
	w.Store = store
	other, _ := w.process(keys, all.X{})
	root := w.console("Root", models.SuperAdmin)
	ws := w.organization("Acme")
	a, b := w.account(ws, "a.example"), w.account(ws, "b.example")
	in := w.Install("test")
	if err := root.SetApp(ctx, "x", "id", "secret"); err != nil {
		t.Fatal(err)
	}
	if err := models.SealSamples(ctx, store, ws); err != nil {
		t.Fatal(err)
	}
	before, err := in.CheckSealed(ctx)
	if err != nil || before.Lost != 0 || before.Old != 0 || before.Values != 6 {
		t.Fatalf("before: %+v %v", before, err)
	}
	if err := box.Rotate(); err != nil {
		t.Fatal(err)
	}
	if r, err := in.CheckSealed(ctx); err != nil || r.Old != 6 || r.Lost != 0 {
		t.Errorf("after the rotation: %+v %v", r, err)
	}
	if r, err := in.Reseal(ctx); err != nil || r.Resealed != 6 || r.Lost != 0 {
		t.Errorf("sealing anew: %+v %v", r, err)
	}
	if r, err := in.Reseal(ctx); err != nil || r.Old != 0 || r.Values != 6 {
		t.Errorf("again: %+v %v", r, err)
	}
	if n, err := box.Drop(); err != nil || n != 1 {
		t.Errorf("dropped %d, %v", n, err)
	}
	// Another process, which has read the file long ago, opens all of it.
	if r, err := other.Install("test").CheckSealed(ctx); err != nil || r.Lost != 0 || r.Values != 6 {
		t.Errorf("another process: %+v %v", r, err)
	}
	// A value in another row's place opens nothing.
	super(t, w.dsn, fmt.Sprintf(`update account_tokens set sealed = (select sealed from account_tokens where account_id = '%s') where account_id = '%s'`, a.ID, b.ID))
	r, err := in.CheckSealed(ctx)
	if err != nil || r.Lost != 1 || len(r.Closed) != 1 || !strings.Contains(r.Closed[0], b.ID.String()) {
		t.Errorf("a token in another row: %+v %v", r, err)
	}
}

// More rows than one walk's step are all sealed anew, though they move while it goes on.
func TestResealManyRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	store, box := w.process(filepath.Join(t.TempDir(), "keys.json"), all.X{})
	w.Store = store
	const n = 3000
	if err := models.SealMails(t.Context(), store, n); err != nil {
		t.Fatal(err)
	}
	if err := box.Rotate(); err != nil {
		t.Fatal(err)
	}
	in := w.Install("test")
	r, err := in.Reseal(t.Context())
	if err != nil || r.Resealed != n || r.Lost != 0 {
		t.Errorf("sealed anew: %+v %v", r, err)
	}
	if r, err := in.CheckSealed(t.Context()); err != nil || r.Values != n || r.Old != 0 {
		t.Errorf("afterwards: %+v %v", r, err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := w.Install("test")
	root := w.console("Root", models.SuperAdmin)
	fault := func(place, message string) {
		w.Fault(models.Fault{Origin: models.FaultOfRequest, Place: place, Message: message, Request: "0123456789abcdef"})
	}
	for i := range 50 {
		fault("GET /posts/:id", fmt.Sprintf(`read post %s: row %d of "%d" is broken`, uuid.New(), i, i))
	}
	fault("GET /posts/:id", "something else")
	fault("GET /media/:id", `postgres://allin:hunter2@db:5432/allin?password=hunter2 refused; Authorization: Bearer abc.def.ghi; token=hunter2 client_secret="hunter2"; ann@example.com; `+
		models.NewToken()+"1")
	if err := in.WriteFaults(ctx); err != nil {
		t.Fatal(err)
	}
	list, counts, err := root.Faults(ctx, models.FaultOpen)
	if err != nil || len(list) != 3 || counts[models.FaultOpen] != 3 {
		t.Fatalf("%d kinds, %v, %v", len(list), counts, err)
	}
	var many models.FaultGroup
	for _, g := range list {
		if g.Count == 50 {
			many = g
		}
		for _, secret := range []string{"hunter2", "abc.def", "ann@example.com"} {
			if strings.Contains(g.Message, secret) {
				t.Errorf("%q is kept: %s", secret, g.Message)
			}
		}
	}
	if many.Place != "GET /posts/:id" || many.Request != "0123456789abcdef" || many.First.IsZero() {
		t.Errorf("the kind that happened fifty times: %+v", many)
	}
	if err := root.MarkFault(ctx, many.Fingerprint, models.FaultSeen); err != nil {
		t.Fatal(err)
	}
	again := func() models.FaultState {
		fault("GET /posts/:id", fmt.Sprintf(`read post %s: row 7 of "7" is broken`, uuid.New()))
		if err := in.WriteFaults(ctx); err != nil {
			t.Fatal(err)
		}
		var state models.FaultState
		super(t, w.dsn, "select state from faults where fingerprint = '"+many.Fingerprint+"'", &state)
		return state
	}
	if s := again(); s != models.FaultSeen {
		t.Errorf("one that is known of is %s when it goes on", s)
	}
	if err := root.MarkFault(ctx, many.Fingerprint, models.FaultResolved); err != nil {
		t.Fatal(err)
	}
	if s := again(); s != models.FaultOpen {
		t.Errorf("one that was resolved is %s when it comes back", s)
	}
	if models.CodeOf(root.MarkFault(ctx, "nothing", models.FaultSeen)) != models.NotFound {
		t.Error("what is not there can be marked")
	}
}

// A storm of errors costs a few rows each time, and the table stays small.
func TestFaultStorm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := w.Install("test")
	words := strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z")
	for round := range 40 {
		for _, one := range words {
			for _, two := range words {
				w.Fault(models.Fault{Origin: models.FaultOfJob, Place: "publish", Message: words[round%26] + one + two + words[round/26]})
			}
		}
		var before, after int
		super(t, w.dsn, "select count(*) from faults", &before)
		if err := in.WriteFaults(t.Context()); err != nil {
			t.Fatal(err)
		}
		super(t, w.dsn, "select count(*) from faults", &after)
		if after-before > 12 || after > 500 {
			t.Fatalf("round %d: %d rows, then %d", round, before, after)
		}
	}
	super(t, w.dsn, `insert into faults (fingerprint, origin, place, message, count, first_at, last_at)
		select i::text, 'job', 'p', 'm', 1, now(), now() - interval '1 hour' from generate_series(1, 900) i`)
	w.Fault(models.Fault{Origin: models.FaultOfJob, Place: "publish", Message: "one more"})
	if err := in.WriteFaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	var rows int
	super(t, w.dsn, "select count(*) from faults", &rows)
	if rows != 500 {
		t.Errorf("%d rows are kept", rows)
	}
}
