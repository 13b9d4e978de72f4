package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"github.com/allin-platform/allin/models"
)

// live opens a live connection of the browser's session.
func (b *browser) live(origin string) (*websocket.Conn, int, error) {
	h := http.Header{"Cookie": {"allin=" + b.cookie()}}
	if origin != "" {
		h.Set("Origin", origin)
	}
	conn, resp, err := websocket.DefaultDialer.DialContext(b.t.Context(), "ws"+strings.TrimPrefix(b.base, "http")+"/live", h)
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	if err == nil {
		b.t.Cleanup(func() { conn.Close() })
	}
	return conn, status, err
}

type news struct {
	Changed []string
	Resync  bool
}

// hears reads until a message names the topic.
func hears(t *testing.T, conn *websocket.Conn, topic string) {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	for {
		_, text, err := conn.ReadMessage()
		if err != nil {
			t.Fatalf("waiting for %q: %v", topic, err)
		}
		var n news
		must(t, json.Unmarshal(text, &n))
		if slices.Contains(n.Changed, topic) {
			return
		}
	}
}

func closedWith(t *testing.T, conn *websocket.Conn, code int) {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	for {
		_, _, err := conn.ReadMessage()
		if err == nil {
			continue
		}
		var closed *websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != code {
			t.Errorf("connection ended with %v, want %d", err, code)
		}
		return
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann, bob := w.owner("Ann"), w.owner("Bob")
	b := w.browser().signIn("ann@example.com")
	for _, origin := range []string{"", "null", "https://evil.example", "http://127.0.0.1:1"} {
		if _, status, err := b.live(origin); err == nil || status != http.StatusForbidden {
			t.Errorf("origin %q: %d", origin, status)
		}
	}
	if _, status, err := w.browser().live(w.base); err == nil || status == http.StatusSwitchingProtocols {
		t.Errorf("signed out: %d", status)
	}
	conn, _, err := b.live(w.base)
	must(t, err)

	// Until the server listens to the database, what changes there is not heard of.
	ready, stop := context.WithCancel(t.Context())
	go func() {
		for ready.Err() == nil {
			ann.ReadNotifications(ready)
			time.Sleep(50 * time.Millisecond)
		}
	}()
	hears(t, conn, "notifications")
	stop()

	id, err := bob.CreateDraft(t.Context(), composition("Bob's"))
	must(t, err)
	own, err := ann.CreateDraft(t.Context(), composition("Ann's"))
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	for {
		_, text, err := conn.ReadMessage()
		must(t, err)
		if strings.Contains(string(text), id.String()) {
			t.Fatal("Ann hears of Bob's post")
		}
		if strings.Contains(string(text), "post:"+own.String()) {
			break
		}
	}
	if strings.Contains(w.value(`select data::text from sessions limit 1`), "Ann's") {
		t.Error("a message holds content")
	}
}

// Whoever is signed out, or taken out of the organization, hears nothing more.
func TestLiveEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ann := w.owner("Ann")
	eve := w.member(ann, "Eve", models.Viewer)
	owner, member := w.browser().signIn("ann@example.com"), w.browser().signIn("eve@example.com")
	first, _, err := owner.live(w.base)
	must(t, err)
	second, _, err := member.live(w.base)
	must(t, err)
	status(t, "sign out", owner.post("/sign-out", url.Values{}), http.StatusSeeOther)
	must(t, ann.RemoveMember(t.Context(), eve.Member.ID))
	closedWith(t, first, websocket.ClosePolicyViolation)
	closedWith(t, second, websocket.ClosePolicyViolation)

	again, _, err := w.browser().signIn("ann@example.com").live(w.base)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	must(t, w.server.Shutdown(ctx))
	closedWith(t, again, websocket.CloseServiceRestart)
}
