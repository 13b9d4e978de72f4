package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/a-h/templ"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/bench/rig"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/calendar"
	"github.com/allin-platform/allin/views/compose"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/posts"
)

// page is one that is measured: its address, and its template with the data
// that it shows there.
type page struct {
	name, path string
	component  func(ctx context.Context, f layout.Frame) (templ.Component, error)
}

func (b *bench) pages() []page {
	chosen := url.Values{}
	for _, a := range b.accounts[:3] {
		chosen.Add("account", a.ID.String())
	}
	post := "/posts/" + b.posts.published.String()
	return []page{
		{"month", "/calendar?view=month", func(ctx context.Context, f layout.Frame) (templ.Component, error) {
			return b.calendar(ctx, f, calendar.Month)
		}},
		{"week", "/calendar?view=week", func(ctx context.Context, f layout.Frame) (templ.Component, error) {
			return b.calendar(ctx, f, calendar.Week)
		}},
		{"list", "/posts", b.list},
		{"composer", "/posts/new?" + chosen.Encode(), func(ctx context.Context, f layout.Frame) (templ.Component, error) { return b.composer(ctx, f, chosen) }},
		{"post", post, b.post},
	}
}

func (b *bench) calendar(ctx context.Context, f layout.Frame, view calendar.View) (templ.Component, error) {
	now := time.Now()
	p := calendar.Params{Frame: f, View: view, Date: now.UTC().Format(time.DateOnly), Now: now, WeekStart: b.workspace.Member.WeekStart,
		Publish: true, Write: true}
	perDay := calendar.PerDay
	if view == calendar.Week {
		perDay = 0
	}
	from, days, err := calendar.Range(view, p.Date, p.WeekStart)
	if err != nil {
		return nil, err
	}
	if p.Calendar, err = b.workspace.Calendar(ctx, from, days, perDay, p.Filter); err != nil {
		return nil, err
	}
	p.Frame.Area, p.Frame.Title = layout.Calendar, calendar.Title(p)
	p.Accounts, err = b.workspace.Accounts(ctx)
	return calendar.Page(p), err
}

// rows is how many posts the list shows.
const rows = 50

func (b *bench) list(ctx context.Context, f layout.Frame) (templ.Component, error) {
	p := posts.ListParams{Frame: f, Tab: posts.Upcoming, Zone: b.workspace.Zone(), Now: time.Now(), Write: true}
	p.Frame.Area, p.Frame.Title = layout.Posts, "Posts"
	page, err := b.workspace.List(ctx, p.Filter, false, "", rows)
	if err != nil {
		return nil, err
	}
	p.Entries, p.Next = page.Entries, page.Next
	p.Accounts, err = b.workspace.Accounts(ctx)
	return posts.ListPage(p), err
}

func (b *bench) composer(ctx context.Context, f layout.Frame, chosen url.Values) (templ.Component, error) {
	form := url.Values{"account": chosen["account"], "zone": {b.workspace.Zone()}}
	p := compose.Params{Frame: f, Form: compose.ParseForm(form), Autosave: true, Publish: true, Zone: b.workspace.Zone(),
		Today: time.Now().UTC().Format(time.DateOnly)}
	p.Frame.Area, p.Frame.Title = layout.Posts, "New post"
	var err error
	if p.Accounts, err = b.workspace.Accounts(ctx); err != nil {
		return nil, err
	}
	p.Review, err = b.workspace.Review(ctx, p.Form.Composition())
	return compose.Page(p), err
}

func (b *bench) post(ctx context.Context, f layout.Frame) (templ.Component, error) {
	page, err := b.workspace.PostPage(ctx, b.posts.published)
	if err != nil {
		return nil, err
	}
	p := posts.PostParams{Frame: f, Page: page, Zone: b.workspace.Zone(), Now: time.Now(), Publish: true, Write: true}
	p.Frame.Area, p.Frame.Title = layout.Posts, page.Post.Content.Excerpt()
	return posts.Page(p), nil
}

// frame is what stands around the pages.
func (b *bench) frame() layout.Frame {
	w := b.workspace
	return layout.Frame{Page: layout.Page{Theme: "system", CSRF: models.NewToken(), Now: time.Now(), Live: "/live"},
		Organization: w.Organization.Name, Person: layout.Person{Name: w.Member.Name, Email: w.Member.Email}, Compose: true,
		Organizations: []layout.Organization{{Name: w.Organization.Name, URL: "/organizations/" + w.Organization.ID.String() + "/open", Current: true}}}
}

// measurement is what came out for one page; times are medians in milliseconds.
type measurement struct {
	name                string
	server, sql, render float64
	queries, bytes      int
}

func (m measurement) line() string {
	var r rig.Report
	r.Add("page", m.name)
	r.Add("server_ms", m.server)
	r.Add("sql_ms", m.sql)
	r.Add("render_ms", m.render)
	r.Add("queries", m.queries)
	r.Add("bytes", m.bytes)
	return r.Line()
}

func (m measurement) allowed() float64 { return sqlAllowance*m.sql + m.render }

func (m measurement) ratio() float64 { return m.server / m.allowed() }

// measurePage takes the three times of a page in turns, so that whatever else
// the machine does falls on all of them.
func (b *bench) measurePage(ctx context.Context, browser *browser, p page) (measurement, error) {
	m := measurement{name: p.name}
	c, err := pgx.Connect(ctx, b.Postgres.DSN())
	if err != nil {
		return m, fmt.Errorf("connect: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	component, err := p.component(ctx, b.frame())
	if err != nil {
		return m, err
	}
	for range 20 { // connections, prepared statements, caches
		if m.bytes, err = browser.get(ctx, p.path); err != nil {
			return m, err
		}
	}
	sent, err := b.statements.of(func() error { _, err := browser.get(ctx, p.path); return err })
	if err != nil {
		return m, err
	}
	m.queries = b.told(p.name, sent)
	var server, sql, render []time.Duration
	var out bytes.Buffer
	for i := range b.samples + 5 {
		began := time.Now()
		if _, err := browser.get(ctx, p.path); err != nil {
			return m, err
		}
		whole := time.Since(began)
		bare, err := replay(ctx, c, sent)
		if err != nil {
			return m, fmt.Errorf("replay: %w", err)
		}
		out.Reset()
		began = time.Now()
		if err := component.Render(ctx, &out); err != nil {
			return m, fmt.Errorf("render: %w", err)
		}
		drawn := time.Since(began)
		if i >= 5 {
			server, sql, render = append(server, whole), append(sql, bare), append(render, drawn)
		}
	}
	m.server, m.sql, m.render = median(server), median(sql), median(render)
	if off := out.Len() - m.bytes; off > m.bytes/20 || -off > m.bytes/20 {
		return m, fmt.Errorf("the template alone wrote %d bytes and the page has %d: they are not the same page", out.Len(), m.bytes)
	}
	return m, nil
}

func median(list []time.Duration) float64 { return rig.Milliseconds(rig.Percentile(list, 0.5)) }
