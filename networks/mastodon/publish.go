package mastodon

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/wire"
)

// draft is the body of the call that creates.
type draft struct {
	Status      string   `json:"status"`
	ContentType string   `json:"content_type,omitempty"`
	MediaIDs    []string `json:"media_ids,omitempty"`
	InReplyTo   string   `json:"in_reply_to_id,omitempty"`
	SpoilerText string   `json:"spoiler_text,omitempty"`
	Sensitive   bool     `json:"sensitive,omitempty"`
	Visibility  string   `json:"visibility,omitempty"`
	Language    string   `json:"language,omitempty"`
	Poll        *poll    `json:"poll,omitempty"`
}

type poll struct {
	Options  []string `json:"options"`
	Seconds  int      `json:"expires_in"`
	Multiple bool     `json:"multiple,omitempty"`
}

func newDraft(a networks.Account, n networks.Create) draft {
	d := draft{
		Status:      n.Text,
		SpoilerText: n.Options.Get(optionWarning),
		Sensitive:   n.Options.Get(optionSensitive) == "yes",
		Visibility:  n.Options.Get(optionVisibility),
		Language:    n.Options.Get(optionLanguage),
	}
	if !honoursKeys(a) {
		d.ContentType = "text/plain" // where an account's default may be Markdown
	}
	for _, up := range n.Uploads {
		d.MediaIDs = append(d.MediaIDs, up.ID)
	}
	if n.Parent != nil {
		d.InReplyTo = n.Parent.ID
	}
	if p := n.Options.Poll; p != nil && n.Index == 0 {
		d.Poll = &poll{Options: p.Choices, Seconds: int(p.Duration / time.Second), Multiple: p.Multiple}
	}
	return d
}

// Create implements networks.Network.
func (c *Client) Create(ctx context.Context, a networks.Account, n networks.Create) (networks.Created, error) {
	req, err := wire.JSONRequest(ctx, http.MethodPost, a.Site+"/api/v1/statuses", newDraft(a, n))
	if err != nil {
		return networks.Created{}, unsendable(err)
	}
	if n.Key != "" && honoursKeys(a) {
		req.Header.Set("Idempotency-Key", n.Key)
	}
	resp, err := c.send(a, c.wire, req, true, "create")
	if err != nil {
		return networks.Created{}, err
	}
	var got status
	if err := resp.JSON(&got); err != nil || got.ID == "" {
		return networks.Created{}, unclear(resp, true, err)
	}
	return networks.Created{Ref: got.ref(), HTTP: resp.Status, Rate: rate(resp.Header, "create")}, nil
}

// status is a post as the API gives it.
type status struct {
	ID          string     `json:"id"`
	URL         string     `json:"url"`
	Created     time.Time  `json:"created_at"`
	InReplyTo   string     `json:"in_reply_to_id"`
	Content     string     `json:"content"` // HTML
	Attachments []struct{} `json:"media_attachments"`
	Reblog      *struct{}  `json:"reblog"`
}

func (s status) ref() networks.Ref { return networks.Ref{ID: s.ID, URL: s.URL} }

// slack is how far the server's clock may be behind ours. What the account
// said before is known by its id to whoever asks, so a little too much does
// no harm.
const slack = time.Minute

// pageSize is the most that a server gives in one answer.
const pageSize = "40"

// Find implements networks.Network: it reads what the account has posted.
func (c *Client) Find(ctx context.Context, a networks.Account, n networks.Create, since time.Time) ([]networks.Ref, error) {
	since = since.Add(-slack)
	q := url.Values{"limit": {pageSize}, "exclude_reblogs": {"true"}}
	wanted := n.Text
	if strings.TrimSpace(wanted) == "" { // then a content warning is made the text
		wanted = n.Options.Get(optionWarning)
	}
	want := fingerprint(wanted, len(n.Media))
	parent := ""
	if n.Parent != nil {
		parent = n.Parent.ID
	}
	var refs []networks.Ref
	for range 50 {
		resp, err := c.get(ctx, a, "/api/v1/accounts/"+url.PathEscape(a.RemoteID)+"/statuses", q, "read")
		if err != nil {
			return nil, err
		}
		var page []status
		if err := resp.JSON(&page); err != nil {
			return nil, unclear(resp, false, err)
		}
		for _, s := range page {
			if !s.Created.Before(since) && s.Reblog == nil && s.InReplyTo == parent && fingerprint(plainText(s.Content), len(s.Attachments)) == want {
				refs = append(refs, s.ref())
			}
		}
		if len(page) == 0 || page[len(page)-1].Created.Before(since) {
			break
		}
		q.Set("max_id", page[len(page)-1].ID)
	}
	slices.Reverse(refs) // servers give the newest first
	return refs, nil
}

// fingerprint is networks.Fingerprint after what servers do to mentions: the
// name of their own server goes, and the local part is spelt as its owner does.
func fingerprint(text string, media int) string {
	text = mentionLocalRE.ReplaceAllStringFunc(shortMentions(text), strings.ToLower)
	return networks.Fingerprint(text, media)
}

// plainText is what a reader of the HTML sees, links in full length.
func plainText(content string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(content))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
			b.Write(z.Text())
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			switch name, _ := z.TagName(); string(name) {
			case "p", "br", "div", "li", "blockquote", "pre":
				b.WriteByte('\n')
			}
		}
	}
}
