package models_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/models"
)

// console is the handle of a new person with that platform role.
func (w *world) console(name string, role models.PlatformRole) *models.Console {
	w.t.Helper()
	_, err := w.Install("test").SignUp(w.t.Context(), models.SignUp{Name: name, Email: strings.ToLower(name) + "@admins.example.com",
		Password: "correct horse", Organization: name + "s", Zone: "Europe/Berlin", Platform: role}, "127.0.0.1")
	if err != nil {
		w.t.Fatal(err)
	}
	return w.consoleOf(strings.ToLower(name) + "@admins.example.com")
}

func (w *world) consoleOf(email string) *models.Console {
	w.t.Helper()
	p, err := w.Install("test").SignIn(w.t.Context(), email, "correct horse", "127.0.0.1")
	if err != nil {
		w.t.Fatal(err)
	}
	c, err := p.Console(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// userID finds a person by address.
func (w *world) userID(email string) (id uuid.UUID) {
	w.t.Helper()
	super(w.t, w.dsn, fmt.Sprintf("select id from users where email = '%s'", email), &id)
	return id
}

// Each method of the console, called by each platform role, is refused exactly where the table says.
func TestConsoleRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.console("Root", models.SuperAdmin)
	ctx := t.Context()
	nobody := uuid.New()
	calls := map[string]struct {
		needs models.PlatformPermission
		call  func(c *models.Console) error
	}{
		"Overview":        {models.ReadInstallation, func(c *models.Console) error { return second(c.Overview(ctx)) }},
		"ReleaseHold":     {models.ChangeInstallation, func(c *models.Console) error { return c.ReleaseHold(ctx, filepath.Join(t.TempDir(), "epoch")) }},
		"People":          {models.ReadInstallation, func(c *models.Console) error { return second(c.People(ctx, models.PeopleFilter{})) }},
		"Person":          {models.ReadInstallation, func(c *models.Console) error { return second(c.Person(ctx, nobody)) }},
		"SuspendPerson":   {models.ManageUsers, func(c *models.Console) error { return c.SuspendPerson(ctx, nobody) }},
		"UnsuspendPerson": {models.ManageUsers, func(c *models.Console) error { return c.UnsuspendPerson(ctx, nobody) }},
		"EndSessions":     {models.ManageUsers, func(c *models.Console) error { return second(c.EndSessions(ctx, nobody)) }},
		"ChangePlatformRole": {models.ChangeInstallation, func(c *models.Console) error {
			return c.ChangePlatformRole(ctx, nobody, models.PlatformAdmin)
		}},
		"Organizations":         {models.ReadInstallation, func(c *models.Console) error { return second(c.Organizations(ctx, models.OrganizationFilter{})) }},
		"Organization":          {models.ManageOrgs, func(c *models.Console) error { return second(c.Organization(ctx, nobody)) }},
		"SuspendOrganization":   {models.ManageOrgs, func(c *models.Console) error { return c.SuspendOrganization(ctx, nobody, "") }},
		"UnsuspendOrganization": {models.ManageOrgs, func(c *models.Console) error { return c.UnsuspendOrganization(ctx, nobody) }},
		"SignUp":                {models.ReadInstallation, func(c *models.Console) error { return second2(c.SignUp(ctx)) }},
		"SetSignUp":             {models.ChangeInstallation, func(c *models.Console) error { return c.SetSignUp(ctx, "nonsense") }},
		"Apps":                  {models.ReadInstallation, func(c *models.Console) error { return second(c.Apps(ctx)) }},
		"SetApp":                {models.ChangeInstallation, func(c *models.Console) error { return c.SetApp(ctx, "bluesky", "", "") }},
		"ForgetApp":             {models.ChangeInstallation, func(c *models.Console) error { return c.ForgetApp(ctx, "bluesky") }},
		"Health":                {models.ReadInstallation, func(c *models.Console) error { return second(c.Health(ctx)) }},
		"Faults":                {models.ReadInstallation, func(c *models.Console) error { return second2(c.Faults(ctx, models.FaultOpen)) }},
		"MarkFault":             {models.ReadInstallation, func(c *models.Console) error { return c.MarkFault(ctx, "x", models.FaultSeen) }},
		"Audit":                 {models.ReadInstallation, func(c *models.Console) error { return second(c.Audit(ctx, models.ConsoleAuditFilter{})) }},
		"AuditActs":             {models.ReadInstallation, func(c *models.Console) error { return second(c.AuditActs(ctx)) }},
		"ExportAudit": {models.ReadInstallation, func(c *models.Console) error {
			return c.ExportAudit(ctx, models.ConsoleAuditFilter{}, "csv", func(models.ConsoleAuditLine) error { return nil })
		}},
		"MailSetup":     {models.ReadInstallation, func(c *models.Console) error { return second(c.MailSetup(ctx)) }},
		"Outbox":        {models.ReadInstallation, func(c *models.Console) error { return second(c.Outbox(ctx, models.OutboxFilter{}, "", 5)) }},
		"MailEntry":     {models.ReadInstallation, func(c *models.Console) error { return second(c.MailEntry(ctx, nobody)) }},
		"OpenMail":      {models.ChangeInstallation, func(c *models.Console) error { return second2(c.OpenMail(ctx, nobody)) }},
		"RetryMail":     {models.ChangeInstallation, func(c *models.Console) error { return c.RetryMail(ctx, nobody) }},
		"KeepMails":     {models.ChangeInstallation, func(c *models.Console) error { return c.KeepMails(ctx) }},
		"SendBySMTP":    {models.ChangeInstallation, func(c *models.Console) error { return c.SendBySMTP(ctx, "", mail.SMTP{}) }},
		"SendByMailgun": {models.ChangeInstallation, func(c *models.Console) error { return c.SendByMailgun(ctx, "", mail.Mailgun{}) }},
		"SendTestMail":  {models.ChangeInstallation, func(c *models.Console) error { return second(c.SendTestMail(ctx)) }},
		"VerifyAudit":   {models.ReadInstallation, func(c *models.Console) error { return second2(c.VerifyAudit(ctx)) }},
	}
	con := reflect.TypeFor[*models.Console]()
	for i := range con.NumMethod() {
		if name := con.Method(i).Name; name != "May" {
			if _, ok := calls[name]; !ok {
				t.Errorf("no case for Console.%s: add one, so that its permission is tested", name)
			}
		}
	}
	for name, c := range calls {
		for _, role := range models.PlatformRoles {
			as := *owner
			as.Role = role
			refused := models.CodeOf(c.call(&as)) == models.Forbidden
			if want := !slices.Contains(models.WhoMayOnPlatform(c.needs), role); refused != want {
				t.Errorf("%s as %s: refused is %v, want %v", name, role, refused, want)
			}
		}
	}
}

func TestSuspendPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := w.Install("test")
	root := w.console("Root", models.SuperAdmin)
	admin := w.console("Adam", models.PlatformAdmin)
	ws := w.organization("Acme")
	id := w.userID("acme@example.com")

	p, err := in.SignIn(ctx, "acme@example.com", "correct horse", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	session := &models.Session{Token: models.NewToken(), Data: []byte("{}"), Person: p}
	if err := in.SaveSession(ctx, session, "", ""); err != nil {
		t.Fatal(err)
	}
	listening := []models.Listening{{Session: session.ID(), Organization: ws.Organization.ID, Role: models.Owner}}
	if still, err := in.StillListening(ctx, listening); err != nil || !still[0] {
		t.Fatalf("before: %v %v", still, err)
	}
	if err := admin.SuspendPerson(ctx, id); err != nil {
		t.Fatal(err)
	}
	if s, err := in.Session(ctx, session.Token); err != nil || s != nil {
		t.Errorf("the session goes on: %v %v", s, err)
	}
	if still, err := in.StillListening(ctx, listening); err != nil || still[0] {
		t.Errorf("the live connection goes on: %v %v", still, err)
	}
	_, suspended := in.SignIn(ctx, "acme@example.com", "correct horse", "127.0.0.1")
	_, wrong := in.SignIn(ctx, "acme@example.com", "wrong horse", "127.0.0.1")
	if suspended == nil || suspended.Error() != wrong.Error() {
		t.Errorf("signing in while suspended says %v, with a wrong password %v", suspended, wrong)
	}
	if page, err := root.People(ctx, models.PeopleFilter{Suspended: true}); err != nil || len(page.People) != 1 || page.Total != 1 || page.People[0].ID != id {
		t.Errorf("suspended people: %+v %v", page, err)
	}
	if err := admin.UnsuspendPerson(ctx, id); err != nil {
		t.Fatal(err)
	}
	if _, err := in.SignIn(ctx, "acme@example.com", "correct horse", "127.0.0.1"); err != nil {
		t.Errorf("after the suspension: %v", err)
	}

	for name, err := range map[string]error{
		"oneself suspended":      root.SuspendPerson(ctx, root.Admin.ID),
		"own role":               root.ChangePlatformRole(ctx, root.Admin.ID, models.PlatformUser),
		"suspended twice":        admin.UnsuspendPerson(ctx, id),
		"a super admin by admin": admin.SuspendPerson(ctx, root.Admin.ID),
		"an admin's sessions":    second(admin.EndSessions(ctx, root.Admin.ID)),
	} {
		if code := models.CodeOf(err); code != models.Conflict && code != models.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLastSuperAdminStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	one, two := w.console("One", models.SuperAdmin), w.console("Two", models.SuperAdmin)
	// Two admins who take each other's role at the same time: one of them stays.
	errs := make(chan error, 2)
	go func() { errs <- one.ChangePlatformRole(ctx, two.Admin.ID, models.PlatformUser) }()
	go func() { errs <- two.SuspendPerson(ctx, one.Admin.ID) }()
	a, b := <-errs, <-errs
	if (a == nil) == (b == nil) {
		t.Errorf("taking each other's role: %v and %v", a, b)
	}
	var left int
	super(t, w.dsn, `select count(*) from users where platform_role = 'SUPER_ADMIN' and suspended_at is null`, &left)
	if left != 1 {
		t.Errorf("%d super admins are left", left)
	}
}

// While an organization is suspended nothing of it is sent; afterwards all goes
// on, and what is too late by then is asked about.
func TestSuspendedOrganizationWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	in := w.Install("test")
	root := w.console("Root", models.SuperAdmin)
	ws, other := w.organization("Acme"), w.organization("Other")
	soon, old := w.account(ws, "soon.example"), w.account(ws, "old.example")
	for _, a := range []*models.Account{soon, old} {
		if _, err := ws.Schedule(ctx, nil, text("Hello", a), models.When{Now: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := root.SuspendOrganization(ctx, ws.Organization.ID, "Unpaid"); err != nil {
		t.Fatal(err)
	}
	if models.CodeOf(root.SuspendOrganization(ctx, ws.Organization.ID, "")) != models.Conflict {
		t.Error("suspended twice")
	}
	super(t, w.dsn, fmt.Sprintf(`update deliveries set %s where account_id = '%s'`, late("2 hours"), old.ID))
	if n, err := in.MarkMissed(ctx); err != nil || n != 0 {
		t.Errorf("%d are called missed meanwhile, %v", n, err)
	}
	if n := w.enqueued(); n != 0 {
		t.Errorf("%d accounts are put into the queue", n)
	}
	// A job that was in the queue already finds nothing to do.
	if c, err := in.Claim(ctx, uuid.New(), soon.ID, nil); err != nil || c != nil {
		t.Errorf("claimed while suspended: %+v %v", c, err)
	}
	if err := in.CheckQueue(ctx); err != nil {
		t.Errorf("the queue is called stuck: %v", err)
	}
	p, err := in.SignIn(ctx, "acme@example.com", "correct horse", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Workspace(ctx, ws.Organization.ID); models.CodeOf(err) != models.Suspended {
		t.Errorf("a member is told %v", err)
	}
	q, err := in.SignIn(ctx, "other@example.com", "correct horse", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.Workspace(ctx, other.Organization.ID); err != nil {
		t.Errorf("a member of another organization is told %v", err)
	}

	if err := root.UnsuspendOrganization(ctx, ws.Organization.ID); err != nil {
		t.Fatal(err)
	}
	if n, err := in.MarkMissed(ctx); err != nil || n != 1 {
		t.Errorf("%d are missed afterwards, %v", n, err)
	}
	if n := w.enqueued(); n != 1 {
		t.Errorf("%d accounts are put into the queue afterwards", n)
	}
	if _, err := p.Workspace(ctx, ws.Organization.ID); err != nil {
		t.Errorf("a member is told afterwards %v", err)
	}
}

// An organization's own transactions cannot end its suspension.
func TestSuspensionIsNotTheirs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.console("Root", models.SuperAdmin)
	ws := w.organization("Acme")
	if err := root.SuspendOrganization(t.Context(), ws.Organization.ID, ""); err != nil {
		t.Fatal(err)
	}
	for _, as := range []string{"allin_tenant", "allin_person"} {
		tx, err := w.db.Pool().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = tx.Exec(t.Context(), fmt.Sprintf(`select set_config('role', '%s', true), set_config('app.organization_id', '%s', true),
			set_config('app.user_id', '%s', true)`, as, ws.Organization.ID, ws.Member.ID))
		if err == nil {
			_, err = tx.Exec(t.Context(), `delete from suspensions`)
		}
		if err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("as %s: %v", as, err)
		}
		tx.Rollback(context.WithoutCancel(t.Context()))
	}
}

func TestConsoleLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	root := w.console("Root", models.SuperAdmin)
	super(t, w.dsn, `insert into users (id, email, name, password_hash, created_at)
			select gen_random_uuid(), 'p' || i || '@example.com', 'Person_' || i, '', now() - i * interval '1 minute' from generate_series(1, 120) i;
		insert into organizations (id, name, created_at) select gen_random_uuid(), 'Org ' || i, now() - i * interval '1 minute' from generate_series(1, 120) i`)
	seen := map[uuid.UUID]bool{}
	f := models.PeopleFilter{Search: "person_"}
	for {
		page, err := root.People(ctx, f)
		if err != nil || page.Total != 120 {
			t.Fatalf("total %d, %v", page.Total, err)
		}
		for _, p := range page.People {
			seen[p.ID] = true
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d people on all pages", len(seen))
	}
	seen = map[uuid.UUID]bool{}
	g := models.OrganizationFilter{Search: "org "}
	for {
		page, err := root.Organizations(ctx, g)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Organizations {
			seen[o.ID] = true
		}
		if g.Cursor = page.Next; g.Cursor == "" {
			break
		}
	}
	if len(seen) != 120 {
		t.Errorf("%d organizations on all pages", len(seen))
	}
	for what, err := range map[string]error{
		"cursor": second(root.People(ctx, models.PeopleFilter{Cursor: "../../x"})),
		"audit":  second(root.Audit(ctx, models.ConsoleAuditFilter{Cursor: "x"})),
	} {
		if models.CodeOf(err) != models.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	if page, err := root.People(ctx, models.PeopleFilter{Search: "%"}); err != nil || len(page.People) != 0 {
		t.Errorf("a percent sign finds %d people, %v", len(page.People), err)
	}
}

// TestS63SensitiveActs does sixty sensitive acts and finds sixty rows, which tell who,
// what, on what and from where, and no secret.
func TestS63SensitiveActs(t *testing.T) {
	t.Parallel()
	w := newConsoleWorld(t)
	ctx := models.WithOrigin(t.Context(), models.Origin{Address: "203.0.113.7", Agent: "Test browser"})
	root := w.console("Root", models.SuperAdmin)
	admin := w.console("Adam", models.PlatformAdmin)
	ws := w.organization("Acme")
	user, org := w.userID("acme@example.com"), ws.Organization.ID
	epoch := filepath.Join(t.TempDir(), "epoch")
	const planted = "sEcReT-of-the-app"
	type done struct {
		act string
		by  *models.Console
		do  func() error
	}
	round := []done{
		{"user.suspended", admin, func() error { return admin.SuspendPerson(ctx, user) }},
		{"user.unsuspended", root, func() error { return root.UnsuspendPerson(ctx, user) }},
		{"user.sessions_ended", admin, func() error { return second(admin.EndSessions(ctx, user)) }},
		{"user.platform_role_changed", root, func() error { return root.ChangePlatformRole(ctx, user, models.PlatformAdmin) }},
		{"user.platform_role_changed", root, func() error { return root.ChangePlatformRole(ctx, user, models.PlatformUser) }},
		{"organization.suspended", admin, func() error { return admin.SuspendOrganization(ctx, org, "a reason") }},
		{"organization.unsuspended", root, func() error { return root.UnsuspendOrganization(ctx, org) }},
		{"setting.changed", root, func() error { return root.SetSignUp(ctx, models.SignUpOpen) }},
		{"setting.changed", root, func() error { return root.SetSignUp(ctx, models.SignUpClosed) }},
		{"app.changed", root, func() error { return root.SetApp(ctx, "x", "the-id", planted) }},
		{"app.removed", root, func() error { return root.ForgetApp(ctx, "x") }},
		{"hold.released", root, func() error {
			super(t, w.dsn, `update installation set held_at = now(), held_reason = 'test'`)
			return root.ReleaseHold(ctx, epoch)
		}},
	}
	var wanted []done
	for len(wanted) < 60 {
		wanted = append(wanted, round...)
	}
	wanted = wanted[:60]
	for i, d := range wanted {
		if err := d.do(); err != nil {
			t.Fatalf("act %d, %s: %v", i, d.act, err)
		}
	}
	var lines []models.ConsoleAuditLine
	all := 0
	for f := (models.ConsoleAuditFilter{}); ; {
		page, err := root.Audit(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page.Lines {
			all++
			if !strings.HasPrefix(l.Act, "person.") && !strings.HasPrefix(l.Act, "session.signed") { // theirs, before the first act
				lines = append(lines, l)
			}
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	slices.Reverse(lines)
	if len(lines) != 60 {
		t.Fatalf("%d rows for 60 acts", len(lines))
	}
	for i, l := range lines {
		if l.Act != wanted[i].act || l.ActorID == nil || *l.ActorID != wanted[i].by.Admin.ID || l.ActorName == "" || l.Address != "203.0.113.7" || l.Agent == "" {
			t.Errorf("row %d for %s: %+v", i, wanted[i].act, l)
		}
		if strings.HasPrefix(l.Act, "organization.") && (l.Organization == nil || *l.Organization != org) {
			t.Errorf("%s does not name its organization", l.Act)
		}
		if strings.HasSuffix(l.Act, "changed") && l.Act != "app.changed" {
			var d struct{ Before, After string }
			if err := json.Unmarshal(l.Details, &d); err != nil || d.Before == "" || d.After == "" || d.Before == d.After {
				t.Errorf("%s says %s", l.Act, l.Details)
			}
		}
	}
	var dump string
	super(t, w.dsn, `select string_agg(a::text, ' ') || (select string_agg(t::text, ' ') from audit_traces t) ||
		coalesce((select string_agg(s::text, ' ') from settings s), '') from audit a`, &dump)
	if strings.Contains(dump, planted) {
		t.Error("a secret stands in the audit log or in the settings")
	}
	if rows, broken, err := root.VerifyAudit(ctx); err != nil || rows != all || len(broken) != 0 {
		t.Errorf("%d rows, broken %v, %v", rows, broken, err)
	}
	// Filters find what they name.
	for name, f := range map[string]models.ConsoleAuditFilter{
		"person":       {Person: "adam"},
		"address":      {Person: "adam@admins"},
		"id":           {Person: admin.Admin.ID.String()},
		"act":          {Act: "hold"},
		"organization": {Organization: org},
		"until":        {Until: time.Now().Add(-time.Hour)},
		"from":         {From: time.Now().Add(time.Hour)},
	} {
		page, err := root.Audit(ctx, f)
		want := map[string]int{"person": 16, "address": 16, "id": 16, // their acts here, and their own sign-up
			"act": 5, "organization": 10}[name]
		if err != nil || len(page.Lines) != want {
			t.Errorf("filter by %s finds %d, want %d, %v", name, len(page.Lines), want, err)
		}
	}
}

// A refused act leaves no row.
func TestRefusedActsLeaveNoRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.console("Root", models.SuperAdmin)
	var before int
	super(t, w.dsn, `select count(*) from audit`, &before)
	_ = root.SuspendPerson(t.Context(), uuid.New())
	_ = root.ChangePlatformRole(t.Context(), root.Admin.ID, models.PlatformUser)
	var after int
	super(t, w.dsn, `select count(*) from audit`, &after)
	if after != before {
		t.Errorf("%d rows more", after-before)
	}
}
