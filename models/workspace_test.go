package models_test

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/bluesky"
)

// world is an installation with a database of its own.
type world struct {
	*models.Store
	t   testing.TB
	dsn string
	db  *tenant.DB

	redis  *redis.Client // nil: sessions live in the database alone
	config models.Config
}

func newWorld(t testing.TB) *world { return newWorldOn(t, database(t)) }

func newWorldOn(t testing.TB, dsn string, change ...func(*models.Config)) *world {
	t.Helper()
	ctx := t.Context()
	db, err := tenant.Open(ctx, dsn, tenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	keys, err := seal.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.Parse(keys)
	if err != nil {
		t.Fatal(err)
	}
	files, err := media.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	nets := networks.NewRegistry([]networks.Network{bluesky.New(bluesky.Config{HTTP: http.DefaultClient, Now: time.Now})}, nil)
	config := models.Config{DB: db, Box: box, Networks: nets, Files: files, Now: time.Now,
		Log: slog.New(slog.DiscardHandler), Origin: "https://allin.example", Folder: t.TempDir(), Settings: models.Settings{Limits: true}}
	for _, c := range change {
		c(&config)
	}
	return &world{Store: models.New(config), t: t, dsn: dsn, db: db, config: config}
}

// organization makes one with its owner.
func (w *world) organization(name string) *models.Workspace {
	w.t.Helper()
	p, err := w.Install("test").SignUp(w.t.Context(), models.SignUp{Name: name + " Owner", Email: strings.ToLower(name) + "@example.com",
		Password: "correct horse", Organization: name, Zone: "Europe/Berlin"}, "127.0.0.1")
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := p.Memberships(w.t.Context())
	if err != nil || len(list) != 1 {
		w.t.Fatalf("memberships: %v %v", list, err)
	}
	ws, err := p.Workspace(w.t.Context(), list[0].OrganizationID)
	if err != nil {
		w.t.Fatal(err)
	}
	return ws
}

// account connects one without a network behind it.
func (w *world) account(ws *models.Workspace, handle string) *models.Account {
	w.t.Helper()
	a, err := ws.KeepConnection(w.t.Context(), models.Connection{Network: "bluesky", Site: "https://bsky.social",
		Profile: networks.Profile{RemoteID: "did:plc:" + handle, Handle: handle, Name: handle},
		Token:   networks.Token{Access: "secret-access-" + handle, Refresh: "secret-refresh"}})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func text(s string, accounts ...*models.Account) models.Composition {
	c := models.Composition{Content: models.Content{Parts: []models.ContentPart{{Text: s}}}}
	for _, a := range accounts {
		c.Targets = append(c.Targets, models.Target{AccountID: a.ID})
	}
	return c
}

// tomorrow is a time of day tomorrow in Berlin.
func tomorrow(clock string) models.When {
	day := time.Now().AddDate(0, 0, 1).Format("2006-01-02")
	return models.When{At: models.Wall{Date: day, Time: clock, Zone: "Europe/Berlin"}}
}

func TestScheduleMoveCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	a := w.account(ws, "acme.example")
	ctx := t.Context()

	id, err := ws.Schedule(ctx, nil, text("Good morning", a), tomorrow("09:30"))
	if err != nil {
		t.Fatal(err)
	}
	page := w.post(ws, id)
	if n := len(page.Occurrences); n != 1 {
		t.Fatalf("%d occurrences", n)
	}
	o := page.Occurrences[0]
	if o.Wall.Time != "09:30" || o.Wall.Zone != "Europe/Berlin" || len(o.Deliveries) != 1 || o.Deliveries[0].State != models.Scheduled {
		t.Fatalf("occurrence %+v", o)
	}

	if err := ws.MovePost(ctx, o.ID, tomorrow("18:00")); err != nil {
		t.Fatal(err)
	}
	moved := w.post(ws, id).Occurrences[0]
	if moved.Wall.Time != "18:00" || !moved.Deliveries[0].DueAt.Equal(moved.DueAt) || moved.DueAt.Equal(o.DueAt) {
		t.Errorf("moved to %+v", moved)
	}

	// Editing a scheduled post keeps it one post, at its new time.
	if _, err := ws.Schedule(ctx, &id, text("Good evening", a), tomorrow("19:00")); err != nil {
		t.Fatal(err)
	}
	page = w.post(ws, id)
	if len(page.Occurrences) != 1 || page.Occurrences[0].Wall.Time != "19:00" || page.Post.Content.Parts[0].Text != "Good evening" {
		t.Errorf("after editing: %+v", page.Occurrences)
	}

	if err := ws.CancelPost(ctx, o.ID); err != nil {
		t.Fatal(err)
	}
	if s := w.post(ws, id).Occurrences[0].Deliveries[0].State; s != models.Canceled {
		t.Errorf("state after canceling is %s", s)
	}
	if code := models.CodeOf(ws.CancelPost(ctx, o.ID)); code != models.Conflict {
		t.Errorf("canceling twice: %s", code)
	}
	if code := models.CodeOf(ws.MovePost(ctx, o.ID, tomorrow("20:00"))); code != models.Conflict {
		t.Errorf("moving what is canceled: %s", code)
	}
}

func (w *world) post(ws *models.Workspace, id uuid.UUID) *models.PostPage {
	w.t.Helper()
	p, err := ws.PostPage(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func TestWrongInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	a := w.account(ws, "acme.example")
	key := "account-" + a.ID.String()
	past := models.When{At: models.Wall{Date: "2020-01-01", Time: "10:00", Zone: "UTC"}}
	for name, c := range map[string]struct {
		post  models.Composition
		when  models.When
		field string
		says  string
	}{
		"too long":       {text(strings.Repeat("a", 301), a), tomorrow("10:00"), key, "1 character too long"},
		"nothing":        {text("", a), tomorrow("10:00"), key, "Write something"},
		"no account":     {text("Hello"), tomorrow("10:00"), "accounts", "at least one account"},
		"past":           {text("Hello", a), past, "time", "past"},
		"unknown zone":   {text("Hello", a), models.When{At: models.Wall{Date: "2030-01-01", Time: "10:00", Zone: "Mars/Base"}}, "zone", "no time zone"},
		"far away":       {text("Hello", a), models.When{At: models.Wall{Date: "2099-01-01", Time: "10:00", Zone: "UTC"}}, "date", "five years"},
		"long and past":  {text(strings.Repeat("a", 400), a), past, "time", "past"},
		"and both named": {text(strings.Repeat("a", 400), a), past, key, "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ws.Schedule(t.Context(), nil, c.post, c.when)
			var e *models.Error
			if !asError(err, &e) || e.Code != models.Invalid || !strings.Contains(e.Fields[c.field], c.says) {
				t.Errorf("error is %v with %v, want %q at %s", err, e, c.says, c.field)
			}
		})
	}
	gone := models.Account{ID: uuid.New()}
	if _, err := ws.Schedule(t.Context(), nil, text("Hello", &gone), tomorrow("10:00")); models.CodeOf(err) != models.NotFound {
		t.Errorf("an account that is not there: %v", err)
	}
	if page, err := ws.List(t.Context(), models.Filter{}, false, "", 10); err != nil || len(page.Entries) != 0 {
		t.Errorf("refused posts left %d entries, %v", len(page.Entries), err)
	}
}

func TestStrangersFindNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ours, theirs := w.organization("Ours"), w.organization("Theirs")
	a := w.account(theirs, "theirs.example")
	ctx := t.Context()
	post, err := theirs.Schedule(ctx, nil, text("Secret", a), tomorrow("10:00"))
	if err != nil {
		t.Fatal(err)
	}
	page := w.post(theirs, post)
	occurrence, delivery := page.Occurrences[0].ID, page.Occurrences[0].Deliveries[0].ID
	for name, err := range map[string]error{
		"post":       second(ours.Post(ctx, post)),
		"page":       second(ours.PostPage(ctx, post)),
		"account":    second(ours.Account(ctx, a.ID)),
		"move":       ours.MovePost(ctx, occurrence, tomorrow("11:00")),
		"cancel":     ours.CancelPost(ctx, occurrence),
		"act":        ours.Do(ctx, delivery, models.ActCancel),
		"update":     ours.UpdatePost(ctx, post, text("Mine")),
		"schedule":   second(ours.Schedule(ctx, &post, text("Mine", w.account(ours, "ours.example")), tomorrow("10:00"))),
		"delete":     ours.DeletePost(ctx, post),
		"duplicate":  second(ours.DuplicatePost(ctx, post)),
		"target":     second(ours.CreateDraft(ctx, text("Mine", a))),
		"review":     second(ours.Review(ctx, text("Mine", a))),
		"disconnect": second(ours.Disconnect(ctx, a.ID)),
	} {
		if models.CodeOf(err) != models.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s := w.post(theirs, post); s.Post.Content.Parts[0].Text != "Secret" || s.Occurrences[0].Deliveries[0].State != models.Scheduled {
		t.Error("a stranger changed it")
	}
}

func second[T any](_ T, err error) error { return err }

// Each method, called by each role, is refused exactly where the table says.
func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	owner := w.organization("Acme")
	a := w.account(owner, "acme.example")
	ctx := t.Context()
	calls := map[string]struct {
		needs models.Permission
		call  func(ws *models.Workspace) error
	}{
		"Accounts": {models.ReadAccounts, func(ws *models.Workspace) error { return second(ws.Accounts(ctx)) }},
		"Account":  {models.ReadAccounts, func(ws *models.Workspace) error { return second(ws.Account(ctx, a.ID)) }},
		"KeepConnection": {models.ManageAccounts, func(ws *models.Workspace) error {
			return second(ws.KeepConnection(ctx, models.Connection{Network: "bluesky"}))
		}},
		"Disconnect": {models.ManageAccounts, func(ws *models.Workspace) error { return second(ws.Disconnect(ctx, uuid.New())) }},
		"BeginConnect": {models.ManageAccounts, func(ws *models.Workspace) error {
			return ws.BeginConnect(ctx, &models.Session{Token: models.NewToken()}, nothing)
		}},
		"CreateDraft":   {models.WriteDrafts, func(ws *models.Workspace) error { return second(ws.CreateDraft(ctx, text("x"))) }},
		"UpdatePost":    {models.WriteDrafts, func(ws *models.Workspace) error { return ws.UpdatePost(ctx, uuid.New(), text("x")) }},
		"DeletePost":    {models.WriteDrafts, func(ws *models.Workspace) error { return ws.DeletePost(ctx, uuid.New()) }},
		"DuplicatePost": {models.WriteDrafts, func(ws *models.Workspace) error { return second(ws.DuplicatePost(ctx, uuid.New())) }},
		"Post":          {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.Post(ctx, uuid.New())) }},
		"PostPage":      {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.PostPage(ctx, uuid.New())) }},
		"Schedule":      {models.PublishPosts, func(ws *models.Workspace) error { return second(ws.Schedule(ctx, nil, text("x"), tomorrow("10:00"))) }},
		"Record":        {models.PublishPosts, func(ws *models.Workspace) error { return second(ws.Record(ctx, text("x"), tomorrow("10:00").At, nil)) }},
		"Occurrence":    {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.Occurrence(ctx, uuid.New())) }},
		"DeliveryPlace": {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.DeliveryPlace(ctx, uuid.New())) }},
		"MovePost":      {models.PublishPosts, func(ws *models.Workspace) error { return ws.MovePost(ctx, uuid.New(), tomorrow("10:00")) }},
		"CancelPost":    {models.PublishPosts, func(ws *models.Workspace) error { return ws.CancelPost(ctx, uuid.New()) }},
		"Do":            {models.PublishPosts, func(ws *models.Workspace) error { return ws.Do(ctx, uuid.New(), models.ActRetry) }},
		"Review":        {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.Review(ctx, text("x"))) }},
		"Calendar":      {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.Calendar(ctx, "2026-11-01", 7, 0, models.Filter{})) }},
		"List":          {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.List(ctx, models.Filter{}, false, "", 5)) }},
		"Drafts":        {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.Drafts(ctx, 5)) }},
		"Frame":         {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.Frame(ctx)) }},
		"Members":       {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.Members(ctx)) }},
		"ChangeRole":    {models.ManagePeople, func(ws *models.Workspace) error { return ws.ChangeRole(ctx, uuid.New(), models.Viewer) }},
		"RemoveMember":  {models.ManagePeople, func(ws *models.Workspace) error { return ws.RemoveMember(ctx, uuid.New()) }},
		"Leave":         {models.ReadPosts, func(ws *models.Workspace) error { return ws.Leave(ctx) }}, // refused to the last owner, by a conflict
		"TransferOwnership": {models.ManageOwners, func(ws *models.Workspace) error {
			return ws.TransferOwnership(ctx, uuid.New())
		}},
		"Invite": {models.ManagePeople, func(ws *models.Workspace) error {
			return second(ws.Invite(ctx, models.Invites{Emails: "nobody", Role: models.Viewer, Days: 7}))
		}},
		"Invitations":          {models.ManagePeople, func(ws *models.Workspace) error { return second(ws.Invitations(ctx)) }},
		"ResendInvitation":     {models.ManagePeople, func(ws *models.Workspace) error { return ws.ResendInvitation(ctx, uuid.New()) }},
		"RevokeInvitation":     {models.ManagePeople, func(ws *models.Workspace) error { return ws.RevokeInvitation(ctx, uuid.New()) }},
		"RenameOrganization":   {models.ManageOrganization, func(ws *models.Workspace) error { return ws.RenameOrganization(ctx, "") }},
		"ChangeDefaults":       {models.ManageOrganization, func(ws *models.Workspace) error { return ws.ChangeDefaults(ctx, models.OrganizationDefaults{}) }},
		"SetLogo":              {models.ManageOrganization, func(ws *models.Workspace) error { return ws.SetLogo(ctx, strings.NewReader("x")) }},
		"RemoveLogo":           {models.ManageOrganization, func(ws *models.Workspace) error { return ws.RemoveLogo(ctx) }},
		"Usage":                {models.ManageBilling, func(ws *models.Workspace) error { return second(ws.Usage(ctx)) }},
		"InvoiceDetails":       {models.ManageBilling, func(ws *models.Workspace) error { return second(ws.InvoiceDetails(ctx)) }},
		"ChangeInvoiceDetails": {models.ManageBilling, func(ws *models.Workspace) error { return ws.ChangeInvoiceDetails(ctx, models.InvoiceDetails{}) }},
		"NoteAuditExport":      {models.ManageOrganization, func(ws *models.Workspace) error { return ws.NoteAuditExport(ctx, "csv") }},
		"AuditLog":             {models.ManageOrganization, func(ws *models.Workspace) error { return second(ws.AuditLog(ctx, models.AuditFilter{}, 0, 5)) }},
		"AuditChoices":         {models.ManageOrganization, func(ws *models.Workspace) error { return second2(ws.AuditChoices(ctx)) }},
		"Library":              {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.Library(ctx, uuid.Nil, 5)) }},
		"Medium":               {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.Medium(ctx, uuid.New())) }},
		"MediaOf":              {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.MediaOf(ctx, nil)) }},
		"OpenMedium":           {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.OpenMedium(ctx, uuid.New(), models.Thumb)) }},
		"StartUpload":          {models.ManageMedia, func(ws *models.Workspace) error { return second(ws.StartUpload(ctx, 5)) }},
		"AppendUpload": {models.ManageMedia, func(ws *models.Workspace) error {
			return second(ws.AppendUpload(ctx, uuid.New(), 0, strings.NewReader("x")))
		}},
		"FinishUpload":      {models.ManageMedia, func(ws *models.Workspace) error { return second(ws.FinishUpload(ctx, uuid.New(), "x")) }},
		"AddMedia":          {models.ManageMedia, func(ws *models.Workspace) error { return second(ws.AddMedia(ctx, "x", "", strings.NewReader("x"))) }},
		"DescribeMedium":    {models.ManageMedia, func(ws *models.Workspace) error { return ws.DescribeMedium(ctx, uuid.New(), "x") }},
		"DeleteMedium":      {models.ManageMedia, func(ws *models.Workspace) error { return ws.DeleteMedium(ctx, uuid.New()) }},
		"CreateAPIKey":      {models.UseAPIKeys, func(ws *models.Workspace) error { return second2(ws.CreateAPIKey(ctx, models.NewAPIKey{})) }},
		"APIKeys":           {models.UseAPIKeys, func(ws *models.Workspace) error { return second(ws.APIKeys(ctx)) }},
		"RevokeAPIKey":      {models.UseAPIKeys, func(ws *models.Workspace) error { return ws.RevokeAPIKey(ctx, uuid.New()) }},
		"MembersAfter":      {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.MembersAfter(ctx, models.OrganizationMember{}, 5)) }},
		"OneMember":         {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.OneMember(ctx, uuid.New())) }},
		"PatchOrganization": {models.ManageOrganization, func(ws *models.Workspace) error { return ws.PatchOrganization(ctx, models.OrganizationPatch{}) }},
		"Notifications":     {models.ReadNotification, func(ws *models.Workspace) error { return second2(ws.Notifications(ctx, 5)) }},
		"FactorRequired":    {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.FactorRequired(ctx)) }},
		"RequireFactor":     {models.ManageOrganization, func(ws *models.Workspace) error { return ws.RequireFactor(ctx, false) }},
		"ExportAll":         {models.EndOrganization, func(ws *models.Workspace) error { return ws.ExportAll(ctx) }},
		"Delete":            {models.EndOrganization, func(ws *models.Workspace) error { return ws.Delete(ctx, "another name", "") }},
		"ReadNotifications": {models.ReadNotification, func(ws *models.Workspace) error { return ws.ReadNotifications(ctx) }},
		"AskApproval": {models.WriteDrafts, func(ws *models.Workspace) error {
			return second(ws.AskApproval(ctx, nil, text("x"), tomorrow("10:00"), ""))
		}},
		"Approve":          {models.ApprovePosts, func(ws *models.Workspace) error { return ws.Approve(ctx, uuid.New(), 1, nil) }},
		"AskChanges":       {models.ApprovePosts, func(ws *models.Workspace) error { return ws.AskChanges(ctx, uuid.New(), 1, "x") }},
		"WithdrawApproval": {models.WriteDrafts, func(ws *models.Workspace) error { return ws.WithdrawApproval(ctx, uuid.New()) }},
		"MustAsk":          {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.MustAsk(ctx, nil, nil)) }},
		"InReview":         {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.InReview(ctx, 5)) }},
		"ApprovalRules":    {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.ApprovalRules(ctx)) }},
		"SetApprovalRules": {models.ManageOrganization, func(ws *models.Workspace) error { return ws.SetApprovalRules(ctx, models.ApprovalRules{}) }},
		"AccountRules":     {models.ReadAccounts, func(ws *models.Workspace) error { return second(ws.AccountRules(ctx)) }},
		"SetAccountRule": {models.ManageAccounts, func(ws *models.Workspace) error {
			return ws.SetAccountRule(ctx, uuid.New(), models.AccountAlways)
		}},
		"SendReview": {models.ApprovePosts, func(ws *models.Workspace) error {
			return second(ws.SendReview(ctx, uuid.New(), models.Invitee{Name: "C", Email: "c@example.com"}))
		}},
		"RevokeReview": {models.ApprovePosts, func(ws *models.Workspace) error { return ws.RevokeReview(ctx, uuid.New(), uuid.New()) }},
		"AddComment": {models.WriteComments, func(ws *models.Workspace) error {
			return second(ws.AddComment(ctx, models.NewComment{Post: uuid.New(), Body: "x"}))
		}},
		"EditComment":    {models.WriteComments, func(ws *models.Workspace) error { return ws.EditComment(ctx, uuid.New(), uuid.New(), "x") }},
		"DeleteComment":  {models.WriteComments, func(ws *models.Workspace) error { return ws.DeleteComment(ctx, uuid.New(), uuid.New()) }},
		"ResolveComment": {models.WriteComments, func(ws *models.Workspace) error { return ws.ResolveComment(ctx, uuid.New(), uuid.New(), true) }},
		"Versions":       {models.ReadPosts, func(ws *models.Workspace) error { return second(ws.Versions(ctx, uuid.New())) }},
		"RestoreVersion": {models.WriteDrafts, func(ws *models.Workspace) error { return ws.RestoreVersion(ctx, uuid.New(), 1, 0) }},
		"Editing":        {models.WriteDrafts, func(ws *models.Workspace) error { return second(ws.Editing(ctx, uuid.New())) }},
	}
	checkAllMethodsListed(t, calls)
	for name, c := range calls {
		for _, role := range models.Roles {
			ws := *owner
			ws.Role = role
			refused := models.CodeOf(c.call(&ws)) == models.Forbidden
			if want := !slices.Contains(models.WhoMay(c.needs), role); refused != want {
				t.Errorf("%s as %s: refused is %v, want %v", name, role, refused, want)
			}
		}
	}
}

func nothing(string) (models.Connecting, error) { return models.Connecting{}, context.Canceled }

func second2[T, U any](_ T, _ U, err error) error { return err }
