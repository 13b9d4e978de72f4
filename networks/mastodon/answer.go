package mastodon

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/wire"
)

// refusal puts an answer other than 2xx into its class. A creating call is
// surely not done only where the answer stands on this list and is worded as
// Mastodon's API words errors: what stands before a server may answer as well.
func (c *Client) refusal(a networks.Account, resp *wire.Response, creates bool, limit string) *networks.Error {
	var told struct {
		Error string `json:"error"`
	}
	known := resp.JSON(&told) == nil && told.Error != ""
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(strings.ToLower(told.Error), w) {
				return true
			}
		}
		return false
	}
	e := &networks.Error{HTTP: resp.Status}
	set := func(kind networks.Kind, code, message string) *networks.Error {
		e.Kind, e.Code, e.Message = kind, code, message
		return e
	}
	switch status := resp.Status; {
	case status == http.StatusUnauthorized:
		return set(networks.Reauthorize, "unauthorized", "The server no longer accepts the connection of this account. Connect it again.")
	case status == http.StatusTooManyRequests:
		e.RetryAfter, e.Rate = c.wait(resp), rate(resp.Header, limit)
		return set(networks.RateLimited, "limited", "The server asks to slow down. The post goes out when the limit has passed.")
	case status == http.StatusForbidden && says("scope"):
		return set(networks.Reauthorize, "scope", "The connection of this account does not allow this. Connect the account again.")
	case status == http.StatusForbidden && says("suspended", "disabled", "pending", "confirm", "moved"):
		return set(networks.Rejected, "suspended", "The server has suspended or locked this account. Sign in there and see what it asks for.")
	case status == http.StatusForbidden && known:
		return set(networks.Rejected, "not_permitted", "The server does not permit this account to do this. Look at the account there, or change the post.")
	case status == http.StatusNotFound && known && creates:
		return set(networks.Rejected, "parent_missing", "The server does not find the post that this one answers. It may have been deleted.")
	case status == http.StatusRequestEntityTooLarge && !creates:
		return set(networks.Rejected, "too_large", "The file is larger than this server takes. Make it smaller and send the post again.")
	case status == http.StatusUnprocessableEntity && says("not finished processing"):
		e.RetryAfter = 10 * time.Second
		return set(networks.Unavailable, "processing", "The server is still working on the files of the post.")
	case status == http.StatusUnprocessableEntity && known,
		// Other servers than Mastodon refuse with 400.
		status == http.StatusBadRequest && known && (!creates || !honoursKeys(a)):
		return set(networks.Rejected, "invalid", invalid(told.Error))
	}
	if creates {
		return set(networks.Unknown, "", "The server gave an answer that does not tell whether the post is out.")
	}
	e.RetryAfter = wire.RetryAfter(resp.Header, c.config.Now())
	return set(networks.Unavailable, "", "The server has trouble of its own just now.")
}

// invalid says what a server found wrong with a post.
func invalid(message string) string {
	message = strings.TrimSpace(message)
	for _, prefix := range []string{"Validation failed:", "Bad Request:", "Unprocessable Entity:"} {
		message = strings.TrimSpace(strings.TrimPrefix(message, prefix))
	}
	if r := []rune(message); len(r) > 200 {
		message = string(r[:200]) + "…"
	}
	if message == "" {
		return "The server refused the post and did not say why."
	}
	return "The server refused the post: " + strings.TrimSuffix(message, ".") + "."
}

// unclear is the error for a 2xx that does not hold what it should.
func unclear(resp *wire.Response, creates bool, err error) *networks.Error {
	e := &networks.Error{
		Kind: networks.Unavailable, HTTP: resp.Status, Code: "unclear", Err: err,
		Message: "The server's answer could not be understood.",
	}
	if creates {
		e.Kind = networks.Unknown
	}
	return e
}

// unsendable is the error for what could not be put into a request.
func unsendable(err error) *networks.Error {
	return &networks.Error{Kind: networks.Rejected, Code: "unsendable", Message: "AllIN could not write this post the way Mastodon wants it. Change its text, or tell whoever runs AllIN.", Err: err}
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

// rate reads the headers of a limit, whose reset is an ISO 8601 time. nil
// where a server sends none.
func rate(h http.Header, endpoint string) *networks.Rate {
	limit, err1 := strconv.Atoi(h.Get("X-RateLimit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("X-RateLimit-Remaining"))
	reset, err3 := time.Parse(time.RFC3339, h.Get("X-RateLimit-Reset"))
	if err1 != nil || err2 != nil || err3 != nil {
		return nil
	}
	return &networks.Rate{Endpoint: endpoint, Limit: limit, Remaining: remaining, Reset: reset.UTC()}
}
