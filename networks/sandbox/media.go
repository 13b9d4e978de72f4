package sandbox

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // for image.DecodeConfig
	_ "image/jpeg" // for image.DecodeConfig
	_ "image/png"  // for image.DecodeConfig
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	_ "golang.org/x/image/webp" // for image.DecodeConfig
)

// shownTypes are what the pages show; everything else is only given away as a file.
var shownTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "video/mp4", "video/webm", "video/quicktime"}

// kindOf returns "image", "gif" or "video", or "" for what is none of these.
func kindOf(typ string) string {
	switch {
	case typ == "image/gif":
		return "gif"
	case strings.HasPrefix(typ, "image/"):
		return "image"
	case strings.HasPrefix(typ, "video/"):
		return "video"
	}
	return ""
}

// sniff returns the type that a file's first bytes tell. net/http does not
// know QuickTime, whose files begin like those of MP4.
func sniff(head []byte) string {
	typ, _, _ := strings.Cut(http.DetectContentType(head), ";")
	if typ == "application/octet-stream" && len(head) > 12 && string(head[4:8]) == "ftyp" {
		if string(head[8:10]) == "qt" {
			return "video/quicktime"
		}
		return "video/mp4"
	}
	return typ
}

// sniffFile returns the type that a file's first bytes tell, "" when it cannot be read.
func sniffFile(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, 512)
	n, _ := io.ReadFull(f, head) // a short file gives a short head
	return sniff(head[:n])
}

// sameMedia reports whether a file of the one type may call itself the other.
func sameMedia(sniffed, declared string) bool {
	movies := []string{"video/mp4", "video/quicktime", "video/webm", "video/mp2t"}
	declared = strings.Replace(declared, "image/jpg", "image/jpeg", 1)
	return sniffed == declared || slices.Contains(movies, declared) && (slices.Contains(movies, sniffed) || sniffed == "application/octet-stream")
}

// received is a file that a caller sent.
type received struct {
	size int64
	hash [sha256.Size]byte
	head []byte
}

var errTooLarge = errors.New("the file is larger than the network takes")

// receive writes what comes to a file, which is replaced in one step.
func receive(path string, from io.Reader, limit int64) (received, error) {
	f, err := os.CreateTemp(dirOf(path), "coming-*")
	if err != nil {
		return received{}, fmt.Errorf("make media file: %w", err)
	}
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(from, limit+1))
	if err == nil && size > limit {
		err = errTooLarge
	}
	head := make([]byte, 512)
	n, _ := f.ReadAt(head, 0) // a short file gives a short head
	if err = errors.Join(err, f.Close()); err != nil {
		return received{}, errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return received{}, fmt.Errorf("keep media file: %w", err)
	}
	return received{size, [sha256.Size]byte(sum.Sum(nil)), head[:n]}, nil
}

func dirOf(path string) string { return path[:strings.LastIndexByte(path, os.PathSeparator)] }

// measure reads the size of a picture; of a video it knows none.
func measure(path string) (width, height int) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0
	}
	defer f.Close()
	c, _, err := image.DecodeConfig(f)
	if err != nil {
		return 0, 0
	}
	return c.Width, c.Height
}

// keep enters a medium and writes it to the journal.
func (s *Server) keep(m *medium) error {
	width, height := measure(m.file)
	m.mu.Lock()
	m.width, m.height = width, height
	st := &state{Type: m.typ, Category: m.category, Size: m.size, Width: width, Height: height, Alt: m.alt, Slow: m.slow}
	m.mu.Unlock()
	err := s.log(m.acct, Entry{Op: opMedia, ID: m.id, At: m.at, State: st})
	if err == nil {
		m.acct.net.media.Store(m.id, m)
	}
	return err
}

// keepMedium enters a medium of a post of the past.
func (s *Server) keepMedium(a *account, p PastMedia) (*medium, error) {
	id := fmt.Sprint(a.net.nextID(s.now()))
	if a.net.key == Bluesky {
		id = blobCID(sha256.Sum256(p.Data))
	}
	m := &medium{id: id, typ: p.Type, category: xCategories[kindOf(p.Type)], acct: a, size: int64(len(p.Data)),
		at: s.now(), file: s.mediaFile(a.net.key, id), alt: p.Alt}
	if err := os.WriteFile(m.file, p.Data, 0o600); err != nil {
		return nil, err
	}
	return m, s.keep(m)
}

// describe stores a medium's alt text.
func (s *Server) describe(m *medium, alt string) error {
	if err := s.log(m.acct, Entry{Op: opAlt, ID: m.id, State: &state{Alt: alt}}); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.alt = alt
	return nil
}

// replayMedia enters a line about media.
func (s *Server) replayMedia(n *network, a *account, e *Entry) {
	st := e.State
	switch e.Op {
	case opAlt:
		if m := n.medium(e.ID); m != nil {
			m.alt = st.Alt
		}
		return
	case opMedia, opUpload:
		n.media.Store(e.ID, &medium{id: e.ID, typ: st.Type, category: st.Category, acct: a, size: st.Size,
			width: st.Width, height: st.Height, at: e.At, done: e.At, file: s.mediaFile(n.key, e.ID), alt: st.Alt,
			slow: st.Slow, open: e.Op == opUpload})
	}
	if n.key != Bluesky {
		n.sawID(e.ID)
	}
}

func (s *Server) mediaURL(m *medium) string { return m.acct.net.site + "/media/" + m.id }

// serveMedia gives an uploaded file to anybody.
func (s *Server) serveMedia(key string) http.HandlerFunc {
	n := s.networks[key]
	return func(w http.ResponseWriter, r *http.Request) {
		m := n.medium(r.PathValue("id"))
		if m == nil || m.isOpen() {
			s.notFound(w, r)
			return
		}
		s.sendMedium(w, r, m)
	}
}

func (s *Server) sendMedium(w http.ResponseWriter, r *http.Request, m *medium) {
	f, err := os.Open(m.file)
	if err != nil {
		s.notFound(w, r)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", m.typ)
	w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.Header().Set("Cache-Control", "public, max-age=86400, immutable")
	if !slices.Contains(shownTypes, m.typ) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", "attachment")
	}
	http.ServeContent(w, r, "", time.Time{}, f)
}
