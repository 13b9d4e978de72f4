package models_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/all"
)

// ledger does acts one after the other and looks at what each has left in the
// audit log.
type ledger struct {
	*world
	ctx    context.Context // of somebody with an address
	seen   map[string]int  // acts, and how often
	mailed []string
}

const actAddress, actAgent = "203.0.113.7", "Test browser"

func newLedger(t *testing.T) *ledger {
	w := newWorldOn(t, database(t), func(c *models.Config) {
		c.Networks, c.Settings.Limits = all.New(all.Config{HTTP: http.DefaultClient, Now: time.Now}), false
	})
	return &ledger{world: w, ctx: models.WithOrigin(t.Context(), models.Origin{Address: actAddress, Agent: actAgent}), seen: map[string]int{}}
}

// by is who does an act, and in which organization; zero: outside of all.
type by struct {
	kind         models.ActorKind
	id           uuid.UUID
	organization uuid.UUID
}

func person(id uuid.UUID) by { return by{kind: models.ActorPerson, id: id} }

func member(ws *models.Workspace) by {
	return by{kind: models.ActorPerson, id: ws.Member.ID, organization: ws.Organization.ID}
}

var terminal, newcomer, anybody = by{kind: models.ActorSystem}, by{kind: models.ActorPerson}, by{kind: models.ActorGuest}

// hidden is what no line may hold: names, addresses and secrets of those who act.
var hidden = regexp.MustCompile(`(?i)@|annabel|roberta|acme|umbrella|cleo|newton|correct horse|walk by the sea|s3cret|allin_key|"(name|email|secret|password|token|hash|code)":|[\w-]{43}`)

// changes are acts whose line says how it was and how it is.
var changes = []string{"user.platform_role_changed", "setting.changed", "member.role_changed", "organization.defaults_changed", "organization.changed",
	"organization.second_factor_required", "approval.rules_changed", "account.approval_changed"}

// did does something that has to leave exactly these lines.
func (l *ledger) did(who by, do func() error, acts ...string) {
	l.t.Helper()
	ctx := l.t.Context()
	var before int
	super(l.t, l.dsn, `select count(*) from audit`, &before)
	if err := do(); err != nil {
		l.t.Fatalf("%v: %v", acts, err)
	}
	type line struct {
		Act, Object, Kind, Details string
		Actor, Organization        *uuid.UUID
		Address, Agent, Name       string
	}
	var list []line
	must(l.t, l.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select a.act, a.object, a.actor_kind, a.details::text, a.actor_id, a.organization_id, coalesce(t.address, ''), coalesce(t.agent, ''),
			coalesce(t.actor_name, '') from audit a left join audit_traces t on t.audit_id = a.id order by a.at, a.seq offset $1`, before)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[line])
		return err
	}))
	var found []string
	for _, a := range list {
		found = append(found, a.Act)
		l.seen[a.Act]++
		if a.Kind != string(who.kind) || who.id != uuid.Nil && (a.Actor == nil || *a.Actor != who.id) || who == newcomer && a.Actor == nil {
			l.t.Errorf("%s was done by %s %v, it says %s %v", a.Act, who.kind, who.id, a.Kind, a.Actor)
		}
		if who.organization != uuid.Nil && (a.Organization == nil || *a.Organization != who.organization) {
			l.t.Errorf("%s does not name its organization", a.Act)
		}
		// Whose account is deleted leaves no address behind.
		if from := a.Address == actAddress && a.Agent == actAgent; from == (who == terminal) && a.Act != "user.deleted" {
			l.t.Errorf("%s came from %q, %q", a.Act, a.Address, a.Agent)
		}
		if said := hidden.FindString(a.Object + " " + a.Details); said != "" {
			l.t.Errorf("%s tells %q: %s %s", a.Act, said, a.Object, a.Details)
		}
		if slices.Contains(changes, a.Act) {
			var d map[string]any
			must(l.t, json.Unmarshal([]byte(a.Details), &d))
			if x, y := d["before"], d["after"]; x == nil || y == nil || string(encoded(x)) == string(encoded(y)) && d["renamed"] != true {
				l.t.Errorf("%s says %s", a.Act, a.Details)
			}
		}
	}
	slices.Sort(found)
	slices.Sort(acts)
	if !slices.Equal(found, acts) {
		l.t.Errorf("the log has %v for %v", found, acts)
	}
}

func encoded(v any) []byte { b, _ := json.Marshal(v); return b }

// token is what the newest mail with such a link carries.
func (l *ledger) token(path string) string {
	l.t.Helper()
	for _, id := range l.due() {
		m, err := l.Install("mail").ClaimMail(l.ctx, id)
		must(l.t, err)
		l.mailed = append(l.mailed, string(m.Content))
	}
	link := regexp.MustCompile(`https://allin\.example/` + path + `/([\w-]{43})`)
	for _, content := range slices.Backward(l.mailed) {
		if m := link.FindStringSubmatch(content); m != nil {
			return m[1]
		}
	}
	l.t.Fatalf("no mail leads to %s", path)
	return ""
}

// S63: whatever is sensitive and done leaves one line each, which tells who did
// it, in which organization, what, and from where, and no name and no secret.
func TestS63EverySensitiveAct(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	l.ofPeople()
	l.ofFactors()
	ws := l.ofOrganizations()
	l.ofMembers(ws)
	l.ofPosts(ws)
	l.ofPrograms(ws)
	l.ofTheConsole()
	l.ofGoing()
	if n := len(l.seen); n < 80 {
		t.Errorf("only %d kinds of acts were done", n)
	}
	if rows, broken, err := l.Install("test").VerifyAudit(l.ctx); err != nil || len(broken) != 0 {
		t.Errorf("%d rows, broken %v, %v", rows, broken, err)
	}
	t.Logf("%d kinds of acts", len(l.seen))
}

// signUp makes somebody with an organization.
func (l *ledger) signUp(name string) (*models.Person, *models.Session) {
	var p *models.Person
	l.did(newcomer, func() (err error) {
		p, err = l.Install("test").SignUp(l.ctx, models.SignUp{Name: name, Email: strings.ToLower(name) + "@example.com", Password: "correct horse",
			Organization: name + " Umbrella", Zone: "UTC"}, actAddress)
		return err
	}, "person.signed_up")
	return p, l.signedIn(p)
}

func (l *ledger) ofPeople() {
	ctx, install := l.ctx, l.Install("test")
	ann, se := l.signUp("Annabel")
	me := person(ann.User.ID)
	l.did(me, func() error { return install.Arrive(ctx, ann, models.NewToken(), "password") }, "session.signed_in")
	l.did(me, func() error { return install.Prove(ctx, se, "password") }, "session.proved")
	other := l.signedIn(ann)
	l.did(me, func() error { return ann.RevokeDevice(ctx, hex.EncodeToString(other.ID())) }, "session.revoked")
	other = l.signedIn(ann)
	l.did(me, func() error { return ann.RevokeOtherDevices(ctx, se.Token) }, "session.revoked_others")
	l.did(me, func() error { return ann.ChangePassword(ctx, se, "a long walk by the sea") }, "password.changed")
	l.did(me, func() error { return ann.AskEmail(ctx, "annabel.newton@example.com") }, "email.change_asked")
	confirm := l.token("email/confirm")
	l.did(me, func() error { return install.ConfirmEmail(ctx, confirm) }, "email.changed")
	undo := l.token("email/undo")
	l.did(me, func() error { return install.UndoEmail(ctx, undo) }, "email.change_undone")
	must(l.t, install.AskReset(ctx, "annabel@example.com", actAddress))
	reset := l.token("reset")
	l.did(me, func() error { return second(install.ResetPassword(ctx, reset, "correct horse walks")) }, "password.reset")
	l.did(terminal, func() error { return second(install.ResetFor(l.t.Context(), "annabel@example.com")) }, "password.reset_printed")
	l.did(terminal, func() error { return second(install.InviteAdmin(l.t.Context(), "newton@example.com")) }, "admin.invited")
	again := l.signedIn(ann)
	l.did(me, func() error { return install.EndSession(ctx, again.Token) }, "session.ended")
	l.did(me, func() error { return ann.Export(ctx, nil) }, "data.export_requested")
	l.sql(`update exports set lease_until = null`)
	list, err := ann.Exports(ctx)
	must(l.t, err)
	must(l.t, install.MakeExport(ctx, list[0].ID))
	l.did(me, func() error {
		a, err := ann.OpenExport(ctx, list[0].ID)
		if err == nil {
			err = a.Close()
		}
		return err
	}, "data.export_downloaded")

	google := models.Identity{Provider: "google", Issuer: "https://accounts.google.com", Subject: "1", Email: "newton@gmail.example", Verified: true, Name: "Newton"}
	l.did(me, func() error { return ann.LinkIdentity(ctx, google) }, "identity.linked")
	ways, err := ann.SignInWays(ctx)
	must(l.t, err)
	l.did(me, func() error { return ann.UnlinkIdentity(ctx, ways.Identities[0].ID) }, "identity.unlinked")
	must(l.t, install.SetSignUpPolicy(ctx, models.SignUpOpen))
	token, _, err := install.Meet(ctx, google, "/")
	must(l.t, err)
	l.did(newcomer, func() error {
		_, _, err := install.SignUpByIdentity(ctx, token, models.SignUp{Name: "Newton", Organization: "Umbrella", Zone: "UTC"})
		return err
	}, "person.signed_up", "identity.linked")
}

func (l *ledger) ofFactors() {
	ctx, install, t := l.ctx, l.Install("test"), l.t.(*testing.T)
	p, se := l.signUp("Roberta")
	me := person(p.User.ID)
	told, err := p.SetUpTOTP(ctx)
	must(t, err)
	var codes []string
	l.did(me, func() (err error) { codes, err = p.TurnOnTOTP(ctx, se, code(t, told.Secret, -1)); return err }, "factor.added")
	token, err := install.BeginFactor(ctx, models.Entering{Person: p, How: "password", Next: "/"})
	must(t, err)
	l.did(me, func() error { return second(install.PassCode(ctx, token, codes[0])) }, "recovery_code.used")
	l.did(me, func() error { return second(p.RenewRecoveryCodes(ctx)) }, "recovery_codes.renewed")
	d := newDevice()
	d.holds(p)
	c, err := p.BeginPasskey(ctx)
	must(t, err)
	l.did(me, func() error { return second(p.AddPasskey(ctx, se, c.Token, "Roberta's laptop", d.create(t, c))) }, "passkey.added")
	l.did(me, func() error { return p.TurnOffTOTP(ctx, se) }, "factor.removed")
	ways, err := p.SignInWays(ctx)
	must(t, err)
	l.did(me, func() error { return p.RemovePasskey(ctx, se, ways.Passkeys[0].ID) }, "passkey.removed")
}

func (l *ledger) ofOrganizations() *models.Workspace {
	ctx := l.ctx
	p, se := l.signUp("Acme")
	var id uuid.UUID
	l.did(person(p.User.ID), func() (err error) { id, err = p.CreateOrganization(ctx, "Acme Umbrella", "UTC"); return err }, "organization.created")
	ws, err := p.Workspace(ctx, id)
	must(l.t, err)
	me := member(ws)
	l.did(me, func() error { return ws.RenameOrganization(ctx, "Acme Two") }, "organization.renamed")
	l.did(me, func() error {
		return ws.ChangeDefaults(ctx, models.OrganizationDefaults{Zone: "Europe/Paris", WeekStart: time.Sunday, PostingTime: "11:00"})
	}, "organization.defaults_changed")
	l.did(me, func() error { return ws.SetLogo(ctx, square(l.t)) }, "organization.logo_changed")
	l.did(me, func() error { return ws.RemoveLogo(ctx) }, "organization.logo_removed")
	zone := "Europe/Rome"
	l.did(me, func() error { return ws.PatchOrganization(ctx, models.OrganizationPatch{TimeZone: &zone}) }, "organization.changed")
	l.did(me, func() error {
		return ws.ChangeInvoiceDetails(ctx, models.InvoiceDetails{Company: "Acme", Address: "Newton Road 1", Email: "acme@example.com"})
	}, "invoice_details.changed")
	told, err := p.SetUpTOTP(ctx)
	must(l.t, err)
	l.did(person(p.User.ID), func() error { return second(p.TurnOnTOTP(ctx, se, code(l.t, told.Secret, -1))) }, "factor.added")
	l.did(me, func() error { return ws.RequireFactor(ctx, true) }, "organization.second_factor_required")
	l.did(me, func() error { return ws.RequireFactor(ctx, false) }, "organization.second_factor_required")
	l.did(me, func() error { return ws.ExportAll(ctx) }, "organization.export_requested")
	l.did(me, func() error { return ws.NoteAuditExport(ctx, "csv") }, "audit.exported")

	ended, err := p.CreateOrganization(ctx, "Umbrella", "UTC")
	must(l.t, err)
	going, err := p.Workspace(ctx, ended)
	must(l.t, err)
	l.did(member(going), func() error { return going.Delete(ctx, "Umbrella", "correct horse") }, "organization.deleted")
	l.did(member(going), func() error { return p.Restore(ctx, ended) }, "organization.restored")
	return ws
}

func square(t testing.TB) io.Reader {
	t.Helper()
	var b bytes.Buffer
	must(t, png.Encode(&b, image.NewRGBA(image.Rect(0, 0, 16, 16))))
	return &b
}

func (l *ledger) ofMembers(ws *models.Workspace) {
	ctx, install, me := l.ctx, l.Install("test"), member(ws)
	invite := func(email string) string {
		l.did(me, func() error {
			return second(ws.Invite(ctx, models.Invites{Emails: email, Role: models.Editor, Days: 7}))
		}, "invitation.sent")
		return l.token("invitations")
	}
	open := func() uuid.UUID {
		list, err := ws.Invitations(ctx)
		must(l.t, err)
		return list[0].ID
	}
	invite("newton.two@example.com")
	l.did(me, func() error { return ws.ResendInvitation(ctx, open()) }, "invitation.sent_again")
	l.did(me, func() error { return ws.RevokeInvitation(ctx, open()) }, "invitation.revoked")
	token := invite("newton.two@example.com")
	refused := anybody
	refused.organization = ws.Organization.ID
	l.did(refused, func() error { return second(install.Decline(ctx, token)) }, "invitation.declined")
	token = invite("newton.two@example.com")
	l.did(newcomer, func() error {
		_, _, err := install.JoinAsNew(ctx, token, models.Newcomer{Name: "Newton", Password: "correct horse", Zone: "UTC"}, actAddress)
		return err
	}, "person.signed_up", "invitation.accepted")
	bob, _ := l.signUp("RobertaTwo")
	token = invite("robertatwo@example.com")
	l.did(by{models.ActorPerson, bob.User.ID, ws.Organization.ID}, func() error { return second(bob.Join(ctx, token, false)) }, "invitation.accepted")
	l.did(me, func() error { return ws.ChangeRole(ctx, bob.User.ID, models.Viewer) }, "member.role_changed")
	theirs, err := bob.Workspace(ctx, ws.Organization.ID)
	must(l.t, err)
	l.did(member(theirs), func() error { return theirs.Leave(ctx) }, "member.left")
	eve := l.userID("newton.two@example.com")
	l.did(me, func() error { return ws.TransferOwnership(ctx, eve) }, "ownership.transferred")
	l.sql(`update memberships set role = 'OWNER' where user_id = '` + ws.Member.ID.String() + `'`)
	l.did(me, func() error { return ws.RemoveMember(ctx, eve) }, "member.removed")
}

func (l *ledger) ofPosts(ws *models.Workspace) {
	ctx, me := l.ctx, member(ws)
	connection := models.Connection{Network: "bluesky", Site: "https://bsky.social", Profile: networks.Profile{RemoteID: "did:plc:acme", Handle: "acme.example", Name: "Acme"},
		Token: networks.Token{Access: "s3cret-access", Refresh: "s3cret-refresh"}}
	var a *models.Account
	keep := func() (err error) { a, err = ws.KeepConnection(ctx, connection); return err }
	l.did(me, keep, "account.connected")
	l.did(me, keep, "account.reconnected")
	l.did(me, func() error { return ws.SetAccountRule(ctx, a.ID, models.AccountAlways) }, "account.approval_changed")
	l.did(me, func() error {
		return ws.SetApprovalRules(ctx, models.ApprovalRules{Posts: models.ApproveMembers, Roles: models.WhoMay(models.ApprovePosts), GuestDecides: true})
	}, "approval.rules_changed")
	ask := func(words string) (id uuid.UUID) {
		l.did(me, func() (err error) {
			id, err = ws.AskApproval(ctx, nil, text(words, a), tomorrow("10:00"), "Newton, look")
			return err
		}, "approval.asked")
		return id
	}
	id := ask("s3cret plan")
	l.did(me, func() error { return ws.AskChanges(ctx, id, l.post(ws, id).Post.Version, "Roberta says no") }, "approval.changes")
	id = ask("another s3cret")
	l.did(me, func() error { return ws.WithdrawApproval(ctx, id) }, "approval.withdrawn")
	id = ask("a third s3cret")
	var link string
	l.did(me, func() (err error) {
		link, err = ws.SendReview(ctx, id, models.Invitee{Name: "Cleo Client", Email: "cleo@client.example"})
		return err
	}, "review.sent")
	g, err := l.Install("test").Guest(ctx, strings.TrimPrefix(link, "https://allin.example/review/"), actAddress)
	must(l.t, err)
	sent := l.post(ws, id).Discussion.Links[0].ID
	cleo := by{models.ActorGuest, sent, ws.Organization.ID}
	l.did(cleo, func() error { return g.Comment(ctx, "Who is s3cret?") }, "comment.added")
	l.did(cleo, func() error { return second(g.Decide(ctx, l.post(ws, id).Post.Version, true, "s3cret yes")) }, "approval.approved")
	l.did(me, func() error { return ws.RevokeReview(ctx, id, sent) }, "review.revoked")
	id = ask("a fourth s3cret")
	l.did(me, func() error { return ws.Approve(ctx, id, l.post(ws, id).Post.Version, nil) }, "approval.approved")
	l.did(me, func() error { return ws.CancelPost(ctx, l.post(ws, id).Occurrences[0].ID) }, "post.canceled")
	l.did(me, func() error { return ws.DeletePost(ctx, id) }, "post.deleted")
	must(l.t, ws.SetAccountRule(ctx, a.ID, models.AccountNever))
	for act, is := range map[models.Act][2]string{models.ActCancel: {"scheduled", "delivery.canceled"}, models.ActRetry: {"failed", "delivery.retried"},
		models.ActLookAgain: {"unknown", "delivery.looked_at_again"}, models.ActSendAgain: {"unknown", "delivery.sent_again"}, models.ActConfirmLive: {"unknown", "delivery.confirmed_live"}} {
		id, err := ws.Schedule(ctx, nil, text("s3cret of "+string(act), a), tomorrow("12:00"))
		must(l.t, err)
		delivery := l.post(ws, id).Occurrences[0].Deliveries[0].ID
		l.sql(`update deliveries set state = '` + is[0] + `', fence = 1 where id = '` + delivery.String() + `'`)
		l.did(me, func() error { return ws.Do(ctx, delivery, act) }, is[1])
	}
	m, err := ws.AddMedia(ctx, "acme.png", "Newton", square(l.t))
	must(l.t, err)
	l.did(me, func() error { return ws.DeleteMedium(ctx, m.ID) }, "media.deleted")
	l.did(me, func() error { return second(ws.Disconnect(ctx, a.ID)) }, "account.disconnected")
}

func (l *ledger) ofPrograms(ws *models.Workspace) {
	ctx, install, me := l.ctx, l.Install("test"), person(ws.Member.ID)
	p := l.world.person(ws)
	var t *models.Tokens
	open := func() (err error) { t, err = install.OpenFamily(ctx, p, ws.Organization.ID); return err }
	l.did(me, open, "token.issued")
	l.did(me, func() error { return install.EndFamily(ctx, t.Refresh) }, "token.revoked")
	l.did(me, open, "token.issued")
	must(l.t, second(install.Refresh(ctx, t.Refresh)))
	l.age(11)
	l.did(me, func() error {
		if _, err := install.Refresh(ctx, t.Refresh); models.CodeOf(err) != models.Unauthenticated {
			l.t.Errorf("a refresh token twice: %v", err)
		}
		return nil
	}, "token.reused")
	var key *models.APIKey
	l.did(member(ws), func() (err error) {
		key, _, err = ws.CreateAPIKey(ctx, models.NewAPIKey{Name: "Acme's reports", Scopes: models.Scopes(), Days: 30})
		return err
	}, "api_key.created")
	// What a program does with it is the key's.
	by := by{models.ActorKey, key.ID, ws.Organization.ID}
	zone := "Europe/Madrid"
	program := models.WithOrigin(ctx, models.Origin{Address: actAddress, Agent: actAgent, Key: key.ID})
	l.did(by, func() error { return ws.PatchOrganization(program, models.OrganizationPatch{TimeZone: &zone}) }, "organization.changed")
	l.did(member(ws), func() error { return ws.RevokeAPIKey(ctx, key.ID) }, "api_key.revoked")
}

func (l *ledger) ofTheConsole() {
	ctx, install := l.ctx, l.Install("test")
	root := l.console("Root", models.SuperAdmin)
	me := person(root.Admin.ID)
	ws := l.organization("Newton")
	here := by{models.ActorPerson, root.Admin.ID, ws.Organization.ID}
	user, org := ws.Member.ID, ws.Organization.ID
	l.did(me, func() error { return root.SuspendPerson(ctx, user) }, "user.suspended")
	l.did(me, func() error { return root.UnsuspendPerson(ctx, user) }, "user.unsuspended")
	l.did(me, func() error { return second(root.EndSessions(ctx, user)) }, "user.sessions_ended")
	l.did(me, func() error { return root.ChangePlatformRole(ctx, user, models.PlatformAdmin) }, "user.platform_role_changed")
	l.did(here, func() error { return root.SuspendOrganization(ctx, org, "a reason") }, "organization.suspended")
	l.did(here, func() error { return root.UnsuspendOrganization(ctx, org) }, "organization.unsuspended")
	l.did(me, func() error { return root.SetSignUp(ctx, models.SignUpClosed) }, "setting.changed")
	l.did(me, func() error { return root.SetApp(ctx, "x", "acme-id", "s3cret") }, "app.changed")
	l.did(me, func() error { return root.ForgetApp(ctx, "x") }, "app.removed")
	l.did(me, func() error {
		return root.SendBySMTP(ctx, "post@mail.example", mail.SMTP{Host: "smtp.mail.example", Port: 587, User: "acme", Password: "s3cret", Security: mail.StartTLS})
	}, "mail.set")
	var id uuid.UUID
	l.did(me, func() (err error) { id, err = root.SendTestMail(ctx); return err }, "mail.tested")
	l.did(me, func() error { _, _, err := root.OpenMail(ctx, id); return err }, "mail.opened")
	l.sql(`update mails set state = 'failed', next_at = null where id = '` + id.String() + `'`)
	l.did(me, func() error { return root.RetryMail(ctx, id) }, "mail.retried")
	l.did(me, func() error { return root.KeepMails(ctx) }, "mail.set")
	l.did(me, func() error {
		return root.ExportAudit(ctx, models.ConsoleAuditFilter{}, "csv", func(models.ConsoleAuditLine) error { return nil })
	}, "audit.exported")
	l.did(me, func() error { _, _, err := root.VerifyAudit(ctx); return err }, "audit.verified")
	l.sql(`update installation set held_at = now(), held_reason = 'test'`)
	epoch := filepath.Join(l.t.TempDir(), "epoch")
	l.did(me, func() error { return root.ReleaseHold(ctx, epoch) }, "hold.released")
	l.did(terminal, func() error { return install.NoteKeys(l.t.Context(), "keys.rotated", map[string]any{"keys": 2}) }, "keys.rotated")
	l.did(terminal, func() error { return install.NoteKeys(l.t.Context(), "keys.dropped", map[string]any{"dropped": 1}) }, "keys.dropped")
	must(l.t, install.SetSignUpPolicy(ctx, models.SignUpOpen))
}

func (l *ledger) ofGoing() {
	p, _ := l.signUp("AnnabelTwo")
	l.did(person(p.User.ID), func() error { return p.Delete(l.ctx, "correct horse") }, "user.deleted")
}
