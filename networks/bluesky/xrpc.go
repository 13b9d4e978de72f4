package bluesky

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/wire"
)

// call is one XRPC call.
type call struct {
	base  string // origin of the server
	nsid  string // "com.atproto.repo.createRecord"
	query url.Values
	token string
	post  bool
	body  any    // sent as JSON; nil: no body
	limit string // the limit's name in networks.Rate
}

func (c call) address() string {
	address := c.base + "/xrpc/" + c.nsid
	if len(c.query) > 0 {
		address += "?" + c.query.Encode()
	}
	return address
}

// do sends the call. creates says that it publishes. Every answer but a
// successful one is a *networks.Error.
func (n *Network) do(ctx context.Context, c call, creates bool) (*wire.Response, error) {
	method := http.MethodGet
	if c.post {
		method = http.MethodPost
	}
	req, err := wire.JSONRequest(ctx, method, c.address(), c.body)
	if err != nil {
		return nil, unsendable(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := n.wire.Do(req, creates)
	if err != nil {
		return nil, err
	}
	if !resp.OK() {
		return nil, n.refusal(resp, c.limit, creates)
	}
	return resp, nil
}

// unsendable is an error for what could not even be put into a request.
func unsendable(err error) error {
	return &networks.Error{Kind: networks.Rejected, Message: "AllIN could not write this post the way Bluesky wants it. Change its text, or tell whoever runs AllIN.", Err: err}
}

// refusal puts an answer other than 2xx into its class. Anything that is not
// listed here leaves open whether a creating call was carried out; a record
// key that is taken, notably, is answered with a bare 500.
func (n *Network) refusal(resp *wire.Response, limit string, creates bool) *networks.Error {
	var told struct{ Error, Message string }
	if resp.JSON(&told) != nil {
		told.Error = ""
	}
	e := &networks.Error{HTTP: resp.Status, Code: told.Error}
	switch {
	case resp.Status == http.StatusTooManyRequests:
		e.Kind, e.Message = networks.RateLimited, "Bluesky asks to slow down. The post goes out when the limit has passed."
		e.RetryAfter, e.Rate = n.wait(resp), rate(resp.Header, limit)
	case resp.Status >= 500:
		e.Kind, e.Message = open(creates), "Bluesky has trouble of its own."
	case resp.Status == http.StatusRequestEntityTooLarge:
		e.Kind, e.Message = networks.Rejected, "The file is larger than this account's server takes. Make it smaller and send the post again."
	default:
		e.Kind, e.Message = meaning(told.Error, told.Message, creates)
	}
	return e
}

// meaning sorts the errors that servers name in answers of the 400s.
func meaning(code, message string, creates bool) (networks.Kind, string) {
	switch code {
	case "ExpiredToken", "InvalidToken", "AuthMissing", "AuthenticationRequired":
		return networks.Reauthorize, "Bluesky no longer accepts the connection of this account. Connect it again."
	case "AccountTakedown", "AccountSuspended":
		return networks.Reauthorize, "Bluesky has taken this account down. Ask its moderators, then connect it again."
	case "AccountDeactivated":
		return networks.Reauthorize, "The account is deactivated. Activate it on Bluesky, then connect it again."
	case "AccountNotFound", "RepoNotFound":
		return networks.Reauthorize, "The account is no longer on this server. Connect it again with the server where it is now."
	case "BlobNotFound":
		return networks.Rejected, "Bluesky has already thrown away the uploaded files. Send the post again."
	case "InvalidRequest", "InvalidMimeType", "InvalidSize", "InvalidBlob":
		return networks.Rejected, invalid(message)
	}
	return open(creates), "Bluesky gave an answer that AllIN does not know."
}

// open is the kind of a failure that proves nothing.
func open(creates bool) networks.Kind {
	if creates {
		return networks.Unknown
	}
	return networks.Unavailable
}

// invalid says what a server found wrong with a post. The server names the
// place by a path: "Invalid app.bsky.feed.post record: ... (got ...) at $.record.text".
func invalid(message string) string {
	switch {
	case strings.Contains(message, "record.text"):
		return "Bluesky refused the text. It takes at most 300 characters and 3,000 bytes."
	case strings.Contains(message, "record.embed") && strings.Contains(message, "alt"):
		return "Bluesky refused an alt text. A video's has at most 1,000 characters."
	case strings.Contains(message, "record.embed.images"):
		return "Bluesky refused the pictures. This account's server takes at most four of 1,000,000 bytes each."
	case strings.Contains(message, "record.embed.video"):
		return "Bluesky refused the video. It takes MP4 of at most 100 MB."
	case strings.Contains(message, "Mimetype"):
		return "Bluesky refused a file: its content is not what its type says."
	}
	if r := []rune(message); len(r) > 200 {
		message = string(r[:200]) + "…"
	}
	if message == "" {
		return "Bluesky refused the post and did not say why."
	}
	return fmt.Sprintf("Bluesky refused the post: %s", message)
}

// wait is how long a limited answer asks to wait; zero when it does not say.
func (n *Network) wait(resp *wire.Response) time.Duration {
	now := n.config.Now()
	if d := wire.RetryAfter(resp.Header, now); d > 0 {
		return d
	}
	if r := rate(resp.Header, ""); r != nil && r.Reset.After(now) {
		return r.Reset.Sub(now)
	}
	return 0
}

// rate reads the ratelimit-* headers; Reset is in seconds since 1970. nil
// where a server sends none.
func rate(h http.Header, endpoint string) *networks.Rate {
	limit, err1 := strconv.Atoi(h.Get("Ratelimit-Limit"))
	remaining, err2 := strconv.Atoi(h.Get("Ratelimit-Remaining"))
	reset, err3 := strconv.ParseInt(h.Get("Ratelimit-Reset"), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return nil
	}
	return &networks.Rate{Endpoint: endpoint, Limit: limit, Remaining: remaining, Reset: time.Unix(reset, 0).UTC()}
}
