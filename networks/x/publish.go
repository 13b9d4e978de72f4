package x

import (
	"context"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/allin-platform/allin/networks"
)

// draft is the body of the call that creates. X refuses fields that it does not know.
type draft struct {
	Text          string `json:"text"` // always sent: X wants it even beside media
	Media         *media `json:"media,omitempty"`
	Reply         *reply `json:"reply,omitempty"`
	Poll          *poll  `json:"poll,omitempty"`
	ReplySettings string `json:"reply_settings,omitempty"`
}

type media struct {
	IDs []string `json:"media_ids"`
}

type reply struct {
	To string `json:"in_reply_to_tweet_id"`
}

type poll struct {
	Options []string `json:"options"`
	Minutes int      `json:"duration_minutes"`
}

// Create implements networks.Network. Who can reply, and a poll, are those of
// the first part: replies to it follow.
func (c *Client) Create(ctx context.Context, a networks.Account, n networks.Create) (networks.Created, error) {
	d := draft{Text: n.Text}
	if n.Parent != nil {
		d.Reply = &reply{To: n.Parent.ID}
	}
	if len(n.Uploads) > 0 {
		d.Media = &media{}
		for _, up := range n.Uploads {
			d.Media.IDs = append(d.Media.IDs, up.ID)
		}
	}
	if n.Index == 0 {
		if p := n.Options.Poll; p != nil {
			d.Poll = &poll{Options: p.Choices, Minutes: int(p.Duration / time.Minute)}
		}
		if who := n.Options.Get(optionReplies); who != everyone {
			d.ReplySettings = who
		}
	}
	resp, err := c.post(ctx, a, "/2/tweets", d, true, "create")
	if err != nil {
		return networks.Created{}, err
	}
	var got struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := resp.JSON(&got); err != nil || got.Data.ID == "" {
		return networks.Created{}, unclear(resp, true, err)
	}
	return networks.Created{Ref: c.ref(a, got.Data.ID), HTTP: resp.Status, Rate: rate(resp.Header, "create")}, nil
}

func (c *Client) ref(a networks.Account, id string) networks.Ref {
	return networks.Ref{ID: id, URL: c.config.Authorize + "/" + a.Handle + "/status/" + id}
}

// slack is how far X's clock may be behind ours. What the account said before
// is known by its id to whoever asks, so a little too much does no harm.
const slack = time.Minute

// found is a post as X gives it.
type found struct {
	ID       string    `json:"id"`
	Text     string    `json:"text"`
	Created  time.Time `json:"created_at"`
	Entities entities  `json:"entities"`
	Note     *struct { // the whole of a text over 280
		Text     string   `json:"text"`
		Entities entities `json:"entities"`
	} `json:"note_tweet"`
	References []struct {
		Type string `json:"type"` // "replied_to", "quoted", "retweeted"
		ID   string `json:"id"`
	} `json:"referenced_tweets"`
	Attachments struct {
		MediaKeys []string `json:"media_keys"`
	} `json:"attachments"`
}

type entities struct {
	URLs []struct {
		URL string `json:"url"` // as it stands in the text
	} `json:"urls"`
}

// Find implements networks.Network: it reads what the account has posted.
func (c *Client) Find(ctx context.Context, a networks.Account, n networks.Create, since time.Time) ([]networks.Ref, error) {
	if !c.config.Lookup {
		return nil, &networks.Error{
			Kind: networks.Operator, Code: "no_lookup",
			Message: "Reading posts on X is not switched on for this installation. Look at the account on X.",
		}
	}
	since = since.Add(-slack).UTC().Truncate(time.Second)
	q := url.Values{
		"max_results":  {"100"},
		"start_time":   {since.Format(time.RFC3339)},
		"tweet.fields": {"created_at,referenced_tweets,attachments,entities,note_tweet"},
	}
	want := networks.Fingerprint(withoutLinks(n.Text), len(n.Media))
	var refs []networks.Ref
	for range 32 { // X shows an account's last 3,200 posts
		resp, err := c.get(ctx, a, "/2/users/"+url.PathEscape(a.RemoteID)+"/tweets", q, "read")
		if err != nil {
			return nil, err
		}
		var got struct {
			Data []found `json:"data"`
			Meta *struct {
				Next string `json:"next_token"`
			} `json:"meta"`
		}
		if err := resp.JSON(&got); err != nil || got.Meta == nil { // X may answer 200 with errors only
			return nil, unclear(resp, false, err)
		}
		for _, f := range got.Data {
			if !f.Created.Before(since) && f.parent() == parentOf(n) && f.fingerprint() == want {
				refs = append(refs, c.ref(a, f.ID))
			}
		}
		if got.Meta.Next == "" {
			break
		}
		q.Set("pagination_token", got.Meta.Next)
	}
	slices.Reverse(refs) // X gives the newest first
	return refs, nil
}

func parentOf(n networks.Create) string {
	if n.Parent == nil {
		return ""
	}
	return n.Parent.ID
}

// parent is the post that f answers, or "".
func (f found) parent() string {
	for _, r := range f.References {
		if r.Type == "replied_to" {
			return r.ID
		}
	}
	return ""
}

// fingerprint is that of what was sent: without the short links that X put
// into the text, and without the one it put behind it for the media.
func (f found) fingerprint() string {
	text, links := f.Text, f.Entities
	if f.Note != nil && f.Note.Text != "" {
		text, links = f.Note.Text, f.Note.Entities
	}
	text = html.UnescapeString(text) // X writes & as &amp;
	for _, l := range links.URLs {
		text = strings.Replace(text, l.URL, "", 1)
	}
	return networks.Fingerprint(shortLink.ReplaceAllString(text, ""), len(f.Attachments.MediaKeys))
}

var shortLink = regexp.MustCompile(`https?://t\.co/[A-Za-z0-9]+`)

// withoutLinks takes out what X replaces by short links.
func withoutLinks(text string) string {
	var b strings.Builder
	at := 0
	for _, l := range findLinks(text) {
		b.WriteString(text[at:l.start])
		at = l.end
	}
	b.WriteString(text[at:])
	return b.String()
}
