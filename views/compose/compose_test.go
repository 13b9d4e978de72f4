package compose

import (
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"golang.org/x/net/html"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/views/layout"
)

const hostile = `"><img src=x onerror=alert(1)><b hx-get="/x" hx-trigger="load">`

var (
	first  = uuid.MustParse("00000000-0000-4000-8000-000000000001")
	second = uuid.MustParse("00000000-0000-4000-8000-000000000002")
	medium = uuid.MustParse("00000000-0000-4000-8000-000000000003")
)

func render(t testing.TB, c templ.Component) string {
	t.Helper()
	var out strings.Builder
	if err := c.Render(t.Context(), &out); err != nil {
		t.Fatalf("rendering: %v", err)
	}
	return out.String()
}

var rules = networks.Rules{Text: networks.TextRule{Max: 280}, Media: networks.MediaRules{Max: 4, Image: networks.FileRule{Max: 4}}, Thread: 25,
	Poll: &networks.PollRule{MinChoices: 2, MaxChoices: 4, MinDuration: 5 * time.Minute, MaxDuration: 168 * time.Hour},
	Options: []networks.Option{
		{Name: "who", Label: "Who can reply", Choices: []networks.Choice{{Value: "all", Label: "Everyone"}, {Value: "some", Label: "Some"}}},
		{Name: "warning", Label: "Content warning", Max: 100, CountsText: true},
	}}

// sample is a composer with the form in it, reviewed as models would.
func sample(f Form) Params {
	p := Params{Frame: layout.Frame{Page: layout.Page{Theme: "light"}}, Form: f, Zone: "Europe/Berlin", Today: "2026-11-24", Publish: true,
		Accounts: []models.Account{
			{ID: first, Network: "x", NetworkName: "X", Handle: "nordlicht", Name: "Nordlicht", State: models.Connected},
			{ID: second, Network: "mastodon", NetworkName: "Mastodon", Handle: "n@example.social", State: models.Connected},
		},
		Media: map[uuid.UUID]models.Media{medium: {ID: medium, Kind: networks.Image, Name: "hill.png"}}}
	c := f.Composition()
	for _, t := range c.Targets {
		for _, a := range p.Accounts {
			if a.ID != t.AccountID {
				continue
			}
			said := c.Content
			if t.Content != nil {
				said = *t.Content
			}
			d := networks.Draft{Options: t.Options}
			r := models.AccountReview{Account: a, Rules: rules, Look: networks.Look{HandlePrefix: "@", Actions: []string{"reply", "heart"}, Accent: "#1d9bf0"},
				Content: said, Options: t.Options, Own: t.Content != nil, Max: 280, Media: p.Media}
			for _, part := range said.Parts {
				d.Parts = append(d.Parts, networks.Part{Text: part.Text})
				r.Counts = append(r.Counts, rules.Count(networks.Part{Text: part.Text}, t.Options))
			}
			r.Problems = rules.Check(a.NetworkName, d)
			p.Review.Accounts = append(p.Review.Accounts, r)
		}
	}
	return p
}

// fields reads a page's form as a browser would send it.
func fields(t *testing.T, page string) url.Values {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	v := url.Values{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || inTemplate(n) || attr(n, "name") == "" {
			continue
		}
		switch kind := attr(n, "type"); {
		case n.Data == "textarea":
			text := ""
			if n.FirstChild != nil {
				text = n.FirstChild.Data
			}
			v.Add(attr(n, "name"), text)
		case n.Data == "select":
			for o := range n.ChildNodes() {
				if has(o, "selected") {
					v.Add(attr(n, "name"), attr(o, "value"))
				}
			}
		case n.Data != "input" || kind == "file" || (kind == "checkbox" || kind == "radio") && !has(n, "checked"):
		default:
			v.Add(attr(n, "name"), attr(n, "value"))
		}
	}
	return v
}

func inTemplate(n *html.Node) bool {
	for p := range n.Ancestors() {
		if p.Data == "template" {
			return true
		}
	}
	return false
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func full() Form {
	return Form{Version: 3, Accounts: []uuid.UUID{first, second},
		Parts: []Part{{Key: "0", Text: "First\n\nwith <b>lines</b> & \"quotes\"", Media: []uuid.UUID{medium}}, {Key: "b7", Text: "\nSecond"}, {Key: "a1", Text: "Third"}},
		Own:   map[uuid.UUID][]Part{second: {{Key: "0", Text: "Only here"}, {Key: "x", Text: "and here"}}},
		Options: map[uuid.UUID]networks.Options{
			first:  {Values: map[string]string{"who": "some"}, Poll: &networks.Poll{Choices: []string{"Yes", "No"}, Duration: time.Hour}},
			second: {Values: map[string]string{"who": "all", "warning": "Long"}}},
		Date: "2026-11-25", Time: "09:30", Zone: "Asia/Tokyo"}
}

// What the page holds, sent back, is what was put into it, but for a default, which needs no saying.
func TestFormComesBackAsItWas(t *testing.T) {
	want := full()
	got := ParseForm(fields(t, render(t, Page(sample(want)))))
	got.panels = nil
	delete(want.Options[second].Values, "who")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestPlainNumberedPartsAreRead(t *testing.T) {
	f := ParseForm(url.Values{"part-0-text": {"one"}, "part-1-text": {"two\r\nlines"}, "part-1-media": {medium.String(), "nonsense"}, "account": {first.String(), first.String(), "x"}, "do": {"draft"}})
	if want := []Part{{Key: "0", Text: "one"}, {Key: "1", Text: "two\nlines", Media: []uuid.UUID{medium}}}; !reflect.DeepEqual(f.Parts, want) {
		t.Errorf("parts are %+v", f.Parts)
	}
	if len(f.Accounts) != 1 || f.Do != "draft" {
		t.Errorf("accounts %v, do %q", f.Accounts, f.Do)
	}
	if empty := ParseForm(url.Values{}); len(empty.Parts) != 1 || !empty.Composition().Content.Empty() {
		t.Errorf("an empty form has parts %+v", empty.Parts)
	}
}

func TestHostileKeysAreLeftOut(t *testing.T) {
	f := ParseForm(url.Values{"part": {`"><b`, "0", "0", strings.Repeat("a", 40)}, "part-0-text": {"kept"}, "own-": {"1"}, "opt-" + first.String(): {"x"}, "poll-zzz": {"1"}})
	if len(f.Parts) != 1 || f.Parts[0].Text != "kept" || len(f.Own) != 0 || len(f.Options) != 0 {
		t.Errorf("form is %+v", f)
	}
}

func TestVariantsBeginWithTheCommonTextAndEnd(t *testing.T) {
	v := url.Values{"part-0-text": {"common"}, "account": {first.String()}, "own-begin": {first.String()}}
	f := ParseForm(v)
	if own := f.Own[first]; len(own) != 1 || own[0].Text != "common" {
		t.Fatalf("own text is %+v", own)
	}
	page := render(t, Review(sample(f)))
	if !strings.Contains(page, `name="own-`+first.String()+`-part-0-text"`) {
		t.Error("the answer has no field for the own text")
	}
	v = url.Values{"own-" + first.String(): {"1"}, "own-" + first.String() + "-part-0-text": {"own"}, "own-end": {first.String()}}
	if f = ParseForm(v); len(f.Own) != 0 {
		t.Errorf("own text is still there: %+v", f.Own)
	}
}

// The answer to a check must not hold any field that the page has: whoever is
// writing would lose what was typed since, or the cursor.
func TestReviewLeavesFieldsAlone(t *testing.T) {
	f := full()
	f.panels = []uuid.UUID{first, second}
	page := render(t, Review(sample(f)))
	if strings.Contains(page, "<textarea") || strings.Contains(page, "<input") {
		t.Error("the answer holds fields")
	}
	for _, id := range []string{"part-0-rings", "part-b7-notes", "own-" + second.String() + "-part-x-rings", "mark-" + first.String(), "previews", "verdict", "compose-tabs"} {
		if !strings.Contains(page, `id="`+id+`"`) {
			t.Errorf("the answer lacks %s", id)
		}
	}
	f.panels = nil
	if !strings.Contains(render(t, Review(sample(f))), "<textarea") {
		t.Error("an account that was just chosen gets no panel")
	}
}

func TestOwnTextOutlivesItsAccount(t *testing.T) {
	f := full()
	f.Accounts = []uuid.UUID{first}
	if got := ParseForm(fields(t, render(t, Page(sample(f))))); !reflect.DeepEqual(got.Own, f.Own) {
		t.Errorf("own texts are %+v", got.Own)
	}
	if targets := f.Composition().Targets; len(targets) != 1 {
		t.Errorf("it goes to %d accounts", len(targets))
	}
}

// models drops parts that hold nothing, so problems and counts are numbered without them.
func TestProblemsStandAtTheirPart(t *testing.T) {
	long := strings.Repeat("x", 292)
	f := Form{Accounts: []uuid.UUID{first}, Parts: []Part{{Key: "0", Text: "fine"}, {Key: "1", Text: " \n"}, {Key: "2", Text: long}}}
	p := sample(Form{Accounts: f.Accounts, Parts: []Part{f.Parts[0], f.Parts[2]}})
	p.Form = f
	list := parts("", f.Parts)
	if n := p.notes(list[0], nil); len(n) != 0 {
		t.Errorf("the first part has notes %v", n)
	}
	if n := p.notes(list[2], nil); len(n) != 1 || !strings.Contains(n[0].Text, "12 characters too long") {
		t.Errorf("the third part has notes %v", n)
	}
	page := render(t, Page(p))
	for _, want := range []string{"12 over", "276", "1 account would refuse it"} {
		if !strings.Contains(page, ">"+want+"<") && !strings.Contains(page, want) {
			t.Errorf("does not say %q", want)
		}
	}
}

func TestNobodyIsToldToWriteBeforeBeginning(t *testing.T) {
	p := sample(Form{Accounts: []uuid.UUID{first}, Parts: []Part{{Key: "0"}}})
	if page := render(t, Page(p)); strings.Contains(page, "Write something") || strings.Contains(page, "would refuse") {
		t.Error("an empty composer complains")
	}
	p.Error = &models.Error{Code: models.Invalid, Message: "Write something or add a picture.", Fields: map[string]string{"account-" + first.String(): "Write something or add a picture."}}
	if !strings.Contains(render(t, Page(p)), "Write something") {
		t.Error("after sending it, nothing is said")
	}
}

func TestErrorsStandAtTheirFieldsAndNothingIsLost(t *testing.T) {
	f := full()
	f.Date, f.Time, f.Zone = "2026-13-01", "25:00", "Mars/Base"
	p := sample(f)
	p.Error = &models.Error{Code: models.Invalid, Fields: map[string]string{"date": "No such date.", "time": "No such time.", "zone": "No such zone.", "accounts": "Too many.", "text": "Too big.", "text-" + second.String(): "Own too big."}}
	page := render(t, Page(p))
	for _, want := range []string{`value="2026-13-01"`, `value="25:00"`, `value="Mars/Base"`, `href="#date"`, `href="#compose-accounts"`, `href="#part-0-text"`, `href="#tab-panel-` + second.String(), `id="zone-error"`} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %s", want)
		}
	}
	if n := strings.Count(page, `aria-invalid="true"`); n != 3 {
		t.Errorf("%d fields are marked as wrong, want 3", n)
	}
	got := ParseForm(fields(t, page))
	if !reflect.DeepEqual(got.Parts, f.Parts) || !reflect.DeepEqual(got.Own, f.Own) {
		t.Error("text was lost")
	}
}

func TestHostileTextIsInert(t *testing.T) {
	f := full()
	f.Parts[0].Text, f.Date, f.Zone = hostile, hostile, hostile
	f.Own[second][0].Text = hostile
	f.Options[first] = networks.Options{Values: map[string]string{"warning": hostile, "who": hostile}, Poll: &networks.Poll{Choices: []string{hostile}}}
	p := sample(f)
	for i := range p.Review.Accounts {
		r := &p.Review.Accounts[i]
		r.Account.Name, r.Account.Handle, r.Account.NetworkName, r.Look.Accent = hostile, hostile, hostile, hostile
		r.Problems = append(r.Problems, networks.Problem{Field: "text", Message: hostile})
	}
	m := p.Media[medium]
	m.Name, m.Alt = hostile, hostile
	p.Media[medium] = m
	p.Error = &models.Error{Message: hostile, Fields: map[string]string{hostile: hostile}}
	for name, page := range map[string]string{"page": render(t, Page(p)), "review": render(t, Review(p)), "library": render(t, Library(LibraryParams{Media: []models.Media{m}, Next: "/media?before=" + hostile}))} {
		if strings.Contains(page, "<img src=x") || strings.Contains(page, "<b hx-get") {
			t.Errorf("%s: hostile text became markup", name)
		}
		if found := regexp.MustCompile(`\sstyle=|\son[a-z]+="|hx-on`).FindString(page); found != "" {
			t.Errorf("%s contains %q", name, found)
		}
	}
}

func TestLinksAreFoundInText(t *testing.T) {
	for text, want := range map[string][]string{
		"See https://example.org/a?b=c#d, please.":       {"https://example.org/a?b=c#d"},
		"Ask @ann or @bo@example.social. #Tag #1 #üben!": {"@ann", "@bo@example.social", "#Tag", "#üben"},
		"mail me at ann@example.org or look at a#b":      nil,
		"(@cleo)":                  {"@cleo"},
		"javascript:alert(1) ftp:": nil,
	} {
		var got []string
		whole := ""
		for _, r := range runs(text) {
			whole += r.Text
			if r.Link {
				got = append(got, r.Text)
			}
		}
		if whole != text {
			t.Errorf("%q became %q", text, whole)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("in %q: %q, want %q", text, got, want)
		}
	}
}

func TestWhoMayNotPublishMaySaveDrafts(t *testing.T) {
	p := sample(full())
	p.Publish = false
	page := render(t, Page(p))
	if strings.Contains(page, `value="schedule"`) || strings.Contains(page, `value="now"`) || !strings.Contains(page, `value="draft"`) {
		t.Error("the buttons are not those of somebody who only writes")
	}
}
