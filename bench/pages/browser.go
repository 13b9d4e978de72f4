package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/allin-platform/allin/bench/rig"
)

// browser is somebody who is signed in.
type browser struct {
	origin string
	client *http.Client
	csrf   string
}

// signIn opens a session of its own.
func (b *bench) signIn(ctx context.Context) (*browser, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	w := &browser{origin: b.origin, client: &http.Client{Jar: jar, Timeout: time.Minute, Transport: &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	status, err := w.post(ctx, "/sign-in", url.Values{"email": {b.workspace.Member.Email}, "password": {rig.Password}})
	if err != nil || status != http.StatusSeeOther {
		return nil, fmt.Errorf("sign in: status %d, %w", status, err)
	}
	text, err := w.read(ctx, "/posts/new")
	if err != nil {
		return nil, err
	}
	found := csrfField.FindStringSubmatch(text)
	if found == nil {
		return nil, errors.New("the composer's form has no token")
	}
	w.csrf = found[1]
	return w, nil
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// get asks for a page and returns how many bytes it has.
func (w *browser) get(ctx context.Context, path string) (int, error) {
	text, err := w.read(ctx, path)
	return len(text), err
}

func (w *browser) read(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.origin+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %d", path, resp.StatusCode)
	}
	return string(body), err
}

func (w *browser) post(ctx context.Context, path string, form url.Values) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.origin+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// create has the clients schedule posts through the composer's form, as fast
// as they are answered, and returns how many a second there were.
func (b *bench) create(ctx context.Context) (float64, error) {
	b.Say("%d clients create posts for %d seconds", b.clients, b.seconds)
	browsers := make([]*browser, b.clients)
	for i := range browsers {
		var err error
		if browsers[i], err = b.signIn(ctx); err != nil {
			return 0, err
		}
	}
	day := time.Now().UTC().AddDate(0, 1, 0).Format(time.DateOnly)
	schedule := func(i, n int) error {
		w := browsers[i]
		status, err := w.post(ctx, "/posts", url.Values{"csrf": {w.csrf}, "do": {"schedule"},
			"account": {b.accounts[(i+n)%len(b.accounts)].ID.String()}, "part-0-text": {fmt.Sprintf("Client %d writes post %d.", i, n)},
			"date": {day}, "time": {fmt.Sprintf("%02d:%02d", n/60%24, n%60)}, "zone": {"UTC"}})
		if err == nil && status != http.StatusSeeOther {
			err = fmt.Errorf("creating a post answers %d", status)
		}
		return err
	}
	sent, err := b.statements.of(func() error { return schedule(0, 0) })
	if err != nil {
		return 0, err
	}
	b.report.Add("create_queries", b.told("create", sent))
	var made atomic.Int64
	began := time.Now()
	end := began.Add(time.Duration(b.seconds) * time.Second)
	g := &errgroup.Group{}
	for i := range browsers {
		g.Go(func() error {
			for n := 1; time.Now().Before(end); n++ {
				if err := schedule(i, n); err != nil {
					return err
				}
				made.Add(1)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	return float64(made.Load()) / time.Since(began).Seconds(), nil
}
