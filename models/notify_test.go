package models_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

func (w *world) person(ws *models.Workspace) *models.Person {
	w.t.Helper()
	p, err := w.Install("test").SignIn(w.t.Context(), ws.Member.Email, "correct horse", "127.0.0.1")
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) verify(ws *models.Workspace) {
	super(w.t, w.dsn, `update users set email_verified_at = now() where id = '`+ws.Member.ID.String()+`'`)
}

// miss lets a post of the organization miss its time, which tells its people.
func (w *world) miss(ws *models.Workspace, a *models.Account, title string) {
	w.t.Helper()
	if _, err := ws.Schedule(w.t.Context(), nil, text(title, a), tomorrow("10:00")); err != nil {
		w.t.Fatal(err)
	}
	super(w.t, w.dsn, `update deliveries set next_at = now() - interval '2 hours', due_at = now() - interval '2 hours', fresh_at = now() - interval '2 hours' where state = 'scheduled'`)
	if _, err := w.Install("clock").MarkMissed(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// mailed lets the clock gather, and returns the mails that this posted.
func (w *world) mailed(want int) []*models.MailClaim {
	w.t.Helper()
	if n, err := w.Install("clock").MailNotices(w.t.Context()); err != nil || n != want {
		w.t.Fatalf("%d mails were posted, want %d; %v", n, want, err)
	}
	var list []*models.MailClaim
	for _, id := range w.due() {
		m, err := w.Install("mail").ClaimMail(w.t.Context(), id)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := m.Sent(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// letter reads the only mail of that kind.
func (w *world) letter(l models.Letter, into any) {
	w.t.Helper()
	found := 0
	for _, id := range w.due() {
		m, err := w.Install("mail").ClaimMail(w.t.Context(), id)
		w.ok(err)
		if m.Kind == l.Kind() {
			found++
			w.ok(json.Unmarshal(m.Content, into))
		}
	}
	if found != 1 {
		w.t.Fatalf("%d mails of the kind %s", found, l.Kind())
	}
}

// Times in mails are those of who reads them: a person's zone, or the
// organization's where the reader has no account.
func TestLettersCarryAZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	ws.Organization.TimeZone = "Asia/Kolkata"
	super(t, w.dsn, `update users set time_zone = 'America/Lima'`)
	in := w.Install("test")
	first := w.tokens(ws)
	second, err := in.Refresh(calledFrom(t, "127.0.0.1"), first.Refresh)
	noError(t, err)
	_, err = in.Refresh(calledFrom(t, "127.0.0.1"), second.Refresh)
	noError(t, err)
	if _, err := in.Refresh(calledFrom(t, "127.0.0.1"), first.Refresh); models.CodeOf(err) != models.Unauthenticated {
		t.Fatal(err)
	}
	var reused models.RefreshReused
	w.letter(reused, &reused)
	if reused.Zone != "America/Lima" {
		t.Errorf("the person's letter has the zone %q", reused.Zone)
	}

	id, err := ws.AskApproval(t.Context(), nil, text("Hello", w.account(ws, "acme.example")), tomorrow("10:00"), "")
	noError(t, err)
	w.client(ws, id)
	var asked models.ReviewAsked
	w.letter(asked, &asked)
	if asked.Zone != "Asia/Kolkata" || asked.WhenZone != tomorrow("10:00").At.Zone || !strings.HasSuffix(asked.When, " at 10:00") {
		t.Errorf("the client's letter: %+v", asked)
	}
}

func notices(t *testing.T, ws *models.Workspace) int {
	list, _, err := ws.Notifications(t.Context(), 50)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func TestNotificationsGoWhereTheyAreWanted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	a := w.account(ws, "acme.example")
	p, ctx := w.person(ws), t.Context()

	// An address that nobody confirmed gets nothing.
	super(t, w.dsn, `update users set email_verified_at = null`)
	w.miss(ws, a, "one")
	w.mailed(0)
	if n := notices(t, ws); n != 1 {
		t.Fatalf("%d notifications in the app", n)
	}

	w.verify(ws)
	w.miss(ws, a, "two")
	mails := w.mailed(1)
	var l models.NoticeLetter
	if err := json.Unmarshal(mails[0].Content, &l); err != nil || mails[0].Kind != "notice" || mails[0].Email != "acme@example.com" {
		t.Fatalf("%+v, %v", mails[0], err)
	}
	if l.Title != "A post missed its time" || l.Organization != "Acme" || !strings.HasPrefix(l.Href, "https://allin.example/notifications/") ||
		!strings.HasPrefix(l.Unsubscribe, "https://allin.example/unsubscribe/") {
		t.Errorf("%+v", l)
	}
	id, err := uuid.Parse(strings.TrimPrefix(l.Href, "https://allin.example/notifications/"))
	if err != nil {
		t.Fatal(err)
	}
	if at, err := p.NotificationPlace(ctx, id); err != nil || at.Organization != ws.Organization.ID || at.Notification.PostID == nil {
		t.Errorf("it leads to %+v, %v", at, err)
	}
	stranger := w.person(w.organization("Other"))
	if _, err := stranger.NotificationPlace(ctx, id); models.CodeOf(err) != models.NotFound {
		t.Errorf("a stranger finds it: %v", err)
	}

	// A bad hour makes few mails.
	w.miss(ws, a, "three")
	w.miss(ws, a, "four")
	w.mailed(0)
	super(t, w.dsn, `update users set notified_at = now() - interval '16 minutes'`)
	if mails := w.mailed(1); mails[0].Kind != "digest" || strings.Count(string(mails[0].Content), "missed its time") != 2 {
		t.Errorf("%s", mails[0].Content)
	}

	super(t, w.dsn, `update users set notified_at = null`)
	if err := p.ChooseNotifications(ctx, map[string]models.Reach{"delivery.missed": models.ReachApp}); err != nil {
		t.Fatal(err)
	}
	w.miss(ws, a, "five")
	w.mailed(0)
	before := notices(t, ws)
	if err := p.ChooseNotifications(ctx, map[string]models.Reach{"delivery.missed": models.ReachOff}); err != nil {
		t.Fatal(err)
	}
	w.miss(ws, a, "six")
	if n := notices(t, ws); n != before || before != 5 {
		t.Errorf("%d notifications, then %d", before, n)
	}
	for _, bad := range []map[string]models.Reach{{"delivery.missed": "loud"}, {"no.such": models.ReachOff}} {
		if err := p.ChooseNotifications(ctx, bad); models.CodeOf(err) != models.Invalid {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// What was read in the app is no news.
func TestReadNotificationsAreNotMailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	w.verify(ws)
	w.miss(ws, w.account(ws, "acme.example"), "one")
	if err := ws.ReadNotifications(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.mailed(0)
}

func TestDigestComesAtTheHourOfTheZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	a := w.account(ws, "acme.example")
	w.verify(ws)
	p, ctx := w.person(ws), t.Context()
	for _, zone := range []string{"Pacific/Kiritimati", "Asia/Kolkata", "America/Los_Angeles"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		super(t, w.dsn, fmt.Sprintf(`update users set time_zone = '%s', notified_at = null where id = '%s'`, zone, ws.Member.ID))
		hour := time.Now().In(loc).Add(2 * time.Hour).Hour()
		if err := p.ChooseDigest(ctx, &hour); err != nil {
			t.Fatal(err)
		}
		w.miss(ws, a, zone)
		w.mailed(0)
		// As if it had happened three hours ago: the hour has not come since then.
		super(t, w.dsn, `update notifications set created_at = created_at - interval '3 hours' where mail`)
		w.mailed(0)
		// And yesterday: it has.
		super(t, w.dsn, `update notifications set created_at = created_at - interval '21 hours' where mail`)
		mails := w.mailed(1)
		if mails[0].Kind != "notice" {
			t.Errorf("%s: %s", zone, mails[0].Kind)
		}
	}
	past := 24
	if err := p.ChooseDigest(ctx, &past); models.CodeOf(err) != models.Invalid {
		t.Errorf("hour 24: %v", err)
	}
}

func TestUnsubscribeEndsMailsAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ws := w.organization("Acme")
	a := w.account(ws, "acme.example")
	w.verify(ws)
	p, in, ctx := w.person(ws), w.Install("mail"), t.Context()
	w.miss(ws, a, "one")
	var l models.NoticeLetter
	if err := json.Unmarshal(w.mailed(1)[0].Content, &l); err != nil {
		t.Fatal(err)
	}
	token := strings.TrimPrefix(l.Unsubscribe, "https://allin.example/unsubscribe/")
	if kind, err := in.Unsubscription(token); err != nil || kind != "Posts that missed their time" {
		t.Errorf("%q, %v", kind, err)
	}
	for _, bad := range []string{"", "x", token[1:], token + "A", strings.Repeat("A", 5000)} {
		if err := in.Unsubscribe(ctx, bad); models.CodeOf(err) != models.NotFound {
			t.Errorf("token %.20q: %v", bad, err)
		}
	}
	if err := p.ChooseNotifications(ctx, map[string]models.Reach{"delivery.failed": models.ReachOff}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := in.Unsubscribe(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	c, err := p.NotificationChoices(ctx)
	if err != nil || c.Reach["delivery.missed"] != models.ReachApp || c.Reach["delivery.failed"] != models.ReachOff || c.Reach["account.reconnect"] != models.ReachMail {
		t.Errorf("%v, %v", c.Reach, err)
	}
	if other, err := w.person(w.organization("Other")).NotificationChoices(ctx); err != nil || other.Reach["delivery.missed"] != models.ReachMail {
		t.Errorf("somebody else's: %v, %v", other.Reach, err)
	}

	// The link of a mail with several ends all kinds; what is off stays off.
	super(t, w.dsn, `update users set notified_at = null; update notifications set mail = true, read_at = null;
		insert into notifications (organization_id, user_id, kind, title, mail) select organization_id, user_id, 'delivery.unknown', 'Is it live?', true from notifications limit 1`)
	var d models.DigestLetter
	if err := json.Unmarshal(w.mailed(1)[0].Content, &d); err != nil || len(d.Notices) != 2 {
		t.Fatalf("%+v, %v", d, err)
	}
	if err := in.Unsubscribe(ctx, strings.TrimPrefix(d.Unsubscribe, "https://allin.example/unsubscribe/")); err != nil {
		t.Fatal(err)
	}
	if c, err = p.NotificationChoices(ctx); err != nil {
		t.Fatal(err)
	}
	for kind, reach := range c.Reach {
		if reach == models.ReachMail || (kind == "delivery.failed") != (reach == models.ReachOff) {
			t.Errorf("%s reaches %s", kind, reach)
		}
	}
}
