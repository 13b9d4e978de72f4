package x

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/networks/wire"
)

// partSize is how much of a file one call brings, in bytes.
const partSize = 1 << 20

// processing tells how far X is with a file. It is absent where nothing has to be done.
type processing struct {
	State string `json:"state"` // "pending", "in_progress", "succeeded", "failed"
	After int    `json:"check_after_secs"`
	Error struct {
		Name    string `json:"name"`
		Message string `json:"message"`
	} `json:"error"`
}

// Upload implements networks.Network. A file goes out in parts; Offset is how
// many bytes X has, and Data["processed"] says that it is done with them.
func (c *Client) Upload(ctx context.Context, a networks.Account, f networks.File, from networks.Upload, save func(networks.Upload) error) (networks.Upload, error) {
	up, err := c.upload(ctx, a, f, from, save)
	if err != nil && from.ID != "" {
		// X forgets what was begun too long ago: then once from the beginning.
		if e := networks.AsError(err); e.HTTP == http.StatusBadRequest || e.HTTP == http.StatusNotFound {
			return c.upload(ctx, a, f, networks.Upload{}, save)
		}
	}
	return up, err
}

func (c *Client) upload(ctx context.Context, a networks.Account, f networks.File, up networks.Upload, save func(networks.Upload) error) (networks.Upload, error) {
	if up.Ready {
		return up, nil
	}
	if up.ID == "" {
		id, err := c.initialize(ctx, a, f.Media)
		if err != nil {
			return up, err
		}
		up = networks.Upload{ID: id}
		if err := save(up); err != nil {
			return up, unsaved(err)
		}
	}
	if !up.Sent {
		var err error
		if up, err = c.sendParts(ctx, a, f, up, save); err != nil {
			return up, err
		}
		if up.Wait > 0 {
			return up, nil
		}
	}
	if up.Data["processed"] == "" {
		wait, err := c.status(ctx, a, up.ID)
		if err != nil {
			return up, err
		}
		if up.Wait = wait; wait > 0 {
			return up, nil
		}
		up.Data = map[string]string{"processed": "yes"}
	}
	if f.Alt != "" {
		body := map[string]any{"id": up.ID, "metadata": map[string]any{"alt_text": map[string]string{"text": f.Alt}}}
		if _, err := c.post(ctx, a, "/2/media/metadata", body, false, "upload"); err != nil {
			return up, mediaError(err)
		}
	}
	up.Ready, up.Wait = true, 0
	if err := save(up); err != nil {
		return up, unsaved(err)
	}
	return up, nil
}

func (c *Client) initialize(ctx context.Context, a networks.Account, m networks.Media) (string, error) {
	category := map[networks.MediaKind]string{
		networks.Image: "tweet_image", networks.GIF: "tweet_gif", networks.Video: "tweet_video",
	}[m.Kind]
	resp, err := c.post(ctx, a, "/2/media/upload/initialize", map[string]any{
		"media_type": m.Type, "total_bytes": m.Bytes, "media_category": category,
	}, false, "upload")
	if err != nil {
		return "", mediaError(err)
	}
	var got struct {
		Data struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := resp.JSON(&got); err != nil || got.Data.ID == "" {
		return "", unclear(resp, false, err)
	}
	return got.Data.ID, nil
}

// sendParts sends what X does not have yet, and says that this is all.
func (c *Client) sendParts(ctx context.Context, a networks.Account, f networks.File, up networks.Upload, save func(networks.Upload) error) (networks.Upload, error) {
	file, err := f.Open()
	if err != nil {
		return up, unreadable(err)
	}
	defer file.Close()
	if _, err := file.Seek(up.Offset, io.SeekStart); err != nil {
		return up, unreadable(err)
	}
	part := make([]byte, partSize)
	for up.Offset < f.Bytes {
		n, err := io.ReadFull(file, part[:min(partSize, f.Bytes-up.Offset)])
		if err != nil {
			return up, unreadable(err)
		}
		if err := c.sendPart(ctx, a, up.ID, int(up.Offset/partSize), part[:n]); err != nil {
			return up, mediaError(err)
		}
		up.Offset += int64(n)
		if err := save(up); err != nil {
			return up, unsaved(err)
		}
	}
	resp, err := c.post(ctx, a, "/2/media/upload/"+url.PathEscape(up.ID)+"/finalize", nil, false, "upload")
	if err != nil {
		return up, mediaError(err)
	}
	up.Sent = true
	if up.Wait, err = readProcessing(resp); err != nil {
		return up, err
	}
	if up.Wait == 0 {
		up.Data = map[string]string{"processed": "yes"}
	}
	if err := save(up); err != nil {
		return up, unsaved(err)
	}
	return up, nil
}

func (c *Client) sendPart(ctx context.Context, a networks.Account, id string, index int, part []byte) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	err := form.WriteField("segment_index", strconv.Itoa(index))
	if err == nil {
		var w io.Writer
		if w, err = form.CreateFormFile("media", "part"); err == nil {
			_, err = w.Write(part)
		}
	}
	if err = cmp.Or(err, form.Close()); err != nil {
		return unsendable(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.config.API+"/2/media/upload/"+url.PathEscape(id)+"/append", &body)
	if err != nil {
		return unsendable(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	_, err = c.send(a, req, false, "upload")
	return err
}

// status asks how far X is with a file and returns when to ask again; zero
// when it is done.
func (c *Client) status(ctx context.Context, a networks.Account, id string) (time.Duration, error) {
	resp, err := c.get(ctx, a, "/2/media/upload", url.Values{"command": {"STATUS"}, "media_id": {id}}, "upload")
	if err != nil {
		return 0, mediaError(err)
	}
	return readProcessing(resp)
}

func readProcessing(resp *wire.Response) (time.Duration, error) {
	var got struct {
		Data struct {
			Processing *processing `json:"processing_info"`
		} `json:"data"`
	}
	if err := resp.JSON(&got); err != nil {
		return 0, unclear(resp, false, err)
	}
	p := got.Data.Processing
	switch {
	case p == nil || p.State == "succeeded":
		return 0, nil
	case p.State == "failed":
		return 0, &networks.Error{
			Kind: networks.Rejected, HTTP: resp.Status, Code: p.Error.Name,
			Message: "X could not process the file. Save it in another way and attach it again.",
		}
	}
	return time.Duration(max(1, p.After)) * time.Second, nil
}

// mediaError says of a refusal that the file was refused, not the post.
func mediaError(err error) error {
	e := networks.AsError(err)
	if e.Kind == networks.Rejected && e.HTTP == http.StatusBadRequest {
		e.Message = "X did not take the file. It may be damaged, or of a kind that X does not know."
	}
	return e
}

func unreadable(err error) error {
	return &networks.Error{Kind: networks.Unavailable, Code: "unreadable", Message: "The file could not be read from AllIN's own storage.", Err: err}
}

func unsaved(err error) error {
	return &networks.Error{Kind: networks.Unavailable, Code: "unsaved", Message: "AllIN could not note how far the upload is.", Err: err}
}
