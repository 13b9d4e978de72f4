package mastodon

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"sync"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/wire"
)

// slowest is the speed, in bytes a second, at which an upload is still waited
// for: a file goes out in one call, however large it is.
const slowest = 256 << 10

// heartbeat is how many bytes of a file go out between two calls of save.
const heartbeat = 4 << 20

// Upload implements networks.Network. The API takes a file in one call; while
// it goes out, save is called with the state as it was, to show that work goes on.
func (c *Client) Upload(ctx context.Context, a networks.Account, f networks.File, from networks.Upload, save func(networks.Upload) error) (networks.Upload, error) {
	if from.Ready {
		return from, nil
	}
	if from.ID != "" {
		up, gone, err := c.ask(ctx, a, from)
		if err != nil {
			return from, err
		}
		if !gone {
			return kept(up, save)
		}
	}
	resp, err := c.sendFile(ctx, a, f, save)
	if err != nil {
		return networks.Upload{}, err
	}
	var got struct {
		ID string `json:"id"`
	}
	if err := resp.JSON(&got); err != nil || got.ID == "" {
		return networks.Upload{}, unclear(resp, false, err)
	}
	up := networks.Upload{ID: got.ID, Offset: f.Bytes, Sent: true, Ready: resp.Status != http.StatusAccepted}
	if !up.Ready {
		up.Wait = processing
	}
	return kept(up, save)
}

// processing is how long to wait before asking again for a file that is worked on.
const processing = 3 * time.Second

// kept stores how far an upload is and returns it.
func kept(up networks.Upload, save func(networks.Upload) error) (networks.Upload, error) {
	if err := save(up); err != nil {
		return up, &networks.Error{Kind: networks.Unavailable, Code: "unsaved", Message: "AllIN could not note how far the upload is.", Err: err}
	}
	return up, nil
}

// ask asks how far the server is with a file. gone says that it no longer
// knows the file: then it has to be sent again.
func (c *Client) ask(ctx context.Context, a networks.Account, up networks.Upload) (now networks.Upload, gone bool, err error) {
	resp, err := c.get(ctx, a, "/api/v1/media/"+url.PathEscape(up.ID), nil, "upload")
	if err != nil {
		e := networks.AsError(err)
		switch e.HTTP {
		case http.StatusNotFound:
			return up, true, nil
		case http.StatusUnprocessableEntity:
			e.Kind, e.Message = networks.Rejected, "The server could not process the file. Save it in another way and attach it again."
		}
		return up, false, e
	}
	up.Ready, up.Wait = resp.Status == http.StatusOK, 0
	if !up.Ready { // 206: still at work
		up.Wait = processing
	}
	return up, false, nil
}

// sendFile sends a file and its description in one call.
func (c *Client) sendFile(ctx context.Context, a networks.Account, f networks.File, save func(networks.Upload) error) (*wire.Response, error) {
	file, err := f.Open()
	if err != nil {
		return nil, unreadable(err)
	}
	defer file.Close()
	head, tail, contentType, err := frame(f.Media)
	if err != nil {
		return nil, unsendable(err)
	}
	beat := &beating{from: io.LimitReader(file, f.Bytes), save: save}
	defer beat.stop()
	body := io.MultiReader(bytes.NewReader(head), beat, bytes.NewReader(tail))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.Site+"/api/v2/media", body)
	if err != nil {
		return nil, unsendable(err)
	}
	req.ContentLength = int64(len(head)) + f.Bytes + int64(len(tail))
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	by := c.wire
	by.Timeout = cmp.Or(by.Timeout, wire.CallTimeout) + time.Duration(f.Bytes/slowest)*time.Second
	resp, err := c.send(a, by, req, false, "upload")
	if e := networks.AsError(err); err != nil && e.Kind == networks.Rejected && e.Code == "invalid" {
		e.Message = "The server did not take the file. It may be damaged, too large, or of a kind that the server does not know."
	}
	return resp, err
}

// frame returns what stands before and behind a file's bytes in the body.
func frame(m networks.Media) (head, tail []byte, contentType string, err error) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	if m.Alt != "" {
		if err := form.WriteField("description", m.Alt); err != nil {
			return nil, nil, "", fmt.Errorf("write description: %w", err)
		}
	}
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", `form-data; name="file"; filename="media"`)
	h.Set("Content-Type", m.Type)
	if _, err := form.CreatePart(h); err != nil {
		return nil, nil, "", fmt.Errorf("write file: %w", err)
	}
	split := b.Len()
	if err := form.Close(); err != nil {
		return nil, nil, "", fmt.Errorf("write end: %w", err)
	}
	return b.Bytes()[:split], b.Bytes()[split:], form.FormDataContentType(), nil
}

// beating reads a file and calls save now and then. The transport may go on
// reading after the call has returned; stop sees to it that save is not
// called any more by then.
type beating struct {
	from io.Reader
	save func(networks.Upload) error

	mu      sync.Mutex
	since   int
	stopped bool
}

func (b *beating) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return 0, io.ErrClosedPipe
	}
	n, err := b.from.Read(p)
	if b.since += n; b.since >= heartbeat && err == nil {
		b.since = 0
		err = b.save(networks.Upload{})
	}
	return n, err
}

func (b *beating) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
}

func unreadable(err error) error {
	return &networks.Error{Kind: networks.Unavailable, Code: "unreadable", Message: "The file could not be read from AllIN's own storage.", Err: err}
}
