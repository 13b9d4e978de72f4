// Package wire carries one HTTP call to a network and says honestly what is
// known when it fails: surely not sent, or perhaps done.
package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/allin-platform/allin/networks"
)

// MaxBody is how much of an answer is read, in bytes.
const MaxBody = 1 << 20

// CallTimeout bounds one call from dialling to the answer's last byte, unless
// a Client says otherwise. A call that began longer ago has ended, one way or
// the other.
const CallTimeout = 30 * time.Second

// UserAgent is sent with every call; some servers refuse calls without one.
const UserAgent = "AllIN (+https://github.com/allin-platform/allin)"

// Response is an answer, read whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON decodes the body into v.
func (r *Response) JSON(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}

// OK reports a status of the 200s.
func (r *Response) OK() bool { return r.Status >= 200 && r.Status < 300 }

// Client sends calls.
type Client struct {
	// HTTP follows no redirects, uses no proxy from the environment and, for
	// addresses that people give, comes from package egress.
	HTTP *http.Client
	// Timeout bounds each call; zero: CallTimeout.
	Timeout time.Duration
	// Now is the clock that tells whether there is still time to send.
	// Required for calls that create.
	Now func() time.Time
}

// Do sends req once. creates says that the call makes something visible, so
// that a lost answer is Unknown and not merely Unavailable. An answer of any
// status is no error.
func (c Client) Do(req *http.Request, creates bool) (*Response, error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = CallTimeout
	}
	ctx, cancel := context.WithTimeout(req.Context(), timeout)
	defer cancel()
	var sent atomic.Bool // a connection stood and the request may have left on it
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	req = req.WithContext(ctx)
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", UserAgent)
	}
	if creates && req.Body != nil && req.Body != http.NoBody {
		// Without GetBody the transport cannot send it again by itself, which it
		// would do for a call that carries an Idempotency-Key, at once, while the
		// first may still be at work.
		req.GetBody = nil
		end := c.Now().Add(timeout)
		req.Body = &timely{req.Body, func() bool { return ctx.Err() == nil && c.Now().Before(end) }}
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, failure(err, sent.Load() && !closedIdle(err), creates)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
	if err != nil {
		return nil, failure(err, true, creates)
	}
	if len(body) > MaxBody {
		return nil, failure(errors.New("answer larger than 1 MB"), true, creates)
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// closedIdle reports that a kept connection turned out to be closed before
// anything was written to it. The transport says so in words only.
func closedIdle(err error) bool {
	return strings.Contains(err.Error(), "server closed idle connection")
}

// timely is a body that is not sent after its time: a process that was
// stopped for a while must not call when others have taken over.
type timely struct {
	io.ReadCloser
	inTime func() bool
}

func (t *timely) Read(p []byte) (int, error) {
	if !t.inTime() {
		return 0, context.DeadlineExceeded
	}
	return t.ReadCloser.Read(p)
}

// failure puts a transport error into its class. Only a connection that never
// stood proves that nothing was sent.
func failure(err error, sent, creates bool) error {
	e := &networks.Error{Kind: networks.Unavailable, Err: redact(err)}
	var dns *net.DNSError
	switch {
	case !sent && errors.As(err, &dns):
		e.Message = "The network's address could not be found."
	case !sent:
		e.Message = "The network could not be reached."
	case creates:
		e.Kind = networks.Unknown
		e.Message = "The network gave no answer."
	default:
		e.Message = "The network gave no answer."
	}
	return e
}

// redact takes the address out of a URL error: it may hold a token.
func redact(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("%s: %w", strings.ToLower(u.Op), u.Err)
	}
	return err
}

// JSONRequest makes a request with v as its JSON body; a nil v sends none.
func JSONRequest(ctx context.Context, method, address string, v any) (*http.Request, error) {
	var body io.Reader
	if v != nil {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", redact(err))
	}
	if v != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// FormRequest makes a POST with the form's values as its body.
func FormRequest(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", redact(err))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	return req, nil
}

// RetryAfter reads the header of that name, in seconds or as a date (RFC 9110
// §10.2.3); zero when it is absent or makes no sense.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if s, err := strconv.Atoi(v); err == nil && s >= 0 {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}
