package sandbox

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// say makes a creating call on a network, with its answer or its failure.
func (b *box) say(c Credentials, text string) (reply, error) {
	b.t.Helper()
	var path string
	var body any
	switch c.Network {
	case X:
		path, body = "/x/2/tweets", map[string]string{"text": text}
	case Mastodon:
		path, body = "/mastodon/api/v1/statuses", map[string]string{"status": text}
	default:
		path, body = xrpc+"com.atproto.repo.createRecord", map[string]any{"repo": c.RemoteID, "collection": postCollection, "record": said(text)}
	}
	return b.try("POST", path, c.AccessToken, strings.NewReader(string(encodeJSON(body))), "Content-Type", "application/json")
}

// What a caller sees of each fault; 0 stands for no answer.
var faultStatus = map[Fault][3]int{ // x, mastodon, bluesky
	ResetBefore: {0, 0, 0}, ErrorBefore: {500, 500, 500}, Limited: {429, 429, 429}, Refuse: {403, 422, 400},
	ResetAfter: {0, 0, 0}, ErrorAfter: {500, 500, 500}, Hang: {0, 0, 0}, BadAfter: {400, 400, 400},
	NoID: {201, 200, 200}, HTML: {200, 200, 200}, Slow: {201, 200, 200}, Giant: {201, 200, 200},
}

func TestFaults(t *testing.T) {
	for i, network := range []string{X, Mastodon, Bluesky} {
		for _, fault := range Kinds {
			t.Run(network+"/"+string(fault), func(t *testing.T) {
				b := newBox(t)
				c := b.account(network, "anna")
				err := b.SetFaults(FaultPlan{Network: network, HangSeconds: 0.05, SlowSeconds: 0.1, LimitedSeconds: 30,
					Next: []Next{{Fault: fault, Handle: c.Handle}}})
				if err != nil {
					t.Fatal(err)
				}
				r, err := b.say(c, "first")
				want := faultStatus[fault][i]
				if (err != nil) != (want == 0) || err == nil && r.status != want {
					t.Fatalf("got %d %.80s, %v; want %d", r.status, r.body, err, want)
				}
				if reset := fault == ResetBefore || fault == ResetAfter; reset && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("not reset: %v", err)
				}
				list := b.entries()
				if (len(list) == 1) != fault.Accepts() {
					t.Fatalf("journal %+v", list)
				}
				if len(list) == 1 && (list[0].Fault != fault || list[0].Answered == Told || list[0].Text != "first") {
					t.Errorf("journal %+v", list[0])
				}
				if r, err = b.say(c, "second"); err != nil || r.status >= 300 {
					t.Fatalf("the next call: %d %s, %v", r.status, r.body, err)
				}
				if list = b.entries(); list[len(list)-1].Answered != Told {
					t.Errorf("journal %+v", list)
				}
			})
		}
	}
}

func TestLimitedSpeaksEachDialect(t *testing.T) {
	b := newBox(t)
	for network, header := range map[string]string{X: "x-rate-limit-reset", Mastodon: "X-RateLimit-Reset", Bluesky: "ratelimit-reset"} {
		c := b.account(network, "anna")
		if err := b.FailNext(network, Next{Fault: Limited}); err != nil {
			t.Fatal(err)
		}
		r, err := b.say(c, "a")
		if err != nil || r.status != 429 || r.header.Get(header) == "" {
			t.Errorf("%s: %d, %v, %v", network, r.status, r.header, err)
		}
	}
}

func TestRatesFollowTheSeed(t *testing.T) {
	draws := func() (out []Fault) {
		var f faults
		f.set(FaultPlan{Seed: 4, Rates: map[Fault]float64{ResetAfter: 0.2, Limited: 0.1}})
		for range 1000 {
			out = append(out, f.draw("anna"))
		}
		return out
	}
	first, second := draws(), draws()
	count := map[Fault]int{}
	for i := range first {
		if first[i] != second[i] {
			t.Fatal("one seed, two stories")
		}
		count[first[i]]++
	}
	if count[ResetAfter] < 150 || count[ResetAfter] > 250 || count[Limited] < 60 || count[Limited] > 140 {
		t.Errorf("drawn %v", count)
	}
}

func TestHangAcceptsThoughNobodyWaits(t *testing.T) {
	b := newBox(t)
	c := b.account(X, "anna")
	if err := b.SetFaults(FaultPlan{Network: X, HangSeconds: 0.2, Next: []Next{{Fault: Hang}}}); err != nil {
		t.Fatal(err)
	}
	b.http.Timeout = 50 * time.Millisecond
	if _, err := b.say(c, "late"); err == nil {
		t.Fatal("there was an answer")
	}
	for range 100 {
		if list := b.entries(); len(list) == 1 && list[0].Answered == Lost {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("never accepted")
}

func TestControl(t *testing.T) {
	b := newBox(t)
	made := b.want(b.json("POST", "/control/accounts", "", map[string]string{"network": X, "handle": "anna", "name": "Anna"}), 200)
	c := Credentials{Network: X, AccessToken: made.str("access_token")}
	b.want(b.json("POST", "/control/faults", "", map[string]any{"network": X, "seed": 1, "error_after": 1}), 200)
	if r, err := b.say(c, "a"); err != nil || r.status != 500 {
		t.Fatalf("%d, %v", r.status, err)
	}
	b.want(b.json("POST", "/control/faults", "", map[string]any{"network": X, "error_after": 2}), 422)
	b.want(b.json("POST", "/control/faults", "", map[string]any{"network": X, "next": []any{map[string]any{"fault": "refuse", "count": 2}}}), 200)
	for i, want := range []int{403, 403, 201} {
		if r, err := b.say(c, fmt.Sprint("b", i)); err != nil || r.status != want {
			t.Fatalf("call %d: %d, %v", i, r.status, err)
		}
	}
	b.want(b.json("POST", "/control/network", "", map[string]any{"network": X, "down": true}), 200)
	if r, err := b.say(c, "c"); err != nil || r.status != 503 {
		t.Fatalf("%d, %v", r.status, err)
	}
	b.want(b.json("POST", "/control/network", "", map[string]any{"network": X, "down": false}), 200)
	b.want(b.json("POST", "/control/tokens", "", map[string]string{"network": X, "handle": "anna", "action": "expire"}), 200)
	if r, err := b.say(c, "d"); err != nil || r.status != 401 {
		t.Fatalf("%d, %v", r.status, err)
	}
	b.want(b.form("/control/tokens", nil), 415)
	journal := b.want(b.get("/control/journal", ""), 200)
	if n := strings.Count(string(journal.body), "\n"); n != 2 || strings.Contains(string(journal.body), c.AccessToken) {
		t.Errorf("journal\n%s", journal.body)
	}
	for e, err := range ReadJournal(strings.NewReader(string(journal.body))) {
		if err != nil || e.Handle != "anna" {
			t.Errorf("%+v, %v", e, err)
		}
	}
	after := b.get(fmt.Sprintf("/control/journal?after=%d", b.entries()[0].Seq), "")
	if n := strings.Count(string(after.body), "\n"); n != 1 {
		t.Errorf("journal\n%s", after.body)
	}
	b.want(b.get("/control", ""), 200, "Accepted, then 500", "b2")
}

func TestPastPosts(t *testing.T) {
	b := newBox(t)
	for _, network := range []string{X, Mastodon, Bluesky} {
		c := b.account(network, "anna")
		if r, err := b.say(c, "now"); err != nil || r.status >= 300 {
			t.Fatalf("%d, %v", r.status, err)
		}
		at := b.clock().Add(-72 * time.Hour)
		p := PastPost{Network: network, Handle: c.Handle, At: at, Text: "Then #tag <i> https://example.com", Key: "p1",
			Media: []PastMedia{{Type: "image/png", Alt: "Square", Data: picture(t, 5)}}}
		first, err := b.AddPost(p)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := b.AddPost(p); err != nil || again != first {
			t.Errorf("added twice: %+v, %v", again, err)
		}
		answer, err := b.AddPost(PastPost{Network: network, Handle: c.Handle, At: at.Add(time.Minute), Text: "More", Parent: first.ID})
		if err != nil {
			t.Fatal(err)
		}
		b.reopen()
		path := strings.TrimPrefix(answer.URL, b.cfg.Base)
		page := b.want(b.get(path, ""), 200, "Then ", "More", "Square", "&lt;i&gt;", "20 Nov 2026, 12:01 UTC")
		if strings.Index(string(page.body), "Then ") > strings.Index(string(page.body), "More") {
			t.Error("the thread stands on its head")
		}
		b.want(b.get(strings.TrimPrefix(first.URL, b.cfg.Base), ""), 200, "More")
		if r, err := b.say(c, "later"); err != nil || r.status >= 300 {
			t.Fatalf("%d, %v", r.status, err)
		}
	}
}

func TestJournalCutsOffAHalfLine(t *testing.T) {
	b := newBox(t)
	c := b.account(X, "anna")
	if _, err := b.say(c, "whole"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(b.cfg.Dir, JournalName)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"seq":99,"at":"2026`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b.reopen()
	if _, err := b.say(c, "after"); err != nil {
		t.Fatal(err)
	}
	list := b.entries()
	if len(list) != 2 || list[1].Text != "after" || list[1].Seq != list[0].Seq+1 {
		t.Errorf("journal %+v", list)
	}
}

func TestManyAtOnce(t *testing.T) {
	b := newBox(t, func(c *Config) { c.Fsync = true })
	var all []Credentials
	for _, network := range []string{X, Mastodon, Bluesky} {
		for i := range 4 {
			all = append(all, b.account(network, fmt.Sprintf("a%d", i)))
		}
	}
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			for j := range 10 {
				if r, err := b.say(c, fmt.Sprintf("%d-%d", i, j)); err != nil || r.status >= 300 {
					t.Errorf("%d, %v", r.status, err)
				}
			}
		})
	}
	wg.Wait()
	list := b.entries()
	last, ids := int64(0), map[string]bool{}
	for _, e := range list {
		if e.Seq <= last || ids[e.Network+e.Account+e.ID] {
			t.Fatalf("entry %+v after %d", e, last)
		}
		last, ids[e.Network+e.Account+e.ID] = e.Seq, true
	}
	if len(list) != 120 {
		t.Errorf("%d entries", len(list))
	}
}

// discard is a writer of answers that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkCreate(b *testing.B) {
	for _, network := range []string{X, Mastodon, Bluesky} {
		for _, fsync := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/fsync=%v", network, fsync), func(b *testing.B) { benchmarkCreate(b, network, fsync) })
		}
	}
}

func benchmarkCreate(b *testing.B, network string, fsync bool) {
	s, err := Open(Config{Dir: b.TempDir(), Base: "http://127.0.0.1:3001", Fsync: fsync, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var accounts []Credentials
	for i := range 100 {
		c, err := s.CreateAccount(network, fmt.Sprintf("a%d", i), "")
		if err != nil {
			b.Fatal(err)
		}
		accounts = append(accounts, c)
	}
	path, format := "/x/2/tweets", `{"text":"Post number %d, see https://example.com/x #bench"}`
	switch network {
	case Mastodon:
		path, format = "/mastodon/api/v1/statuses", `{"status":"Post number %d, see https://example.com/x #bench"}`
	case Bluesky:
		path, format = xrpc+"com.atproto.repo.createRecord", `{"repo":"%[2]s","collection":"app.bsky.feed.post","record":{"$type":"app.bsky.feed.post","text":"Post number %[1]d","createdAt":"2026-11-23T12:00:00Z"}}`
	}
	var mu sync.Mutex
	n := 0
	b.SetParallelism(50)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			n++
			i := n
			mu.Unlock()
			c := accounts[i%len(accounts)]
			body := fmt.Sprintf(format, i)
			if network == Bluesky {
				body = fmt.Sprintf(format, i, c.RemoteID)
			}
			r := httptest.NewRequest("POST", path, io.NopCloser(strings.NewReader(body)))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+c.AccessToken)
			s.Handler().ServeHTTP(discard{http.Header{}}, r)
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
	list, err := s.Journal(0)
	if err != nil || len(list) != b.N {
		b.Fatalf("%d of %d accepted, %v", len(list), b.N, err)
	}
}
