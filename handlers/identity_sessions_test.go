package handlers_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/allin-platform/allin/handlers"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// S42: a session that was ended opens nothing any more, whatever ended it.
func TestS42EndedSessions(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, here *browser){
		"sign-out elsewhere": func(w *world, here *browser) {
			id := w.value(`select encode(id, 'hex') from sessions where id <> sha256($1::bytea)`, here.cookie())
			status(w.t, "revoke", here.post("/settings/devices/"+id+"/revoke", url.Values{}), http.StatusSeeOther)
		},
		"password change": func(w *world, here *browser) {
			before := here.cookie()
			status(w.t, "change", here.post("/settings/password", url.Values{"password": {"another long password"}}), http.StatusSeeOther)
			if here.cookie() == before {
				w.t.Error("the session in which the password was changed keeps its id")
			}
			status(w.t, "here", here.get("/accounts"), http.StatusOK)
			w.gone(before)
		},
		"password reset": func(w *world, here *browser) {
			before := here.cookie()
			here.post("/forgot", url.Values{"email": {"ann@example.com"}})
			status(w.t, "reset", w.browser().post(w.mailed("reset", "ann@example.com"), url.Values{"password": {"another long password"}}), http.StatusSeeOther)
			w.gone(before)
		},
		"change of address taken back": func(w *world, here *browser) {
			before := here.cookie()
			here.post("/settings/email", url.Values{"email": {"nova@example.com"}})
			status(w.t, "confirm", here.post(w.mailed("confirm-email", "nova@example.com"), url.Values{}), http.StatusOK)
			status(w.t, "undo", w.browser().post(w.mailed("email-changed", "ann@example.com"), url.Values{}), http.StatusOK)
			w.gone(before)
		},
		"suspension": func(w *world, here *browser) {
			w.sql(`update users set suspended_at = now() where email = 'ann@example.com'`)
			w.gone(here.cookie())
			a := w.browser().post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}})
			status(w.t, "signing in when suspended", a, http.StatusUnprocessableEntity)
			contains(w.t, a, "The address or the password is wrong.") // as TestSuspendedPersonIsOut has it: it tells nothing
		},
		"restore": func(w *world, here *browser) {
			w.sql(`truncate sessions cascade`)
			w.gone(here.cookie())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.owner("Ann")
			here, there := w.browser().signIn("ann@example.com"), w.browser().signIn("ann@example.com")
			old := there.cookie()
			end(w, here)
			w.gone(old)
			status(t, "writing", there.post("/settings/profile", url.Values{"name": {"Mallory"}}), http.StatusUnauthorized)
			if got := w.value(`select name from users where id = (select user_id from memberships limit 1)`); got != "Ann Owner" {
				t.Errorf("the name is %q", got)
			}
		})
	}
}

// gone demands that a cookie opens nothing.
func (w *world) gone(cookie string) {
	w.t.Helper()
	status(w.t, "an ended session", w.browser().get("/accounts", header{"Cookie", "allin=" + cookie}), http.StatusSeeOther)
	status(w.t, "an ended session, as a part", w.browser().get("/accounts", asPart, header{"Cookie", "allin=" + cookie}), http.StatusUnauthorized)
}

// S48: guessing is slowed down on one account, from wherever, and from one
// address, on whatever accounts.
func TestS48Guessing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	let := map[int]int{}
	for i := range 1000 {
		email := []string{"ann@example.com", "ANN@EXAMPLE.COM", "Ａnn@example.com", " ann@Example.com"}[i%4]
		a := w.browser().post("/sign-in", url.Values{"email": {email}, "password": {"guess " + itoa(i)}},
			header{"X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i%250)}, header{"X-Real-IP", "198.51.100.1"}, header{"Forwarded", "for=198.51.100.1"})
		let[a.status]++
		if a.status != http.StatusUnprocessableEntity && a.status != http.StatusTooManyRequests {
			t.Fatalf("try %d: %d", i, a.status)
		}
	}
	if let[http.StatusUnprocessableEntity] != 10 {
		t.Errorf("%d of 1000 passwords were looked at", let[http.StatusUnprocessableEntity])
	}
	a := w.browser().post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}})
	status(t, "the right one after that", a, http.StatusTooManyRequests)
}

func TestS48OnePasswordOnManyAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	looked := 0
	for i := range 1000 {
		a := w.browser().post("/sign-in", url.Values{"email": {"p" + itoa(i) + "@example.com"}, "password": {"Summer2026"}},
			header{"X-Forwarded-For", fmt.Sprintf("203.0.%d.%d", i/250, i%250)})
		if a.status == http.StatusUnprocessableEntity {
			looked++
		}
	}
	if looked != 60 {
		t.Errorf("%d of 1000 accounts were looked at", looked)
	}
}

// Behind a proxy it is the address that the proxy saw, and of IPv6 the network.
func TestS48BehindAProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *handlers.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	w.owner("Ann")
	looked := func(from func(i int) string) (n int) {
		for i := range 100 {
			a := w.browser().post("/sign-in", url.Values{"email": {fmt.Sprintf("%s%d@example.com", from(0)[:3], i)}, "password": {"Summer2026"}}, header{"X-Forwarded-For", from(i)})
			if a.status == http.StatusUnprocessableEntity {
				n++
			}
		}
		return n
	}
	if n := looked(func(i int) string { return fmt.Sprintf("10.0.0.%d, 203.0.113.9", i) }); n != 60 {
		t.Errorf("an invented address before the real one: %d tries", n)
	}
	if n := looked(func(i int) string { return fmt.Sprintf("2001:db8:1:2:%x::1", i) }); n != 60 {
		t.Errorf("addresses of one IPv6 network: %d tries", n)
	}
	if n := looked(func(i int) string { return fmt.Sprintf("198.51.100.%d", i) }); n != 100 {
		t.Errorf("addresses that differ: %d tries", n)
	}
}

// S48, for all other places where a password or a mail is to be had.
func TestS48Elsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	w.open()
	in := w.browser().signIn("ann@example.com")
	w.forget("ann@example.com")
	looked := 0
	for i := range 100 {
		if a := in.post("/prove", url.Values{"proof": {"guess " + itoa(i)}}); a.status == http.StatusUnprocessableEntity {
			looked++
		}
	}
	if looked != 10 {
		t.Errorf("%d of 100 proofs were looked at", looked)
	}
	for _, path := range []string{"/forgot", "/sign-up"} {
		for i := range 30 {
			w.browser().post(path, url.Values{"email": {[]string{"ann@example.com", "ANN@example.com"}[i%2]}}, header{"X-Forwarded-For", "203.0.113." + itoa(i)})
		}
		for i := range 30 {
			w.browser().post(path, url.Values{"email": {"p" + itoa(i) + "@example.com"}})
		}
	}
	if got := w.mails("reset") + " " + w.mails("account-exists"); got != "5 5" {
		t.Errorf("one address got %s mails", got)
	}
	if got := w.value(`select (count(*) <= 40)::text from mails`); got != "true" {
		t.Errorf("one address had %s mails sent", w.value(`select count(*)::text from mails`))
	}
	// A database that cannot count lets nobody try.
	w.sql(`alter table throttles rename to throttles_gone`)
	a := w.browser().post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}})
	w.sql(`alter table throttles_gone rename to throttles`)
	status(t, "without counters", a, http.StatusInternalServerError)
}

// S49: links that set a password.
func TestS49ResetLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser()
	evil := []header{{"X-Forwarded-Host", "evil.example"}, {"X-Forwarded-Proto", "https"}, {"X-Original-URL", "https://evil.example/"}, {"Forwarded", "host=evil.example"}}
	ask := func() string {
		t.Helper()
		w.sql(`delete from throttles`)
		a := b.post("/forgot", url.Values{"email": {"ann@example.com"}}, evil...)
		status(t, "ask", a, http.StatusOK)
		contains(t, a, "We have sent a mail to ann@example.com", "30 minutes")
		return w.mailed("reset", "ann@example.com") // fails unless it is below the configured origin
	}
	chosen := url.Values{"password": {"another long password"}}

	old := ask()
	link := ask()
	status(t, "an older link", b.get(old), http.StatusNotFound)
	status(t, "an older link, sent", b.post(old, chosen), http.StatusNotFound)
	page := b.get(link)
	status(t, "the link", page, http.StatusOK)
	if page.header.Get("Referrer-Policy") != "same-origin" || page.header.Get("Cache-Control") != "no-store" || strings.Contains(page.body, "https://") {
		t.Errorf("the link may travel on: %v", page.header)
	}
	for what, p := range map[string]string{"short": "at least 8", "password1!": "Many people", "ann@example.com": "easy to guess"} {
		a := b.post(link, url.Values{"password": {what}})
		status(t, what, a, http.StatusUnprocessableEntity)
		contains(t, a, p)
	}
	in := w.browser().signIn("ann@example.com")
	a := b.post(link, chosen)
	if a.status != http.StatusSeeOther || a.location() != "/calendar" {
		t.Fatalf("reset: %d %s", a.status, clip(a.body))
	}
	status(t, "who has set it", b.get("/accounts"), http.StatusOK)
	w.gone(in.cookie())
	status(t, "the link again", w.browser().post(link, url.Values{"password": {"yet another password"}}), http.StatusNotFound)
	status(t, "the old password", w.browser().post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}}), http.StatusUnprocessableEntity)
	status(t, "the new password", w.browser().post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {"another long password"}}), http.StatusSeeOther)
	var told struct{ Reset, Devices string }
	if !w.letter("password-changed", "ann@example.com", &told) || told.Reset != w.base+"/forgot" {
		t.Errorf("the person is told %+v", told)
	}

	link = ask()
	w.sql(`update links set expires_at = now() where kind = 'reset' and used_at is null`)
	status(t, "after 30 minutes", b.post(link, chosen), http.StatusNotFound)
	if got := w.value(`select max(expires_at - created_at)::text from links where kind = 'reset'`); got != "00:30:00" {
		t.Errorf("the links live for %s", got)
	}

	link = ask()
	w.sql(`update users set email = 'nova@example.com' where email = 'ann@example.com'`)
	status(t, "after the address was changed", b.post(link, chosen), http.StatusNotFound)
	if log := w.log.String(); strings.Contains(log, link[len("/reset/"):]) || strings.Contains(log, "another long password") {
		t.Error("the log tells a link or a password")
	}
}

// Sensitive acts ask for a proof that is not older than ten minutes.
func TestFreshProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	b := w.browser().signIn("ann@example.com")
	status(t, "fresh", b.get("/settings/password"), http.StatusOK)
	w.sql(`update sessions set proved_at = now() - interval '6 minutes'`)
	if a := b.get("/settings/password"); a.location() != "/prove?next=%2Fsettings%2Fpassword" {
		t.Errorf("a form without time to fill it in: %d %s", a.status, a.location())
	}
	w.forget("ann@example.com")
	a := b.post("/settings/password", url.Values{"password": {"another long password"}}, header{"Referer", w.base + "/settings/password"})
	if a.status != http.StatusSeeOther || a.location() != "/prove?next=%2Fsettings%2Fpassword" {
		t.Errorf("an old proof: %d %s", a.status, a.location())
	}
	a = b.post("/settings/email", url.Values{"email": {"eve@example.com"}}, asPart, header{"HX-Current-URL", w.base + "/settings/email"})
	if a.status != http.StatusNoContent || a.header.Get("HX-Redirect") != "/prove?next=%2Fsettings%2Femail" {
		t.Errorf("an old proof, as a part: %d %v", a.status, a.header)
	}
	a = b.post("/settings/password", url.Values{"password": {"x"}}, header{"Referer", "https://evil.example//evil.example/x"})
	if a.location() != "/prove?next=%2F" {
		t.Errorf("a page elsewhere leads to %s", a.location())
	}
	if w.value(`select count(*)::text from mails`) != "0" {
		t.Error("it was done all the same")
	}
	page := b.get("/prove?next=/settings/password")
	contains(t, page, "Is it you?", "Nothing was changed yet")
	a = b.post("/prove", url.Values{"proof": {"not it"}, "next": {"/settings/password"}})
	status(t, "a wrong proof", a, http.StatusUnprocessableEntity)
	contains(t, a, "This is not your password", `value="/settings/password"`)
	before := b.cookie()
	a = b.post("/prove", url.Values{"proof": {password}, "next": {"/settings/password"}})
	if a.status != http.StatusSeeOther || a.location() != "/settings/password" || b.cookie() == before {
		t.Errorf("proved: %d %s, new cookie %v", a.status, a.location(), b.cookie() != before)
	}
	w.gone(before)
	status(t, "after it", b.get("/settings/password"), http.StatusOK)
	if a := b.get("/prove?next=//evil.example"); a.location() != "/" {
		t.Errorf("a proof leads to %s", a.location())
	}
}

func TestChangeEmail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	w.owner("Bob")
	b := w.browser().signIn("ann@example.com")
	for email, says := range map[string]string{"x": "Enter an e-mail address", "ANN@example.com": "your address already"} {
		a := b.post("/settings/email", url.Values{"email": {email}})
		status(t, email, a, http.StatusUnprocessableEntity)
		contains(t, a, says)
	}
	// Somebody else's: the same answer, and the other is told.
	status(t, "taken", b.post("/settings/email", url.Values{"email": {"Bob@example.com"}}), http.StatusSeeOther)
	contains(t, b.get("/settings/profile"), "We have sent a mail to Bob@example.com")
	if w.mails("email-taken") != "1" || w.mails("confirm-email") != "0" {
		t.Error("an address that is taken")
	}
	b.post("/forgot", url.Values{"email": {"ann@example.com"}})
	reset := w.mailed("reset", "ann@example.com")
	status(t, "ask", b.post("/settings/email", url.Values{"email": {"Mid@example.com"}}), http.StatusSeeOther)
	confirm := w.mailed("confirm-email", "mid@example.com")
	contains(t, b.get(confirm), "mid@example.com", "Use this address")
	if w.value(`select count(*)::text from users where email = 'ann@example.com'`) != "1" {
		t.Fatal("looking at the link changes the address")
	}
	status(t, "confirm", w.browser().post(confirm, url.Values{}), http.StatusOK)
	status(t, "confirm again", w.browser().post(confirm, url.Values{}), http.StatusNotFound)
	status(t, "a reset link to the old address", w.browser().post(reset, url.Values{"password": {"another long password"}}), http.StatusNotFound)
	var told struct{ To, Undo string }
	if !w.letter("email-changed", "ann@example.com", &told) || told.To != "m…@example.com" {
		t.Errorf("the old address is told %+v", told)
	}
	undo := w.mailed("email-changed", "ann@example.com")

	// Whoever has taken the account over changes the address once more, and the
	// password; the first address gets it back all the same.
	b.post("/settings/email", url.Values{"email": {"eve@example.com"}})
	status(t, "confirm the second", b.post(w.mailed("confirm-email", "eve@example.com"), url.Values{}), http.StatusOK)
	second := w.mailed("email-changed", "mid@example.com")
	status(t, "a new password", b.post("/settings/password", url.Values{"password": {"another long password"}}), http.StatusSeeOther)
	contains(t, w.browser().get(undo), "ann@example.com", "Take the change back")
	status(t, "undo", w.browser().post(undo, url.Values{}), http.StatusOK)
	w.gone(b.cookie())
	status(t, "the later way back", w.browser().post(second, url.Values{}), http.StatusNotFound)
	if got := w.value(`select string_agg(email, ' ' order by email) from users`); got != "ann@example.com bob@example.com" {
		t.Errorf("addresses: %s", got)
	}
	status(t, "a password again", w.browser().post(w.mailed("reset", "ann@example.com"), url.Values{"password": {password}}), http.StatusSeeOther)
	acts := w.value(`select string_agg(act, ' ' order by seq) from audit where chain = (select id from users where email = 'ann@example.com')`)
	if acts != "person.signed_up session.signed_in email.change_asked email.change_asked email.changed email.change_asked email.changed password.changed email.change_undone password.reset session.signed_in" {
		t.Errorf("the log says %s", acts)
	}
	if _, broken, err := w.store.Install("test").VerifyAudit(t.Context()); err != nil || len(broken) > 0 {
		t.Errorf("the log is broken: %v %v", broken, err)
	}
	details := w.value(`select string_agg(details::text, '') from audit`)
	if strings.Contains(details, "@") {
		t.Errorf("the log holds addresses: %s", details)
	}
}

// A sign-in from a browser in which the person never was is told by mail.
func TestNewBrowserIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.owner("Ann")
	w.owner("Bob")
	first := w.browser().signIn("ann@example.com")
	first.csrf = ""
	first.signIn("ann@example.com")
	if w.mails("new-sign-in") != "0" {
		t.Error("the first browser is told of")
	}
	other := w.browser()
	other.post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}}, header{"User-Agent", "Firefox/142.0 (X11; Linux)"})
	other.post("/sign-in", url.Values{"email": {"ann@example.com"}, "password": {password}})
	if w.mails("new-sign-in") != "1" {
		t.Errorf("%s mails for one new browser", w.mails("new-sign-in"))
	}
	var l struct{ Agent, Address, Devices, Zone string }
	if !w.letter("new-sign-in", "ann@example.com", &l) || l.Agent != "Firefox/142.0 (X11; Linux)" || l.Address != "127.0.0.1" || l.Devices != w.base+"/settings/devices" || l.Zone != "Europe/Berlin" {
		t.Errorf("the mail says %+v", l)
	}
	// Two people at one browser have nothing in common in what is kept.
	first.csrf = ""
	first.signIn("bob@example.com")
	if got := w.value(`select count(distinct id)::text from known_devices`); got != "3" {
		t.Errorf("%s devices are known", got)
	}
}
