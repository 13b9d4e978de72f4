package x

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/wire"
)

// problem is how X words a refusal (RFC 9457), and what stands in its list of
// errors.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Reason string `json:"reason"`
	Errors []struct {
		Type       string         `json:"type"`
		Message    string         `json:"message"`
		Detail     string         `json:"detail"`
		Parameters map[string]any `json:"parameters"`
	} `json:"errors"`
}

// kind is the last part of the problem's type, or "": the address before it
// changes between api.x.com and api.twitter.com.
func (p problem) kind() string {
	t := p.Type
	if t == "" && len(p.Errors) > 0 {
		t = p.Errors[0].Type
	}
	if t == "about:blank" {
		return ""
	}
	return t[strings.LastIndexByte(t, '/')+1:]
}

// says reports whether one of the problem's texts contains any of words.
func (p problem) says(words ...string) bool {
	texts := []string{p.Title, p.Detail, p.Reason}
	for _, e := range p.Errors {
		texts = append(texts, e.Message, e.Detail)
	}
	all := strings.ToLower(strings.Join(texts, "\n"))
	for _, w := range words {
		if strings.Contains(all, w) {
			return true
		}
	}
	return false
}

// explains reports whether an invalid-request says what of the request was
// invalid. One that does not may have come after the post was made.
func (p problem) explains() bool {
	for _, e := range p.Errors {
		if len(e.Parameters) > 0 {
			return true
		}
	}
	return p.says("media ids", "media_ids", "schema", "must be present", "too long", "text length")
}

// refusal puts an answer other than 2xx into its class. A creating call is
// surely not done only where the answer stands on this list.
func (c *Client) refusal(resp *wire.Response, creates bool, limit string) *networks.Error {
	var p problem
	known := resp.JSON(&p) == nil
	e := &networks.Error{HTTP: resp.Status, Code: p.kind()}
	set := func(kind networks.Kind, code, message string) *networks.Error {
		e.Kind, e.Message = kind, message
		if code != "" {
			e.Code = code
		}
		return e
	}
	switch {
	case resp.Status == http.StatusUnauthorized:
		return set(networks.Reauthorize, "", "X no longer accepts the connection of this account. Connect it again.")
	case resp.Status == http.StatusPaymentRequired,
		resp.Status/100 == 4 && (p.kind() == "usage-capped" || p.kind() == "credits"):
		return set(networks.Operator, "", "This installation has used up what it paid for at X. Its operator has to add credits; the post waits.")
	case resp.Status == http.StatusTooManyRequests:
		e.RetryAfter, e.Rate = c.wait(resp), rate(resp.Header, limit)
		return set(networks.RateLimited, "", "X asks to slow down. The post goes out when the limit has passed.")
	case known && resp.Status == http.StatusForbidden:
		if kind, code, message := forbidden(p); kind != "" {
			return set(kind, code, message)
		}
	case known && resp.Status == http.StatusBadRequest && (!creates || p.kind() == "invalid-request" && p.explains()):
		return set(networks.Rejected, "", invalid(p))
	case known && resp.Status == http.StatusNotFound && p.kind() == "resource-not-found":
		return set(networks.Rejected, "", "X does not find what the post answers or holds. It may have been deleted.")
	}
	if creates {
		return set(networks.Unknown, "", "X gave an answer that does not tell whether the post is out.")
	}
	if resp.Status == http.StatusRequestEntityTooLarge {
		return set(networks.Rejected, "", "The file is larger than X takes. Make it smaller and send the post again.")
	}
	e.RetryAfter = wire.RetryAfter(resp.Header, c.config.Now())
	return set(networks.Unavailable, "", "X has trouble of its own just now.")
}

// forbidden sorts X's many reasons for a 403; kind is "" for one not known.
func forbidden(p problem) (kind networks.Kind, code, message string) {
	switch {
	case p.kind() == "unsupported-authentication" || p.says("unsupported authentication"),
		p.Detail == "Forbidden": // all that X says when a scope is missing
		return networks.Reauthorize, "", "The connection of this account does not allow this. Connect the account again."
	case p.says("duplicate content"):
		return networks.Rejected, "duplicate", "X refused the post because the account said the same not long ago. Change the text and send it again."
	case p.kind() == "client-forbidden" || p.says("client-not-enrolled", "oauth1-permissions", "app permissions"):
		return networks.Operator, "", "X does not let this installation's application post. Its operator has to check the application's access and permissions."
	case p.kind() == "user-suspended" || p.says("suspended", "temporarily locked", "account is locked"):
		return networks.Rejected, "suspended", "X has suspended or locked this account. Sign in to X and see what it asks for."
	case p.says("too long"):
		return networks.Rejected, "too_long", "X refused the post because its text is too long. Shorten it and send it again."
	case p.says("reply to a tweet that is deleted", "reply to a post that is deleted", "not visible to you"):
		return networks.Rejected, "parent_missing", "X refused the reply because the post it answers is gone."
	case p.kind() == "not-authorized-for-resource" || p.says("not permitted", "not allowed", "not authorized"):
		return networks.Rejected, "not_permitted", "X does not permit this account to post this. Look at the account on X, or change the post."
	}
	return "", "", ""
}

// invalid says what X found wrong with a call.
func invalid(p problem) string {
	detail := p.Detail
	if len(p.Errors) > 0 && p.Errors[0].Message != "" {
		detail = p.Errors[0].Message
	}
	switch {
	case p.says("media id", "media_ids"):
		return "X has already thrown away the uploaded files, or never took them. Send the post again."
	case p.says("too long", "text length"):
		return "X refused the post because its text is too long. Shorten it and send it again."
	case detail == "":
		return "X refused the post and did not say why."
	}
	if r := []rune(detail); len(r) > 200 {
		detail = string(r[:200]) + "…"
	}
	return "X refused the post: " + strings.TrimSuffix(detail, ".") + "."
}

// unclear is the error for a 2xx that does not hold what it should.
func unclear(resp *wire.Response, creates bool, err error) *networks.Error {
	e := &networks.Error{
		Kind: networks.Unavailable, HTTP: resp.Status, Code: "unclear", Err: err,
		Message: "X's answer could not be understood.",
	}
	if creates {
		e.Kind = networks.Unknown
	}
	return e
}

// unsendable is the error for what could not be put into a request.
func unsendable(err error) *networks.Error {
	return &networks.Error{Kind: networks.Rejected, Code: "unsendable", Message: "AllIN could not write this post the way X wants it. Change its text, or tell whoever runs AllIN.", Err: err}
}

// wait is how long a limited answer asks to wait; zero when it does not say.
func (c *Client) wait(resp *wire.Response) time.Duration {
	now := c.config.Now()
	if d := wire.RetryAfter(resp.Header, now); d > 0 {
		return d
	}
	if r := rate(resp.Header, ""); r != nil && r.Reset.After(now) {
		return r.Reset.Sub(now)
	}
	return 0
}

// rate reads the headers of a limit, whose reset is in seconds since 1970.
// Besides the limit of 15 minutes there are daily ones; one that is used up
// counts more. nil where X sends none.
func rate(h http.Header, endpoint string) *networks.Rate {
	var worst *networks.Rate
	for _, prefix := range []string{"X-Rate-Limit-", "X-User-Limit-24hour-", "X-App-Limit-24hour-"} {
		limit, err1 := strconv.Atoi(h.Get(prefix + "Limit"))
		remaining, err2 := strconv.Atoi(h.Get(prefix + "Remaining"))
		reset, err3 := strconv.ParseInt(h.Get(prefix+"Reset"), 10, 64)
		if err1 != nil || err2 != nil || err3 != nil {
			continue
		}
		r := &networks.Rate{Endpoint: endpoint, Limit: limit, Remaining: remaining, Reset: time.Unix(reset, 0).UTC()}
		if worst == nil || r.Remaining <= 0 && (worst.Remaining > 0 || r.Reset.After(worst.Reset)) {
			worst = r
		}
	}
	return worst
}
