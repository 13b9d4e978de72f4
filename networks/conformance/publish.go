package conformance

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
)

func (b *bench) testText(t *testing.T) {
	a := b.connect(t).Account
	c := b.content(t, a, networks.Part{Text: b.text("Hello")}, networks.Options{})
	b.expectFound(t, a, c)
	made := b.create(t, a, c)
	if b.box == nil {
		return
	}
	if n := len(b.posts(t, c.Text)); n != 1 {
		t.Errorf("%d posts are out", n)
	}
	if page := b.page(t, made.URL); !strings.Contains(page, c.Text) {
		t.Errorf("the page at %s does not show the text", made.URL)
	}
}

// page returns what people see at an address of the sandbox.
func (b *bench) page(t *testing.T, address string) string {
	t.Helper()
	resp, err := b.server.HTTP.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s answers %d, %v", address, resp.StatusCode, err)
	}
	return string(body)
}

func (b *bench) testRich(t *testing.T) {
	a := b.connect(t).Account
	c := b.content(t, a, networks.Part{Text: b.fixture.Rich + " " + b.text("")}, networks.Options{})
	b.create(t, a, c)
}

func (b *bench) testPicture(t *testing.T) {
	a := b.connect(t).Account
	alt := b.text("Coloured dots, “described” & <marked>")
	file := picture(t, 20_000, alt)
	c := b.content(t, a, networks.Part{Text: b.text("A picture")}, networks.Options{}, file)
	made := b.create(t, a, c)
	without := c
	without.Media, without.Uploads = nil, nil
	if b.net.Settling(a).Method == networks.SettleByReading {
		b.expectFound(t, a, without)
	}
	if b.box == nil {
		return
	}
	if posts := b.posts(t, c.Text); len(posts) != 1 || len(posts[0].Media) != 1 {
		t.Fatalf("out: %+v", posts)
	}
	if page := b.page(t, made.URL); !strings.Contains(page, strings.Split(alt, ",")[0]) {
		t.Errorf("the page at %s does not hold the description", made.URL)
	}
}

func (b *bench) testThread(t *testing.T) {
	a := b.connect(t).Account
	var made []networks.Created
	var texts []string
	for i := range 3 {
		c := b.content(t, a, networks.Part{Text: b.text("Part")}, networks.Options{})
		c.Index = i
		if i > 0 {
			root, parent := made[0].Ref, made[i-1].Ref
			c.Root, c.Parent = &root, &parent
		}
		made = append(made, b.create(t, a, c))
		texts = append(texts, c.Text)
	}
	if b.box == nil {
		return
	}
	before := ""
	for i, text := range texts {
		posts := b.posts(t, text)
		if len(posts) != 1 || (posts[0].Parent == "") != (i == 0) || !strings.HasSuffix(posts[0].Parent, before) {
			t.Fatalf("part %d answers %+v, want an answer to %q", i+1, posts, before)
		}
		before = posts[0].ID
	}
}

func (b *bench) testOptions(t *testing.T) {
	a := b.connect(t).Account
	for _, o := range b.fixture.Options {
		b.create(t, a, b.content(t, a, networks.Part{Text: b.text("Set")}, o))
	}
	for _, opt := range b.net.Rules(a).Options {
		for _, choice := range opt.Choices {
			o := networks.Options{Values: map[string]string{opt.Name: choice.Value}}
			b.create(t, a, b.content(t, a, networks.Part{Text: b.text("Chosen")}, o))
		}
	}
}

func (b *bench) testPoll(t *testing.T) {
	a := b.connect(t).Account
	poll := networks.Options{Poll: &networks.Poll{Choices: []string{"Yes", "No"}, Duration: time.Hour}}
	if b.net.Rules(a).Poll == nil {
		draft := networks.Draft{Parts: []networks.Part{{Text: b.text("Shall we?")}}, Options: poll}
		if len(b.net.Rules(a).Check(b.net.Info().Name, draft)) == 0 {
			t.Error("the network has no polls, and its rules let one through")
		}
		return
	}
	c := b.content(t, a, networks.Part{Text: b.text("Shall we?")}, poll)
	made := b.create(t, a, c)
	if b.box == nil {
		return
	}
	if posts := b.posts(t, c.Text); len(posts) != 1 || posts[0].Details == nil || posts[0].Details.Poll == nil || len(posts[0].Details.Poll.Options) != 2 {
		t.Errorf("%s has no poll: %+v", made.ID, posts)
	}
}

// The rules and the network have to draw the line at the same place.
func (b *bench) testTooLong(t *testing.T) {
	a := b.connect(t).Account
	text := b.fixture.TooLong
	rules := b.net.Rules(a)
	draft := networks.Draft{Parts: []networks.Part{{Text: text}}}
	problems := rules.Check(b.net.Info().Name, draft)
	if len(problems) != 1 || !strings.HasPrefix(problems[0].Code, "text_too_") {
		t.Fatalf("the rules say %+v", problems)
	}
	c := b.content(t, a, draft.Parts[0], networks.Options{})
	_, err := b.net.Create(context.Background(), a, c)
	expectKind(t, err, networks.Rejected)
	c = b.content(t, a, networks.Part{Text: string([]rune(text)[1:])}, networks.Options{})
	b.create(t, a, c)
	if b.box != nil && len(b.posts(t, text)) != 0 {
		t.Error("the long text is out")
	}
}

// testUploadResumed breaks an upload off after each of its steps and goes on
// from what was saved.
func (b *bench) testUploadResumed(t *testing.T) {
	a := b.connect(t).Account
	size := 400_000
	if most := b.net.Rules(a).Media.Image.MaxBytes; most > 3_000_000 {
		size = 2_300_000 // several parts, where a network takes files in parts
	}
	file := picture(t, size, "Many dots")
	broken := errors.New("broken off")
	var up networks.Upload
	for range 30 {
		read := &counting{}
		resumed := file
		resumed.Open = func() (io.ReadSeekCloser, error) {
			f, err := file.Open()
			read.ReadSeekCloser = f
			return read, err
		}
		from, saves := up, 0
		next, err := b.net.Upload(context.Background(), a, resumed, up, func(u networks.Upload) error {
			if saves++; saves == 1 && u.ID != from.ID || u.Offset != from.Offset || u.Ready {
				up = u
				if u.Ready {
					return nil
				}
				return broken
			}
			return nil
		})
		if missing := file.Bytes - from.Offset; read.n > missing {
			t.Errorf("%d bytes were read, though only %d were missing", read.n, missing)
		}
		switch {
		case err == nil && next.Ready:
			c := b.content(t, a, networks.Part{Text: b.text("In pieces")}, networks.Options{})
			c.Media, c.Uploads = []networks.Media{file.Media}, []networks.Upload{next}
			b.create(t, a, c)
			return
		case err == nil:
			up = next
		case !errors.Is(err, broken):
			t.Fatalf("upload from %+v: %v", from, err)
		}
	}
	t.Fatalf("the upload never ended: %+v", up)
}

// counting counts what is read of a file.
type counting struct {
	io.ReadSeekCloser
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.ReadSeekCloser.Read(p)
	c.n += int64(n)
	return n, err
}
