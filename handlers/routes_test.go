package handlers_test

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/internal/mail"
	"github.com/allin-platform/allin/models"
)

const secret = "Annas Geheimnis"

// things are what an organization has, made anew for each knock.
type things struct {
	w                                      *world
	ws                                     *models.Workspace
	draft, post, occurrence, delivery      uuid.UUID
	account, fresh, medium, unused, helper uuid.UUID
	device, notice, mail                   string
	passkey, identity, review              string
	teams                                  *teamThings // made when the first route asks for them
	export, key, asked, comment, link      uuid.UUID
}

func (w *world) things(ws *models.Workspace, account uuid.UUID, n int) *things {
	ctx, t := w.t.Context(), w.t
	th := &things{w: w, ws: ws, account: account, helper: uuid.New(), fresh: w.account(ws, "ann_"+itoa(n)).ID}
	w.sql(`insert into users (id, email, name, password_hash) values ($1, $2, 'Helper', '')`, th.helper, itoa(n)+"@helpers.example.com")
	w.sql(`insert into memberships (organization_id, user_id, role) values ($1, $2, 'MEMBER')`, ws.Organization.ID, th.helper)
	w.sql(`delete from approval_rules where organization_id = $1`, ws.Organization.ID) // so that all of its approvers may
	th.device, th.notice = w.deviceOf(ws.Member.ID, "device"+itoa(n)), w.noticeOf(ws, ws.Member.ID)
	th.identity, th.export, th.mail = w.identityOf(ws.Member.ID), w.exportOf(ws.Member.ID), w.failedMail()
	th.passkey = uuid.NewString()
	w.sql(`insert into passkeys (id, user_id, credential, record, name) values ($1, $2, $3, '{}', 'Key')`, th.passkey, th.helper, []byte(th.passkey))
	w.sql(`delete from api_keys where name = 'Key' and organization_id = $1`, ws.Organization.ID)
	th.key = w.keyOf(ws.Organization.ID, ws.Member.ID)
	m, err := ws.AddMedia(ctx, "a.png", "", strings.NewReader(string(picture(8, 8))))
	must(t, err)
	th.medium = m.ID
	m, err = ws.AddMedia(ctx, "b.png", "", strings.NewReader(string(picture(9, 9))))
	must(t, err)
	th.unused = m.ID
	c := composition(secret, account)
	c.Content.Parts[0].Media = []uuid.UUID{th.medium}
	th.draft, err = ws.CreateDraft(ctx, c)
	must(t, err)
	th.post, err = ws.Schedule(ctx, nil, composition(secret+" later", account), models.When{At: models.Wall{Date: in(3), Time: "10:00", Zone: "Europe/Berlin"}})
	must(t, err)
	page, err := ws.PostPage(ctx, th.post)
	must(t, err)
	th.occurrence, th.delivery = page.Occurrences[0].ID, page.Occurrences[0].Deliveries[0].ID
	c.Content.Parts[0].Text = secret + " asked"
	th.asked, err = ws.AskApproval(ctx, nil, c, models.When{At: models.Wall{Date: in(4), Time: "10:00", Zone: "Europe/Berlin"}}, "")
	must(t, err)
	th.comment, err = ws.AddComment(ctx, models.NewComment{Post: th.asked, Body: secret + " said"})
	must(t, err)
	address, err := ws.SendReview(ctx, th.asked, models.Invitee{Name: "Cleo", Email: "cleo@client.example"})
	must(t, err)
	th.review = strings.TrimPrefix(address, w.base)
	page, err = ws.PostPage(ctx, th.asked)
	must(t, err)
	th.link = page.Discussion.Links[0].ID
	return th
}

// deviceOf is another browser that somebody is signed in with.
func (w *world) deviceOf(user uuid.UUID, token string) string {
	w.sql(`insert into sessions (id, user_id, data, expires_at) values (sha256($1::bytea), $2, '{}', now() + interval '1 hour')`, token, user)
	return w.value(`select encode(sha256($1::bytea), 'hex')`, token)
}

func (w *world) noticeOf(ws *models.Workspace, user uuid.UUID) string {
	return w.value(`insert into notifications (organization_id, user_id, kind, title) values ($1, $2, 'delivery.failed', 'Not sent') returning id`,
		ws.Organization.ID, user)
}

func (w *world) identityOf(user uuid.UUID) string {
	id := uuid.NewString()
	w.sql(`insert into identities (id, user_id, provider, issuer, subject) values ($1, $2, 'google', 'https://accounts.google.com', $3)`, id, user, id)
	return id
}

// exportOf is an archive that somebody may fetch.
func (w *world) exportOf(user uuid.UUID) uuid.UUID {
	id := uuid.New()
	w.sql(`insert into exports (id, user_id, state, next_at, expires_at, created_at)
		values ($1, $2, 'ready', null, now() + interval '1 day', now() - interval '2 days')`, id, user)
	must(w.t, os.MkdirAll(filepath.Join(w.folder, "exports"), 0o700))
	must(w.t, os.WriteFile(filepath.Join(w.folder, "exports", id.String()+".zip"), []byte("PK"+secret), 0o600))
	return id
}

// failedMail makes a test mail that could not be sent.
func (w *world) failedMail() string {
	ctx := w.t.Context()
	if w.console == nil {
		keeper := w.owner("Keeper")
		w.sql(`update users set platform_role = 'SUPER_ADMIN' where id = $1`, keeper.Member.ID)
		p, err := w.store.Install("test").SignIn(ctx, "keeper@example.com", password, "127.0.0.1")
		must(w.t, err)
		w.console, err = p.Console(ctx)
		must(w.t, err)
		must(w.t, w.console.SendBySMTP(ctx, "post@allin.example", mail.SMTP{Host: "smtp.example.com", Port: 587, Security: mail.StartTLS}))
	}
	id, err := w.console.SendTestMail(ctx)
	must(w.t, err)
	w.sql(`update mails set state = 'failed', next_at = null, error = 'No such mailbox.' where id = $1`, id)
	return id.String()
}

// empty is an organization without anybody in it.
func (th *things) empty(suspended bool) uuid.UUID {
	id := uuid.New()
	th.w.sql(`insert into organizations (id, name) values ($1, 'Nobody')`, id)
	if suspended {
		th.w.sql(`insert into suspensions (organization_id) values ($1)`, id)
	}
	return id
}

// knock is how one route is asked.
type knock struct {
	path  func(*things) string
	form  func(*things) url.Values
	heads []header
	body  string
	page  int  // status as a page; 0: 200
	part  int  // status as a part; 0: as the page
	open  bool // what is asked is the asker's own: a stranger gets their own, or the same as anybody
	link  bool // whoever has the address may come in, whoever they are
}

// said is the address of a comment.
func (th *things) said(what string) string {
	return "/posts/" + th.asked.String() + "/comments/" + th.comment.String() + what
}

func at(path string) func(*things) string { return func(*things) string { return path } }

func fields(pairs ...string) func(*things) url.Values {
	return func(*things) url.Values {
		v := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			v.Add(pairs[i], pairs[i+1])
		}
		return v
	}
}

// noToken is as long as a token and opens nothing.
var noToken = strings.Repeat("a", 43)

const done, told = http.StatusSeeOther, http.StatusNoContent

var knocks = map[string]knock{
	"GET /":                                {path: at("/"), page: done, open: true},
	"GET /sign-in":                         {path: at("/sign-in"), page: done, open: true},
	"POST /sign-in":                        {path: at("/sign-in"), form: fields("email", "nobody@example.com", "password", "x"), page: 422, open: true},
	"GET /sign-up":                         {path: at("/sign-up"), page: done, open: true},
	"POST /sign-up":                        {path: at("/sign-up"), form: fields("email", "x"), page: 422, open: true},
	"GET /sign-up/:token":                  {path: at("/sign-up/" + noToken), page: 403, open: true},
	"POST /sign-up/:token":                 {path: at("/sign-up/" + noToken), page: 403, open: true},
	"GET /setup/:token":                    {path: at("/setup/" + noToken), page: 404, open: true},
	"POST /setup/:token":                   {path: at("/setup/" + noToken), page: 404, open: true},
	"GET /forgot":                          {path: at("/forgot"), open: true},
	"POST /forgot":                         {path: at("/forgot"), form: fields("email", "x"), page: 422, open: true},
	"GET /reset/:token":                    {path: at("/reset/" + noToken), page: 404, open: true},
	"POST /reset/:token":                   {path: at("/reset/" + noToken), page: 404, open: true},
	"GET /email/confirm/:token":            {path: at("/email/confirm/" + noToken), page: 404, open: true},
	"POST /email/confirm/:token":           {path: at("/email/confirm/" + noToken), page: 404, open: true},
	"GET /email/undo/:token":               {path: at("/email/undo/" + noToken), page: 404, open: true},
	"POST /email/undo/:token":              {path: at("/email/undo/" + noToken), page: 404, open: true},
	"GET /prove":                           {path: at("/prove?next=/accounts"), page: done, open: true},
	"POST /prove":                          {path: at("/prove"), form: fields("proof", password), page: done, part: told, open: true},
	"POST /sign-out":                       {path: at("/sign-out"), page: done, part: told, open: true},
	"GET /welcome":                         {path: at("/welcome"), open: true},
	"POST /organizations/:id/open":         {path: func(th *things) string { return "/organizations/" + th.ws.Organization.ID.String() + "/open" }, page: done, part: told},
	"GET /sign-in/factor":                  {path: at("/sign-in/factor"), page: done, open: true},
	"POST /sign-in/factor":                 {path: at("/sign-in/factor"), form: fields("code", "123456"), page: 422, open: true},
	"POST /sign-in/factor/options":         {path: at("/sign-in/factor/options"), page: 409, open: true}, // no passkeys for 127.0.0.1
	"POST /sign-in/factor/passkey":         {path: at("/sign-in/factor/passkey"), page: 409, open: true},
	"POST /sign-in/passkey/options":        {path: at("/sign-in/passkey/options"), page: 409, open: true},
	"POST /sign-in/passkey":                {path: at("/sign-in/passkey"), page: 409, open: true},
	"POST /sign-in/with/:provider":         {path: at("/sign-in/with/google"), page: done, open: true},
	"GET /sign-in/with/:provider/callback": {path: at("/sign-in/with/google/callback?code=c&state=s"), page: 404, open: true},
	"GET /sign-in/link":                    {path: at("/sign-in/link"), page: 422, open: true},
	"POST /sign-in/link":                   {path: at("/sign-in/link"), page: 422, open: true},
	"GET /sign-in/join":                    {path: at("/sign-in/join"), page: 422, open: true},
	"POST /sign-in/join":                   {path: at("/sign-in/join"), page: 422, open: true},
	"GET /second-factor":                   {path: at("/second-factor"), open: true},

	"GET /console":               {path: at("/console")}, // Ann looks after the installation, too
	"GET /console/mail":          {path: at("/console/mail")},
	"GET /console/mail/settings": {path: at("/console/mail/settings")},
	"POST /console/mail/settings/:way": {path: at("/console/mail/settings/smtp"), page: done, part: told,
		form: fields("from", "post@allin.example", "host", "smtp.example.com", "port", "587", "security", "starttls")},
	"POST /console/mail/test":      {path: at("/console/mail/test"), page: done, part: told},
	"GET /console/mail/:id":        {path: func(th *things) string { return "/console/mail/" + th.mail }},
	"GET /console/mail/:id/html":   {path: func(th *things) string { return "/console/mail/" + th.mail + "/html" }},
	"POST /console/mail/:id/retry": {path: func(th *things) string { return "/console/mail/" + th.mail + "/retry" }, page: done, part: told},
	"GET /organizations/new":       {path: at("/organizations/new"), open: true},
	"POST /organizations":          {path: at("/organizations"), form: fields("organization", "", "zone", "UTC"), page: 422, open: true},
	"GET /organizations/:id/logo/:picture": {path: func(th *things) string {
		return "/organizations/" + th.ws.Organization.ID.String() + "/logo/" + th.team().logo.String()
	}},
	"GET /people/:id/picture/:picture": {path: func(th *things) string {
		return "/people/" + th.ws.Member.ID.String() + "/picture/" + th.team().picture.String()
	}},
	"GET /invitations": {path: at("/invitations"), open: true},
	// Nobody here is invited by name; TestOwnInvitations is.
	"POST /invitations/:id/accept-own":  {path: at("/invitations/" + uuid.NewString() + "/accept-own"), page: 404},
	"POST /invitations/:id/decline-own": {path: at("/invitations/" + uuid.NewString() + "/decline-own"), page: 404},
	// Whoever has the link may look; it is for another address than Ann's and Bob's.
	"GET /invitations/:token":          {path: func(th *things) string { return "/invitations/" + th.team().token }, open: true},
	"POST /invitations/:token/accept":  {path: func(th *things) string { return "/invitations/" + th.team().token + "/accept" }, page: 422, open: true},
	"POST /invitations/:token/sign-up": {path: func(th *things) string { return "/invitations/" + th.team().token + "/sign-up" }, page: done, part: told, open: true},
	"POST /invitations/:token/decline": {path: at("/invitations/" + strings.Repeat("s", 43) + "/decline"), page: 404},
	"POST /console/hold/release": {path: func(th *things) string {
		th.w.sql(`update installation set held_at = now(), held_reason = 'test'`)
		return "/console/hold/release"
	}, page: done, part: told},
	"GET /console/people":     {path: at("/console/people?q=helper&role=USER")},
	"GET /console/people/:id": {path: func(th *things) string { return "/console/people/" + th.helper.String() }},
	"POST /console/people/:id/suspend": {path: func(th *things) string {
		th.w.sql(`update users set suspended_at = null where id = $1`, th.helper)
		return "/console/people/" + th.helper.String() + "/suspend"
	}, page: done, part: told},
	"POST /console/people/:id/unsuspend": {path: func(th *things) string {
		th.w.sql(`update users set suspended_at = now() where id = $1`, th.helper)
		return "/console/people/" + th.helper.String() + "/unsuspend"
	}, page: done, part: told},
	"POST /console/people/:id/sessions/end": {path: func(th *things) string { return "/console/people/" + th.helper.String() + "/sessions/end" }, page: done, part: told},
	"POST /console/people/:id/role":         {path: func(th *things) string { return "/console/people/" + th.helper.String() + "/role" }, form: fields("role", "USER"), page: done, part: told},
	"GET /console/organizations":            {path: at("/console/organizations")},
	"GET /console/organizations/:id":        {path: func(th *things) string { return "/console/organizations/" + th.ws.Organization.ID.String() }},
	"POST /console/organizations/:id/suspend": {path: func(th *things) string {
		return "/console/organizations/" + th.empty(false).String() + "/suspend"
	}, page: done, part: told},
	"POST /console/organizations/:id/unsuspend": {path: func(th *things) string {
		return "/console/organizations/" + th.empty(true).String() + "/unsuspend"
	}, page: done, part: told},
	"GET /console/settings":                  {path: at("/console/settings")},
	"POST /console/settings/sign-up":         {path: at("/console/settings/sign-up"), form: fields("sign-up", "invite"), page: done, part: told},
	"GET /console/networks":                  {path: at("/console/networks")},
	"POST /console/networks/:network":        {path: at("/console/networks/x"), form: fields("client-id", "", "client-secret", ""), page: 422},
	"POST /console/networks/:network/forget": {path: at("/console/networks/x/forget"), page: 409},
	"GET /console/health":                    {path: at("/console/health")},
	"GET /console/errors":                    {path: at("/console/errors")},
	"POST /console/errors/:fingerprint/mark": {path: func(th *things) string {
		th.w.sql(`insert into faults (fingerprint, origin, place, message, count, first_at, last_at) values ('abc', 'job', 'p', 'm', 1, now(), now()) on conflict do nothing`)
		return "/console/errors/abc/mark"
	}, form: fields("state", "seen"), page: done, part: told},
	"GET /console/audit":         {path: at("/console/audit?from=2026-01-01")},
	"GET /console/audit/export":  {path: at("/console/audit/export?format=csv")},
	"POST /console/audit/verify": {path: at("/console/audit/verify")},

	"GET /calendar":     {path: func(th *things) string { return "/calendar?date=" + in(3) }, open: true},
	"GET /calendar/day": {path: func(th *things) string { return "/calendar/day?date=" + in(3) }, open: true},
	"GET /posts":        {path: at("/posts"), open: true},
	"GET /posts/new":    {path: at("/posts/new"), open: true},
	"POST /posts": {path: at("/posts"), page: done, part: told,
		form: func(th *things) url.Values {
			return url.Values{"do": {"draft"}, "part-0-text": {"Hi"}, "part-0-media": {th.medium.String()}, "account": {th.account.String()}}
		}},
	"POST /posts/review": {path: at("/posts/review"), open: true,
		form: func(th *things) url.Values {
			return url.Values{"part-0-text": {"Hi"}, "part-0-media": {th.medium.String()}, "account": {th.account.String()}}
		}},
	"GET /posts/:id":      {path: func(th *things) string { return "/posts/" + th.post.String() }},
	"GET /posts/:id/edit": {path: func(th *things) string { return "/posts/" + th.post.String() + "/edit" }},
	"POST /posts/:id": {path: func(th *things) string { return "/posts/" + th.draft.String() }, page: done, part: told,
		form: fields("do", "draft", "part-0-text", "changed")},
	"POST /posts/:id/duplicate": {path: func(th *things) string { return "/posts/" + th.post.String() + "/duplicate" }, page: done, part: told},
	"POST /posts/:id/delete":    {path: func(th *things) string { return "/posts/" + th.post.String() + "/delete" }, page: done, part: told},
	"POST /posts/approve": {path: at("/posts/approve"), page: done, part: 200,
		form: func(th *things) url.Values { return url.Values{"post": {th.asked.String() + ":1"}} }},
	"POST /posts/:id/editing": {path: func(th *things) string { return "/posts/" + th.draft.String() + "/editing" }},
	"GET /posts/:id/history":  {path: func(th *things) string { return "/posts/" + th.post.String() + "/history" }},
	"POST /posts/:id/history/:version/restore": {path: func(th *things) string { return "/posts/" + th.draft.String() + "/history/1/restore" }, page: done, part: told,
		form: fields("version", "1")},
	"POST /posts/:id/approve":  {path: func(th *things) string { return "/posts/" + th.asked.String() + "/approve" }, form: fields("version", "1"), page: done, part: 200},
	"POST /posts/:id/changes":  {path: func(th *things) string { return "/posts/" + th.asked.String() + "/changes" }, form: fields("version", "1", "words", "Shorter"), page: done, part: 200},
	"POST /posts/:id/withdraw": {path: func(th *things) string { return "/posts/" + th.asked.String() + "/withdraw" }, page: done, part: 200},
	"POST /posts/:id/review-links": {path: func(th *things) string { return "/posts/" + th.asked.String() + "/review-links" },
		form: fields("name", "Cleo", "email", "cleo@client.example", "days", "7"), page: 200},
	"POST /posts/:id/review-links/:link/revoke": {path: func(th *things) string {
		return "/posts/" + th.asked.String() + "/review-links/" + th.link.String() + "/revoke"
	}, page: done, part: 200},
	"POST /posts/:id/comments":                  {path: func(th *things) string { return "/posts/" + th.asked.String() + "/comments" }, form: fields("body", "Nice"), page: done, part: 200},
	"POST /posts/:id/comments/:comment":         {path: func(th *things) string { return th.said("") }, form: fields("body", "Better"), page: done, part: 200},
	"POST /posts/:id/comments/:comment/delete":  {path: func(th *things) string { return th.said("/delete") }, page: done, part: 200},
	"POST /posts/:id/comments/:comment/resolve": {path: func(th *things) string { return th.said("/resolve") }, form: fields("resolved", "1"), page: done, part: 200},

	"GET /review/:token":                 {path: func(th *things) string { return th.review }, link: true},
	"POST /review/:token/decide":         {path: func(th *things) string { return th.review + "/decide" }, form: fields("version", "1", "say", "yes"), page: done, link: true},
	"POST /review/:token/comment":        {path: func(th *things) string { return th.review + "/comment" }, form: fields("body", "Who is that?"), page: done, link: true},
	"GET /review/:token/media/:id/:size": {path: func(th *things) string { return th.review + "/media/" + th.medium.String() + "/thumb" }, link: true},

	"POST /occurrences/:id/move": {path: func(th *things) string { return "/occurrences/" + th.occurrence.String() + "/move" }, page: done, part: 200,
		form: func(*things) url.Values { return url.Values{"date": {in(5)}, "time": {"11:00"}} }},
	"PATCH /occurrences/:id/move": {path: func(th *things) string { return "/occurrences/" + th.occurrence.String() + "/move" }, page: told,
		form: func(*things) url.Values { return url.Values{"at": {in(5) + "T11:00"}} }},
	"POST /occurrences/:id/cancel": {path: func(th *things) string { return "/occurrences/" + th.occurrence.String() + "/cancel" }, page: done, part: 200},
	"POST /deliveries/:id/:act":    {path: func(th *things) string { return "/deliveries/" + th.delivery.String() + "/cancel" }, page: done, part: 200},

	"GET /media": {path: at("/media"), open: true},
	"POST /media/uploads": {path: at("/media/uploads"), body: string(picture(4, 4)), page: 201, open: true,
		heads: []header{{"Upload-Id", "0123456789abcdef0123456789abcdef"}, {"Upload-Name", "c.png"}, {"Upload-Offset", "0"}, {"Upload-Size", ""}}},
	"POST /media/:id/alt":    {path: func(th *things) string { return "/media/" + th.medium.String() + "/alt" }, form: fields("alt", "A square"), page: told},
	"POST /media/:id/delete": {path: func(th *things) string { return "/media/" + th.unused.String() + "/delete" }, page: done, part: 200},
	"GET /media/:id/:size":   {path: func(th *things) string { return "/media/" + th.medium.String() + "/thumb" }},

	"GET /accounts":                  {path: at("/accounts"), open: true},
	"GET /accounts/connect/:network": {path: func(th *things) string { return "/accounts/connect/x?sandbox=1&account=" + th.account.String() }},
	"POST /accounts/connect/:network": {path: func(th *things) string { return "/accounts/connect/x?sandbox=1&account=" + th.account.String() },
		page: 200, part: told},
	"GET /accounts/callback/:network": {path: at("/accounts/callback/x?code=c&state=" + strings.Repeat("s", 43)), page: 422, open: true},
	"POST /accounts/:id/reconnect":    {path: func(th *things) string { return "/accounts/" + th.account.String() + "/reconnect" }, page: 200, part: told},
	"POST /accounts/:id/disconnect":   {path: func(th *things) string { return "/accounts/" + th.fresh.String() + "/disconnect" }, page: done, part: told},

	"POST /accounts/:id/approval": {path: func(th *things) string { return "/accounts/" + th.fresh.String() + "/approval" }, form: fields("approval", "always"), page: done, part: told},

	"GET /notifications":       {path: at("/notifications"), open: true},
	"GET /notifications/bell":  {path: at("/notifications/bell"), open: true},
	"POST /notifications/read": {path: at("/notifications/read"), page: done, part: 200, open: true},
	"GET /notifications/:id":   {path: func(th *things) string { return "/notifications/" + th.notice }, page: done, part: told},
	"GET /unsubscribe/:token":  {path: at("/unsubscribe/none"), page: 404, open: true},
	"POST /unsubscribe/:token": {path: at("/unsubscribe/none"), page: 404, open: true},

	"GET /settings/profile": {path: at("/settings/profile"), open: true},
	"POST /settings/profile": {path: at("/settings/profile"), page: done, part: told, open: true,
		form: fields("name", "Owner", "zone", "Europe/Berlin", "theme", "dark", "week_start", "1")},
	"GET /settings/email":                      {path: at("/settings/email"), open: true},
	"POST /settings/email":                     {path: at("/settings/email"), form: fields("email", "x"), page: 422, open: true},
	"GET /settings/password":                   {path: at("/settings/password"), open: true},
	"POST /settings/password":                  {path: at("/settings/password"), form: fields("password", "short"), page: 422, open: true},
	"GET /settings/security":                   {path: at("/settings/security"), open: true},
	"GET /settings/security/totp":              {path: at("/settings/security/totp"), open: true},
	"POST /settings/security/totp":             {path: at("/settings/security/totp"), form: fields("code", "x"), page: 422, open: true},
	"POST /settings/security/totp/off":         {path: at("/settings/security/totp/off"), page: 404, open: true}, // it is not on
	"POST /settings/security/recovery-codes":   {path: at("/settings/security/recovery-codes"), page: done, part: told, open: true},
	"GET /settings/security/passkeys/new":      {path: at("/settings/security/passkeys/new"), open: true},
	"POST /settings/security/passkeys/options": {path: at("/settings/security/passkeys/options"), page: 409, open: true},
	"POST /settings/security/passkeys":         {path: at("/settings/security/passkeys"), form: fields("name", "Key"), page: 422, open: true},
	"POST /settings/security/passkeys/:id/rename": {path: func(th *things) string { return "/settings/security/passkeys/" + th.passkey + "/rename" },
		form: fields("name", "Mine"), page: 404}, // it is the helper's
	"POST /settings/security/passkeys/:id/remove":   {path: func(th *things) string { return "/settings/security/passkeys/" + th.passkey + "/remove" }, page: 404},
	"POST /settings/security/link/:provider":        {path: at("/settings/security/link/google"), page: 404, open: true},
	"POST /settings/security/identities/:id/unlink": {path: func(th *things) string { return "/settings/security/identities/" + th.identity + "/unlink" }, page: done, part: told},
	"POST /settings/organization/second-factor": {path: at("/settings/organization/second-factor"), form: fields("required", "off"),
		page: done, part: told, open: true},
	"GET /settings/devices":                {path: at("/settings/devices"), open: true},
	"POST /settings/devices/:id/revoke":    {path: func(th *things) string { return "/settings/devices/" + th.device + "/revoke" }, page: done, part: told},
	"POST /settings/devices/revoke-others": {path: at("/settings/devices/revoke-others"), page: done, part: told, open: true},
	"GET /settings/notifications":          {path: at("/settings/notifications"), open: true},
	"POST /settings/notifications/kinds": {path: at("/settings/notifications/kinds"), page: done, part: told, open: true,
		form: fields("delivery.failed", "app")},
	"POST /settings/notifications/digest": {path: at("/settings/notifications/digest"), page: done, part: told, open: true,
		form: fields("when", "daily", "hour", "8")},
	"GET /settings/people":                  {path: at("/settings/people"), open: true},
	"POST /settings/people/:id/role":        {path: func(th *things) string { return "/settings/people/" + th.helper.String() + "/role" }, form: fields("role", "VIEWER"), page: done, part: told},
	"POST /settings/people/:id/remove":      {path: func(th *things) string { return "/settings/people/" + th.helper.String() + "/remove" }, page: done, part: told},
	"POST /settings/profile/picture":        {path: at("/settings/profile/picture"), page: 422, open: true},
	"POST /settings/profile/picture/remove": {path: at("/settings/profile/picture/remove"), page: done, part: told, open: true},

	"POST /settings/people/leave":    {path: at("/settings/people/leave"), page: 409, open: true}, // both are the last owner
	"GET /settings/people/ownership": {path: func(th *things) string { return "/settings/people/ownership?to=" + th.helper.String() }},
	"POST /settings/people/ownership": {path: at("/settings/people/ownership"), page: 404,
		form: func(*things) url.Values { return url.Values{"to": {uuid.NewString()}} }}, // nobody; TestOwnership hands it over
	"POST /settings/people/invitations": {path: at("/settings/people/invitations"), form: fields("emails", "x", "role", "VIEWER", "days", "7"), page: 422, open: true},
	"POST /settings/people/invitations/:id/resend": {path: func(th *things) string {
		return "/settings/people/invitations/" + th.team().invitation.String() + "/resend"
	},
		page: done, part: told},
	"POST /settings/people/invitations/:id/revoke": {path: func(th *things) string {
		return "/settings/people/invitations/" + th.team().invitation.String() + "/revoke"
	},
		page: done, part: told},
	"GET /settings/organization":              {path: at("/settings/organization"), open: true},
	"POST /settings/organization":             {path: at("/settings/organization"), form: fields("organization", "Org"), page: done, part: told, open: true},
	"POST /settings/organization/defaults":    {path: at("/settings/organization/defaults"), form: fields("zone", "Mars/Base", "week_start", "1", "posting_time", "10:00"), page: 422, open: true},
	"POST /settings/organization/logo":        {path: at("/settings/organization/logo"), page: 422, open: true},
	"POST /settings/organization/logo/remove": {path: at("/settings/organization/logo/remove"), page: done, part: told, open: true},
	"GET /settings/billing":                   {path: at("/settings/billing"), open: true},
	"GET /settings/billing/usage.csv":         {path: at("/settings/billing/usage.csv"), open: true},
	"POST /settings/billing/invoice":          {path: at("/settings/billing/invoice"), form: fields("email", "x"), page: 422, open: true},
	"GET /settings/audit":                     {path: at("/settings/audit"), open: true},
	"GET /settings/audit/export.csv":          {path: at("/settings/audit/export.csv"), open: true},
	"GET /settings/audit/export.jsonl":        {path: at("/settings/audit/export.jsonl"), open: true},

	"GET /settings/data":                      {path: at("/settings/data"), open: true},
	"POST /settings/data/export":              {path: at("/settings/data/export"), page: done, part: told, open: true},
	"GET /settings/data/exports":              {path: at("/settings/data/exports"), open: true},
	"GET /settings/data/exports/:id":          {path: func(th *things) string { return "/settings/data/exports/" + th.export.String() }},
	"POST /settings/data/delete":              {path: at("/settings/data/delete"), form: fields("password", "wrong"), page: 422, open: true},
	"POST /settings/data/organization/export": {path: at("/settings/data/organization/export"), page: done, part: told, open: true},
	"POST /settings/data/organization/delete": {path: at("/settings/data/organization/delete"),
		form: fields("organization_name", "someone else's", "organization_password", password), page: 422, open: true},
	"POST /settings/data/organizations/:id/restore": {path: func(th *things) string {
		return "/settings/data/organizations/" + th.ws.Organization.ID.String() + "/restore"
	}, page: 404}, // it is not deleted

	"GET /settings/api": {path: at("/settings/api"), open: true},
	"POST /settings/api": {path: at("/settings/api"), open: true,
		form: fields("name", "Report", "scope", "team:read", "days", "30")},
	"POST /settings/api/:id/revoke": {path: func(th *things) string { return "/settings/api/" + th.key.String() + "/revoke" }, page: done, part: told},

	"GET /api/v1/docs":         {path: at("/api/v1/docs"), open: true},
	"GET /api/v1/openapi.json": {path: at("/api/v1/openapi.json"), open: true},
	"GET /api/v1/openapi.yaml": {path: at("/api/v1/openapi.yaml"), open: true},

	"GET /settings/approval":  {path: at("/settings/approval"), open: true},
	"POST /settings/approval": {path: at("/settings/approval"), form: fields("posts", "members", "role", "EDITOR", "guest", "1"), page: done, part: told, open: true},

	"GET /live":       {path: at("/live"), page: 426, open: true},
	"GET /static/*":   {path: at("/static/favicon.svg"), open: true},
	"GET /api/health": {path: at("/api/health"), open: true},
	"GET /livez":      {path: at("/livez"), open: true},
	"GET /readyz":     {path: at("/readyz"), open: true},
}

func (k knock) at(b *browser, route string, th *things, heads ...header) answer {
	method, _, _ := strings.Cut(route, " ")
	heads = append(append([]header{}, k.heads...), heads...)
	switch {
	case k.body != "":
		size := header{"Upload-Size", itoa(len(k.body))}
		return b.send(method, k.path(th), strings.NewReader(k.body), append(heads, size)...)
	case k.form != nil:
		return b.form(method, k.path(th), k.form(th), heads...)
	case method == http.MethodGet:
		return b.get(k.path(th), heads...)
	}
	return b.form(method, k.path(th), url.Values{}, heads...)
}

// Every route as a page, as a part, signed out, and by a stranger from another
// organization, who finds nothing and changes nothing.
func TestRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, bob := w.owner("Ann"), w.owner("Bob")
	w.sql(`update users set platform_role = 'SUPER_ADMIN' where id = $1`, ann.Member.ID)
	account := w.account(ann, "ann_x")
	n := 0
	stranger, owner := w.browser(), w.browser()
	for _, route := range w.routes() {
		kind := w.server.Routes()[route]
		if strings.HasPrefix(kind, "api ") {
			continue // TestRouteMatrix calls them
		}
		k, ok := knocks[route]
		if !ok {
			t.Errorf("no case for %s: add one, so that strangers are tried on it", route)
			continue
		}
		th := w.things(ann, account.ID, n)
		n++
		page, part := k.page, k.part
		if page == 0 {
			page = 200
		}
		if part == 0 {
			part = page
		}

		if k.link {
			w.knockByLink(route, k, th, page)
			continue
		}
		k.path(th) // makes what only this route asks for
		before := w.state(ann)
		stranger.stay("bob@example.com")
		for _, as := range [][]header{nil, {asPart}} {
			a := k.at(stranger, route, th, as...)
			want := http.StatusNotFound
			if k.open {
				want = page
				if as != nil {
					want = part
				}
			}
			if route == "POST /sign-out" && as != nil {
				want = http.StatusUnauthorized // the first one did it
			}
			status(t, route+" as a stranger", a, want)
			if strings.Contains(a.body, secret) || strings.Contains(a.body, "ann_x") {
				t.Errorf("%s shows a stranger what is Ann's: %s", route, clip(a.body))
			}
		}
		if after := w.state(ann); after != before {
			t.Errorf("%s by a stranger changed Ann's organization", route)
		}
		w.sql(`delete from social_accounts where organization_id = $1`, bob.Organization.ID)

		w.signedOut(route, kind, k, th)
		owner.stay("ann@example.com")
		status(t, route+" as a page", k.at(owner, route, th), page)

		th = w.things(ann, account.ID, n)
		n++
		owner.stay("ann@example.com")
		a := k.at(owner, route, th, asPart)
		status(t, route+" as a part", a, part)
		if strings.Contains(a.body, "<!doctype") || strings.Contains(a.body, "<!DOCTYPE") {
			if route != "POST /posts" && route != "GET /posts/new" && route != "GET /posts/:id/edit" && kind != "public" && route != "GET /console/mail/:id/html" {
				t.Errorf("%s as a part answers with a whole page", route)
			}
		}
	}
	for route := range knocks {
		if _, ok := w.server.Routes()[route]; !ok {
			t.Errorf("there is a case for %s and no such route", route)
		}
	}
}

// routes lists all routes, those that only show something first, so that what
// the others take away was there to be shown.
func (w *world) routes() []string {
	list := slices.Sorted(maps.Keys(w.server.Routes()))
	slices.SortStableFunc(list, func(a, b string) int {
		shows := func(route string) int {
			if strings.HasPrefix(route, "GET ") {
				return 0
			}
			return 1
		}
		return shows(a) - shows(b)
	})
	return list
}

// knockByLink knocks with a link that opens, and with others that do not: all
// of those get the same answer.
func (w *world) knockByLink(route string, k knock, th *things, page int) {
	w.t.Helper()
	b := w.browser()
	good := th.review
	a := k.at(b, route, th)
	status(w.t, route+" with its link", a, page)
	if a.header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(a.header.Get("X-Robots-Tag"), "noindex") || a.header.Get("Cache-Control") != "no-store" {
		w.t.Errorf("%s: headers %v", route, a.header)
	}
	var first string
	for i, token := range []string{models.NewToken(), "x", strings.ToUpper(good[len("/review/"):])} {
		th.review = "/review/" + token
		a := k.at(b, route, th)
		status(w.t, route+" with another link", a, http.StatusNotFound)
		if i == 0 {
			first = a.body
		}
		if a.body != first || strings.Contains(a.body, secret) {
			w.t.Errorf("%s answers differently to a link of another form: %s", route, clip(a.body))
		}
	}
	th.review = good
	if strings.Contains(w.log.String(), strings.TrimPrefix(good, "/review/")) {
		w.t.Errorf("%s: the link's token is in the log", route)
	}
}

// signedOut knocks without a session.
func (w *world) signedOut(route, kind string, k knock, th *things) {
	w.t.Helper()
	if kind == "public" {
		return
	}
	b := w.browser()
	a := k.at(b, route, th)
	if strings.HasPrefix(route, "GET ") {
		if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location(), "/sign-in?next=") {
			w.t.Errorf("%s signed out: %d to %q", route, a.status, a.location())
		}
	} else {
		status(w.t, route+" signed out", a, http.StatusUnauthorized)
	}
	status(w.t, route+" signed out, as a part", k.at(b, route, th, asPart), http.StatusUnauthorized)
	if strings.Contains(a.body, secret) {
		w.t.Errorf("%s shows who is signed out what is Ann's", route)
	}
}

// stay signs in again where the last knock ended the session.
func (b *browser) stay(email string) {
	b.t.Helper()
	if m := tokenField.FindStringSubmatch(b.get("/settings/profile").body); m != nil {
		b.csrf = m[1]
		return
	}
	b.csrf = ""
	b.signIn(email)
}

// state is everything that an organization has, in one value.
func (w *world) state(ws *models.Workspace) string {
	var parts []string
	for _, table := range []string{"memberships", "social_accounts", "account_tokens", "connect_states", "media", "posts", "post_targets",
		"post_media", "scheduled_posts", "deliveries", "attempts", "notifications", "invitations", "invoice_details", "approval_rules",
		"decisions", "post_versions", "comments", "review_links", "post_editors"} {
		parts = append(parts, `(select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from `+table+` t where organization_id = $1)`)
	}
	return w.value(`select `+strings.Join(parts, " || "), ws.Organization.ID)
}
