package handlers_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// unsubscribeLink makes Ann's notification into a mail and returns the path of its link.
func (w *world) unsubscribeLink(ws *models.Workspace) string {
	ctx := w.t.Context()
	w.sql(`update users set email_verified_at = now() where id = $1`, ws.Member.ID)
	w.sql(`insert into notifications (organization_id, user_id, kind, title, mail) values ($1, $2, 'delivery.failed', 'Not sent to X', true)`,
		ws.Organization.ID, ws.Member.ID)
	if n, err := w.store.Install("test").MailNotices(ctx); err != nil || n != 1 {
		w.t.Fatalf("%d mails, %v", n, err)
	}
	id := w.value(`select id::text from mails where kind = 'notice'`)
	m, err := w.store.Install("test").ClaimMail(ctx, uuid.MustParse(id))
	must(w.t, err)
	var l models.NoticeLetter
	must(w.t, json.Unmarshal(m.Content, &l))
	return strings.TrimPrefix(l.Unsubscribe, w.base)
}

// A mail provider ends mails for its reader: signed out, from nowhere of ours,
// with RFC 8058's body. Looking at the link ends nothing.
func TestOneClickUnsubscribe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.owner("Ann")
	path := w.unsubscribeLink(ws)
	b := w.browser()
	a := b.get(path)
	status(t, "looking", a, 200)
	if !strings.Contains(a.body, "End them") || !strings.Contains(a.body, "Posts that were not sent") {
		t.Errorf("the page says %s", clip(a.body))
	}
	if n := w.value(`select count(*)::text from notification_choices`); n != "0" {
		t.Fatalf("looking ended %s kinds", n)
	}
	resp, err := http.Post(w.base+path, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != 200 || len(resp.Cookies()) != 0 {
		t.Errorf("one click: %d with cookies %v", resp.StatusCode, resp.Cookies())
	}
	if got := w.value(`select string_agg(kind || ' ' || reach, ', ') from notification_choices where user_id = $1`, ws.Member.ID); got != "delivery.failed app" {
		t.Errorf("choices: %s", got)
	}
	resp, err = http.Post(w.base+path[:len(path)-2]+"AA", "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != 404 {
		t.Errorf("a changed token: %d", resp.StatusCode)
	}
	if strings.Contains(w.log.String(), strings.TrimPrefix(path, "/unsubscribe/")) {
		t.Error("the token is in the log")
	}
}

func TestChoicesAreSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser()
	b.signIn("ann@example.com")
	a := b.form("POST", "/settings/notifications/kinds", map[string][]string{"delivery.failed": {"off"}, "delivery.missed": {"app"}})
	status(t, "saving", a, http.StatusSeeOther)
	page := b.get("/settings/notifications").body
	for _, want := range []string{`<option value="off" selected>`, "What you are told is saved."} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	status(t, "a reach that does not exist", b.form("POST", "/settings/notifications/kinds", map[string][]string{"delivery.failed": {"loud"}}), 422)
	a = b.form("POST", "/settings/notifications/digest", map[string][]string{"when": {"daily"}, "hour": {"25"}})
	status(t, "hour 25", a, 422)
	if !strings.Contains(a.body, "Choose an hour of the day.") {
		t.Error("what is wrong with the hour is not said")
	}
	status(t, "daily", b.form("POST", "/settings/notifications/digest", map[string][]string{"when": {"daily"}, "hour": {"17"}}), http.StatusSeeOther)
	if !strings.Contains(b.get("/settings/notifications").body, `<option value="17" selected>`) {
		t.Error("the hour is not kept")
	}
	status(t, "at once", b.form("POST", "/settings/notifications/digest", map[string][]string{"when": {"once"}, "hour": {"17"}}), http.StatusSeeOther)
	if got := w.value(`select coalesce(digest_hour::text, 'none') from users where email = 'ann@example.com'`); got != "none" {
		t.Errorf("digest at %s", got)
	}
}

// A link in a mail leads to what it is about, in the organization that it is of.
func TestNotificationsOpenTheirOrganization(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, other := w.owner("Ann"), w.owner("Other")
	w.sql(`insert into memberships (organization_id, user_id, role) values ($1, $2, 'EDITOR')`, other.Organization.ID, ann.Member.ID)
	id := w.value(`insert into notifications (organization_id, user_id, kind, title) values ($1, $2, 'delivery.failed', 'x') returning id::text`,
		other.Organization.ID, ann.Member.ID)
	b := w.browser()
	b.signIn("ann@example.com")
	a := b.get("/notifications/" + id)
	if a.status != http.StatusSeeOther || a.location() != "/calendar" {
		t.Errorf("%d to %s", a.status, a.location())
	}
	if !strings.Contains(b.get("/settings/people").body, "People in Other") {
		t.Error("the organization is not open")
	}
	w.sql(`delete from memberships where organization_id = $1 and user_id = $2`, other.Organization.ID, ann.Member.ID)
	status(t, "as a former member", b.get("/notifications/"+id), 404)
}

// What a mail holds is shown in a frame without any right, and only there.
func TestMailsAreShownWithoutRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	w.sql(`update users set platform_role = 'SUPER_ADMIN' where id = $1`, ann.Member.ID)
	id := w.failedMail()
	b := w.browser()
	b.signIn("ann@example.com")
	page := b.get("/console/mail/" + id)
	if p := page.header.Get("Content-Security-Policy"); !strings.Contains(p, "frame-src 'self'") || !strings.Contains(p, "frame-ancestors 'none'") {
		t.Errorf("the page's policy is %s", p)
	}
	for _, want := range []string{`sandbox=""`, "No such mailbox.", "This is the test mail", "Send it again"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("no %q on the page", want)
		}
	}
	mail := b.get("/console/mail/" + id + "/html")
	p := mail.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "sandbox", "frame-ancestors 'self'", "form-action 'none'"} {
		if !strings.Contains(p, want) {
			t.Errorf("no %q in the mail's policy %s", want, p)
		}
	}
	if strings.Contains(p, "allow-") || strings.Contains(p, "script-src") || mail.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the mail may too much: %s", p)
	}
	if p := b.get("/calendar").header.Get("Content-Security-Policy"); strings.Contains(p, "frame-src") {
		t.Errorf("other pages may show frames: %s", p)
	}

	a := b.form("POST", "/console/mail/settings/smtp", map[string][]string{"from": {"nobody"}, "host": {"smtp.example.com"}, "port": {"587"},
		"security": {"starttls"}, "user": {"ann"}, "password": {"geheim-geheim"}})
	status(t, "a sender that is none", a, 422)
	if !strings.Contains(a.body, "Enter the sender") || !strings.Contains(a.body, `value="smtp.example.com"`) || strings.Contains(a.body, "geheim-geheim") {
		t.Errorf("the form says %s", clip(a.body))
	}
	w.sql(`update users set platform_role = 'ADMIN' where id = $1`, ann.Member.ID)
	if body := b.get("/console/mail/" + id).body; strings.Contains(body, "This is the test mail") || !strings.Contains(body, "Only super admins open them") {
		t.Error("an admin reads the mail")
	}
	status(t, "an admin opens the mail", b.get("/console/mail/"+id+"/html"), 403)
	if strings.Contains(w.log.String(), "geheim-geheim") {
		t.Error("the password is in the log")
	}
}
