package models_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

func TestInvitesAreChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	ctx := t.Context()
	ok := models.Invites{Emails: "bo@example.com", Role: models.Editor, Days: 7}
	for name, c := range map[string]struct {
		change func(*models.Invites)
		field  string
		says   string
	}{
		"nobody":    {func(in *models.Invites) { in.Emails = " \n " }, "emails", "at least one"},
		"nonsense":  {func(in *models.Invites) { in.Emails = "a@example.com, nonsense" }, "emails", "nonsense"},
		"injection": {func(in *models.Invites) { in.Emails = "a@example.com\r\nBcc:b@example.com" }, "emails", "Bcc:"},
		"too many":  {func(in *models.Invites) { in.Emails = many(51) }, "emails", "at most 50"},
		"a member":  {func(in *models.Invites) { in.Emails = "x@example.com ACME@example.com" }, "emails", "member already"},
		"role":      {func(in *models.Invites) { in.Role = "KING" }, "role", "five roles"},
		"days":      {func(in *models.Invites) { in.Days = 3000 }, "days", "how long"},
	} {
		t.Run(name, func(t *testing.T) {
			in := ok
			c.change(&in)
			_, err := ws.Invite(ctx, in)
			var e *models.Error
			if !asError(err, &e) || !strings.Contains(e.Fields[c.field], c.says) {
				t.Errorf("%v", err)
			}
		})
	}
	in := ok
	in.Emails = "Ann <ann@example.com>, bo@example.com;\n BO@example.com\tcy@example.com"
	if _, err := ws.Invite(ctx, in); err == nil {
		t.Error("a list that is neither plain nor like a mail's was taken")
	}
	in.Emails = "bo@example.com;\n BO@example.com\tcy@example.com"
	if n, err := ws.Invite(ctx, in); err != nil || n != 2 {
		t.Errorf("%d invited: %v", n, err)
	}
	in.Emails = "Ann <ann@example.com>, Bo <bo@example.com>"
	if n, err := ws.Invite(ctx, in); err != nil || n != 2 {
		t.Errorf("%d invited: %v", n, err)
	}
	if list, err := ws.Invitations(ctx); err != nil || len(list) != 3 {
		t.Errorf("open invitations: %v %v", list, err)
	}

	admin := *ws
	admin.Role = models.Admin
	in.Role, in.Emails = models.Owner, "dee@example.com"
	if _, err := admin.Invite(ctx, in); models.CodeOf(err) != models.Forbidden {
		t.Errorf("an admin invites an owner: %v", err)
	}
	var hits int
	super(t, w.dsn, `select count(*) from invitations where token_hash = '' or length(token_hash) <> 32`, &hits)
	if hits != 0 {
		t.Error("what is kept of tokens are no hashes")
	}
}

func many(n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(uuid.NewString() + "@example.com ")
	}
	return b.String()
}

func TestUsage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	a := w.account(ws, "acme.example")
	ctx := t.Context()
	now := time.Now()
	at := models.Wall{Date: now.AddDate(0, 0, -1).Format(time.DateOnly), Time: "10:00", Zone: "Europe/Berlin"}
	if _, err := ws.Record(ctx, text("out", a), at, map[uuid.UUID]networks.Ref{a.ID: {ID: "1"}}); err != nil {
		t.Fatal(err)
	}
	u, err := ws.Usage(ctx)
	if err != nil {
		t.Fatal(err)
	}
	posts := 0
	for _, m := range u.Months {
		posts += m.Posts()
	}
	if posts != 1 || u.Accounts != 1 || u.Members != 1 || u.MediaBytes != 0 || u.Months[0].Month.Month() != now.Month() {
		t.Errorf("usage %+v", u)
	}
	other := w.organization("Other")
	if u, err := other.Usage(ctx); err != nil || u.Months[0].Posts() != 0 || u.Accounts != 0 {
		t.Errorf("another organization's usage %+v, %v", u, err)
	}
	want := models.InvoiceDetails{Company: "Acme GmbH", Address: "Quay 1\nHamburg", VATID: "DE123", Email: "bills@example.com"}
	if err := ws.ChangeInvoiceDetails(ctx, want); err != nil {
		t.Fatal(err)
	}
	if got, err := ws.InvoiceDetails(ctx); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got, _ := other.InvoiceDetails(ctx); got != (models.InvoiceDetails{}) {
		t.Errorf("another organization's details %+v", got)
	}
}

// Sensitive acts stand in the organization's log, in words, and in no other's.
func TestAuditLogOfAnOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws, other := w.organization("Acme"), w.organization("Other")
	ctx := models.WithOrigin(t.Context(), models.Origin{Address: "203.0.113.7", Agent: "Test"})
	helper := uuid.New()
	super(t, w.dsn, `insert into users (id, email, name, password_hash) values ('`+helper.String()+`', 'mia@example.com', 'Mia Koch', '');
		insert into memberships (organization_id, user_id, role) values ('`+ws.Organization.ID.String()+`', '`+helper.String()+`', 'EDITOR')`)
	a := w.account(ws, "acme.example")
	draft, err := ws.CreateDraft(ctx, text("gone"))
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() error{
		func() error { return ws.ChangeRole(ctx, helper, models.Viewer) },
		func() error { return ws.RemoveMember(ctx, helper) },
		func() error { return ws.DeletePost(ctx, draft) },
		func() error { return second(ws.Disconnect(ctx, a.ID)) },
		func() error { return ws.RenameOrganization(ctx, "Acme Ltd") },
		func() error {
			return second(ws.Invite(ctx, models.Invites{Emails: "new@example.com", Role: models.Member, Days: 7}))
		},
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	list, err := ws.AuditLog(ctx, models.AuditFilter{}, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, l := range list {
		words = append(words, l.Actor+" "+l.Words())
	}
	all := strings.Join(words, "\n")
	for _, want := range []string{"Acme Owner invited new@example.com as Member", "gave the organization another name", "disconnected @acme.example on Bluesky",
		"deleted a post", "removed somebody who was Viewer", "changed somebody's role from Editor to Viewer", "connected @acme.example on Bluesky"} {
		if !strings.Contains(all, want) {
			t.Errorf("the log does not say %q:\n%s", want, all)
		}
	}
	if list[0].Address != "203.0.113.7" || list[0].Agent != "Test" {
		t.Errorf("from where: %+v", list[0])
	}
	page, err := ws.AuditLog(ctx, models.AuditFilter{}, list[2].Seq, 2)
	if err != nil || len(page) != 2 || page[0].Seq != list[3].Seq {
		t.Errorf("the page after the third entry: %v, %v", page, err)
	}
	for what, c := range map[string]struct {
		filter models.AuditFilter
		want   int
	}{
		"act":        {models.AuditFilter{Act: "post.deleted"}, 1},
		"actor":      {models.AuditFilter{Actor: ws.Member.ID}, len(list)},
		"nobody":     {models.AuditFilter{Actor: uuid.New()}, 0},
		"since":      {models.AuditFilter{From: time.Now().Add(time.Hour)}, 0},
		"until":      {models.AuditFilter{To: time.Now().Add(-time.Hour)}, 0},
		"in between": {models.AuditFilter{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}, len(list)},
	} {
		if got, err := ws.AuditLog(ctx, c.filter, 0, 100); err != nil || len(got) != c.want {
			t.Errorf("%s: %d entries, %v", what, len(got), err)
		}
	}
	if got, err := other.AuditLog(ctx, models.AuditFilter{}, 0, 100); err != nil || len(got) != 0 {
		t.Errorf("another organization sees %v, %v", got, err)
	}
	if _, broken, err := w.Install("test").VerifyAudit(ctx); err != nil || len(broken) != 0 {
		t.Errorf("the chain is broken: %v, %v", broken, err)
	}
}

func TestAuditWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		act, name string
		details   map[string]any
		want      string
	}{
		{"member.role_changed", "Mia Koch", map[string]any{"before": "EDITOR", "after": "VIEWER"}, "changed the role of Mia Koch from Editor to Viewer"},
		{"account.connected", "", map[string]any{"network": "X"}, "connected an account on X"},
		{"session.signed_in", "", nil, "Session: signed in"},
	} {
		if got := models.AuditWords(c.act, c.name, c.details); got != c.want {
			t.Errorf("%s: %q, want %q", c.act, got, c.want)
		}
	}
}
