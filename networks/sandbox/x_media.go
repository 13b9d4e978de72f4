package sandbox

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
)

// What X calls the kinds of media when they are uploaded and when they are read.
const (
	xImage = "tweet_image"
	xGIF   = "tweet_gif"
	xVideo = "tweet_video"
)

var (
	xCategories = map[string]string{"image": xImage, "gif": xGIF, "video": xVideo}
	xMediaTypes = map[string]string{xImage: "photo", xGIF: "animated_gif", xVideo: "video"}
	xKeyPrefix  = map[string]string{xImage: "3", xGIF: "16", xVideo: "7"}
	xMaxBytes   = map[string]int64{xImage: 5 << 20, xGIF: 15 << 20, xVideo: 512 << 20}
	xTypes      = []string{"video/mp4", "video/webm", "video/mp2t", "video/quicktime", "image/jpeg", "image/gif",
		"image/bmp", "image/png", "image/webp", "image/pjpeg", "image/tiff"}
)

// xMaxSegment is the largest part of a file that one call may bring.
const xMaxSegment = 5 << 20

// mediaKey is the name that posts give a medium.
func (s *Server) mediaKey(id string) string {
	prefix := "3"
	if m := s.networks[X].medium(id); m != nil {
		prefix = xKeyPrefix[m.category]
	}
	return prefix + "_" + id
}

// xInitialize begins an upload in parts.
func (s *Server) xInitialize(w http.ResponseWriter, r *http.Request, g *grant) {
	var d struct {
		AdditionalOwners []string `json:"additional_owners"`
		MediaCategory    string   `json:"media_category"`
		MediaType        string   `json:"media_type"`
		Shared           bool     `json:"shared"`
		TotalBytes       int64    `json:"total_bytes"`
	}
	if !isJSON(r) {
		writeXError(w, xInvalid("", "", "Request body must be a JSON object."))
		return
	}
	if err := decodeJSON(w, r, &d, true); err != nil {
		writeXError(w, xInvalid("", "", xDecodeMessage(err)))
		return
	}
	if d.MediaCategory == "" {
		d.MediaCategory = xCategories[kindOf(d.MediaType)]
	}
	if bad := xCheckUpload(d.MediaType, d.MediaCategory, d.TotalBytes); bad != nil {
		writeXError(w, *bad)
		return
	}
	id := fmt.Sprint(g.acct.net.nextID(s.now()))
	m := &medium{id: id, typ: d.MediaType, category: d.MediaCategory, acct: g.acct, size: d.TotalBytes, at: s.now(),
		file: s.mediaFile(X, id), open: true}
	err := s.log(g.acct, Entry{Op: opUpload, ID: id, At: m.at, State: &state{Type: m.typ, Category: m.category, Size: m.size}})
	if err != nil {
		g.acct.net.dialect.failed(w)
		return
	}
	g.acct.net.media.Store(id, m)
	writeJSON(w, http.StatusOK, map[string]any{"data": map[string]any{
		"id": id, "media_key": s.mediaKey(id), "expires_after_secs": int(xMediaLife.Seconds())}})
}

func xCheckUpload(typ, category string, size int64) *xError {
	refuse := func(e xError) *xError { return &e }
	if !slices.Contains(xTypes, typ) {
		return refuse(xInvalid("media_type", typ, "The media type is not supported."))
	}
	limit, known := xMaxBytes[category]
	if !known {
		return refuse(xInvalid("media_category", category, "The media category is not supported here."))
	}
	kind := kindOf(typ)
	if (category == xVideo) != (kind == "video") || category == xGIF && kind != "gif" {
		return refuse(xInvalid("media_category", category, "The media category does not fit the media type "+typ+"."))
	}
	if size < 1 || size > limit {
		return refuse(xInvalid("total_bytes", fmt.Sprint(size), fmt.Sprintf("The file size must be between 1 and %d bytes.", limit)))
	}
	return nil
}

// xOwn finds a medium of the account, or answers that there is none.
func (s *Server) xOwn(w http.ResponseWriter, g *grant, id string) *medium {
	m := s.networks[X].medium(id)
	if m == nil || m.acct != g.acct || s.now().Sub(m.at) > xMediaLife {
		writeXError(w, xInvalid("id", id, "The media id is invalid or has expired."))
		return nil
	}
	return m
}

// xAppend takes one part of a file.
func (s *Server) xAppend(w http.ResponseWriter, r *http.Request, g *grant) {
	m := s.xOwn(w, g, r.PathValue("id"))
	if m == nil {
		return
	}
	if !m.isOpen() {
		writeXError(w, xInvalid("id", m.id, "The upload is finalized already."))
		return
	}
	coming := m.file + ".coming-" + secret(6)
	fields, err := xReadUpload(w, r, coming, xMaxSegment)
	if err != nil {
		writeXError(w, xInvalid("media", "", err.Error()))
		return
	}
	index, err := strconv.Atoi(fields["segment_index"])
	if err != nil || index < 0 || index > 999 {
		_ = os.Remove(coming) // a leftover file hurts nobody
		writeXError(w, xInvalid("segment_index", fields["segment_index"], "The segment index must be between 0 and 999."))
		return
	}
	if err := os.Rename(coming, m.segment(index)); err != nil {
		g.acct.net.dialect.failed(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": map[string]any{"expires_at": m.at.Add(xMediaLife).Unix()}})
}

func (m *medium) segment(i int) string { return fmt.Sprintf("%s.%d", m.file, i) }

// xReadUpload writes the field "media" of a multipart or JSON body to a file
// and returns the other fields.
func xReadUpload(w http.ResponseWriter, r *http.Request, path string, limit int64) (map[string]string, error) {
	fields := map[string]string{}
	if isJSON(r) {
		return fields, xReadJSONUpload(w, r, path, limit, fields)
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, errors.New("the request body must be multipart/form-data or JSON")
	}
	body := http.MaxBytesReader(w, r.Body, limit+maxJSON)
	parts := multipart.NewReader(body, params["boundary"])
	found := false
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the multipart body is broken: %w", err)
		}
		if part.FormName() == "media" {
			if _, err := receive(path, part, limit); err != nil {
				return nil, err
			}
			found = true
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, 1000))
		if err != nil {
			return nil, fmt.Errorf("the multipart body is broken: %w", err)
		}
		fields[part.FormName()] = string(text)
	}
	if !found {
		return nil, errors.New("the field media is missing")
	}
	return fields, nil
}

func xReadJSONUpload(w http.ResponseWriter, r *http.Request, path string, limit int64, fields map[string]string) error {
	var d struct {
		Media         string `json:"media"`
		MediaCategory string `json:"media_category"`
		SegmentIndex  *int   `json:"segment_index"`
	}
	if err := decodeWhole(http.MaxBytesReader(w, r.Body, limit*4/3+maxJSON), &d, true); err != nil {
		return err
	}
	if d.SegmentIndex != nil {
		fields["segment_index"] = strconv.Itoa(*d.SegmentIndex)
	}
	fields["media_category"] = d.MediaCategory
	_, err := receive(path, base64.NewDecoder(base64.StdEncoding, strings.NewReader(d.Media)), limit)
	return err
}

// xFinalize puts the parts together.
func (s *Server) xFinalize(w http.ResponseWriter, r *http.Request, g *grant) {
	m := s.xOwn(w, g, r.PathValue("id"))
	if m == nil {
		return
	}
	m.assembly.Lock()
	defer m.assembly.Unlock()
	if m.isOpen() {
		if bad := s.xAssemble(m); bad != nil {
			writeXError(w, *bad)
			return
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": s.xMediaState(m, m.ready(s.now()))})
}

// xAssemble joins the parts of an upload, in order and without a gap.
func (s *Server) xAssemble(m *medium) *xError {
	refuse := func(message string) *xError { e := xInvalid("id", m.id, message); return &e }
	var parts []io.Reader
	var files []*os.File
	defer func() {
		for _, f := range files {
			_ = f.Close() // they were only read
		}
	}()
	for i := range 1000 {
		f, err := os.Open(m.segment(i))
		if err != nil {
			break
		}
		files, parts = append(files, f), append(parts, f)
	}
	got, err := receive(m.file, io.MultiReader(parts...), m.size)
	if err != nil || got.size != m.size {
		return refuse(fmt.Sprintf("Segments do not add up to provided total file size of %d bytes.", m.size))
	}
	if !sameMedia(sniff(got.head), m.typ) {
		return refuse("The file is not of the media type " + m.typ + ".")
	}
	m.mu.Lock()
	m.open, m.slow, m.done = false, m.category != xImage, s.now()
	m.mu.Unlock()
	if err := s.keep(m); err != nil {
		return &xError{Title: "Internal Server Error", Type: "about:blank", Status: http.StatusInternalServerError}
	}
	for _, f := range files {
		_ = os.Remove(f.Name()) // a leftover part hurts nobody
	}
	return nil
}

// xMediaState is what X says of an upload.
func (s *Server) xMediaState(m *medium, ready bool) map[string]any {
	data := map[string]any{"id": m.id, "media_key": s.mediaKey(m.id), "size": m.size, "expires_after_secs": int(xMediaLife.Seconds())}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.open:
		data["processing_info"] = map[string]any{"state": "pending", "check_after_secs": 1}
	case m.slow && ready:
		data["processing_info"] = map[string]any{"state": "succeeded", "progress_percent": 100}
	case m.slow && m.polls > 0:
		data["processing_info"] = map[string]any{"state": "in_progress", "progress_percent": 50, "check_after_secs": 1}
	case m.slow:
		data["processing_info"] = map[string]any{"state": "pending", "check_after_secs": 1}
	}
	if m.category == xImage && m.width > 0 {
		data["image"] = map[string]any{"image_type": m.typ, "w": m.width, "h": m.height}
	}
	return data
}

func (s *Server) xStatus(w http.ResponseWriter, r *http.Request, g *grant) {
	q := r.URL.Query()
	if command := q.Get("command"); command != "" && command != "STATUS" {
		writeXError(w, xInvalid("command", command, "The `command` query parameter value ["+command+"] is not one of [STATUS]"))
		return
	}
	if m := s.xOwn(w, g, q.Get("media_id")); m != nil {
		writeJSON(w, http.StatusOK, map[string]any{"data": s.xMediaState(m, m.poll(s.now()))})
	}
}

// xUpload takes a whole picture in one call.
func (s *Server) xUpload(w http.ResponseWriter, r *http.Request, g *grant) {
	id := fmt.Sprint(g.acct.net.nextID(s.now()))
	m := &medium{id: id, acct: g.acct, at: s.now(), done: s.now(), file: s.mediaFile(X, id)}
	fields, err := xReadUpload(w, r, m.file, xMaxBytes[xGIF])
	if err != nil {
		writeXError(w, xInvalid("media", "", err.Error()))
		return
	}
	info, err := os.Stat(m.file)
	if err != nil {
		g.acct.net.dialect.failed(w)
		return
	}
	m.size, m.category, m.typ = info.Size(), fields["media_category"], sniffFile(m.file)
	if bad := xCheckUpload(m.typ, m.category, m.size); bad != nil {
		_ = os.Remove(m.file) // a leftover file hurts nobody
		writeXError(w, *bad)
		return
	}
	m.slow = m.category != xImage
	if err := s.keep(m); err != nil {
		g.acct.net.dialect.failed(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": s.xMediaState(m, m.ready(s.now()))})
}

// xMetadata stores the alt text of a medium.
func (s *Server) xMetadata(w http.ResponseWriter, r *http.Request, g *grant) {
	var d struct {
		ID       string `json:"id"`
		Metadata struct {
			AltText *struct {
				Text string `json:"text"`
			} `json:"alt_text"`
		} `json:"metadata"`
	}
	if err := decodeJSON(w, r, &d, false); err != nil {
		writeXError(w, xInvalid("", "", xDecodeMessage(err)))
		return
	}
	m := s.xOwn(w, g, d.ID)
	if m == nil {
		return
	}
	associated := map[string]any{}
	if alt := d.Metadata.AltText; alt != nil {
		if len([]rune(alt.Text)) > 1000 {
			writeXError(w, xInvalid("metadata.alt_text.text", "", "The alt text is longer than 1000 characters."))
			return
		}
		if err := s.describe(m, alt.Text); err != nil {
			g.acct.net.dialect.failed(w)
			return
		}
		associated["alt_text"] = map[string]string{"text": alt.Text}
	}
	writeJSON(w, http.StatusOK, map[string]any{"data": map[string]any{"id": m.id, "associated_metadata": associated}})
}
