// Package media keeps uploaded pictures and videos in a folder and finds out
// what they are. Their type is told by their content alone, what they tell
// about their maker (place, camera, comments) is removed, and nothing of the
// name a file came with ever reaches a path: paths are made of the ids of an
// organization and of an upload.
//
// The folder has two parts. What is still arriving lies in uploads, one file
// each. What is finished lies in files, one folder each, which appears there
// by a single rename and so is never seen half made.
package media

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
)

// Kind parts what people and networks treat differently.
type Kind string

// The kinds of media.
const (
	Image Kind = "image" // a still picture, and a PNG that may move
	GIF   Kind = "gif"   // one that moves; a GIF of one frame is an Image
	Video Kind = "video"
)

// Info tells what a finished file is.
type Info struct {
	Kind     Kind          `json:"kind"`
	Type     string        `json:"type"` // by content, such as image/jpeg
	Bytes    int64         `json:"bytes"`
	Width    int           `json:"width"` // in pixels, as shown: after any turn that the file asks for
	Height   int           `json:"height"`
	Duration time.Duration `json:"duration"` // of a video; 0 when the file does not tell
}

// ErrTooLarge reports that an upload went beyond its limit. What had arrived
// of it is gone.
var ErrTooLarge = errors.New("the file is larger than allowed")

// ErrFinished reports that an upload is complete and takes no more bytes.
var ErrFinished = errors.New("the upload is already finished")

// OffsetError reports that a piece does not continue what has arrived.
type OffsetError struct {
	Have int64 // bytes that have arrived: the offset to continue from
}

func (e *OffsetError) Error() string {
	return fmt.Sprintf("the piece does not continue the upload, which has %d bytes", e.Have)
}

// RefusedError reports that a file is not one that can be kept.
type RefusedError struct {
	Reason string // a sentence or two for the person who uploaded it
}

func (e *RefusedError) Error() string { return e.Reason }

// Names inside the folder of a finished file.
const (
	originalName = "original"
	previewName  = "preview"
	thumbName    = "thumb"
	recordName   = "info.json"
)

// record is what is noted beside a finished file.
type record struct {
	Info
	PreviewType string `json:"previewType,omitempty"` // of preview and thumb; "" where there is none
}

// Store keeps media in one folder. It may be used by many goroutines at once.
type Store struct {
	uploads string
	files   string
	busy    locks
	decoder chan struct{} // holds one token: pictures are decoded one at a time, as each may take much memory
}

// Open returns the store in dir, which is made where it is missing.
func Open(dir string) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("finding the media folder: %w", err)
	}
	s := &Store{
		uploads: filepath.Join(dir, "uploads"),
		files:   filepath.Join(dir, "files"),
		busy:    locks{held: map[string]*turn{}},
		decoder: make(chan struct{}, 1),
	}
	for _, d := range []string{s.uploads, s.files} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("making the media folder: %w", err)
		}
	}
	return s, nil
}

// Check reports why nothing could be stored now, or nil.
func (s *Store) Check() error {
	f, err := os.CreateTemp(s.uploads, "check-*")
	if err != nil {
		return fmt.Errorf("writing to the media folder: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString("writable\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing to the media folder: %w", err)
	}
	if _, err := os.ReadDir(s.files); err != nil {
		return fmt.Errorf("reading the media folder: %w", err)
	}
	return nil
}

// Original opens the finished file, tells its size in bytes and its type.
// The error is fs.ErrNotExist when there is none.
func (s *Store) Original(organization, id uuid.UUID) (body io.ReadSeekCloser, size int64, contentType string, err error) {
	rec, err := s.record(organization, id)
	if err != nil {
		return nil, 0, "", err
	}
	return s.open(organization, id, originalName, rec.Type)
}

// Preview opens a picture of at most 640 pixels in either direction, a JPEG,
// or a PNG where parts are transparent. The error is fs.ErrNotExist when
// there is none, as with videos.
func (s *Store) Preview(organization, id uuid.UUID) (body io.ReadSeekCloser, size int64, contentType string, err error) {
	return s.derived(organization, id, previewName)
}

// Thumb opens a square of 128 pixels cut from the middle of the picture. Its
// type and error are those of Preview.
func (s *Store) Thumb(organization, id uuid.UUID) (body io.ReadSeekCloser, size int64, contentType string, err error) {
	return s.derived(organization, id, thumbName)
}

func (s *Store) derived(organization, id uuid.UUID, name string) (io.ReadSeekCloser, int64, string, error) {
	rec, err := s.record(organization, id)
	if err != nil {
		return nil, 0, "", err
	}
	if rec.PreviewType == "" {
		return nil, 0, "", fmt.Errorf("opening the %s of media %s: %w", name, id, fs.ErrNotExist)
	}
	return s.open(organization, id, name, rec.PreviewType)
}

func (s *Store) open(organization, id uuid.UUID, name, contentType string) (io.ReadSeekCloser, int64, string, error) {
	f, err := os.Open(filepath.Join(s.home(organization, id), name))
	if err != nil {
		return nil, 0, "", fmt.Errorf("opening the %s of media %s: %w", name, id, err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, "", fmt.Errorf("opening the %s of media %s: %w", name, id, err)
	}
	return f, st.Size(), contentType, nil
}

// Delete removes a finished file with all that was made of it, and an upload
// of that name. What is not there counts as deleted. Who is reading the file
// may read on.
func (s *Store) Delete(organization, id uuid.UUID) error {
	unlock, err := s.busy.lock(context.Background(), key(organization, id))
	if err != nil {
		return fmt.Errorf("deleting media %s: %w", id, err)
	}
	defer unlock()
	if err := remove(s.upload(organization, id)); err != nil {
		return fmt.Errorf("deleting media %s: %w", id, err)
	}
	bin, err := os.MkdirTemp(s.uploads, "deleted-*")
	if err != nil {
		return fmt.Errorf("deleting media %s: %w", id, err)
	}
	defer os.RemoveAll(bin)
	// Moved away first: a crash half way leaves a complete file or none.
	err = os.Rename(s.home(organization, id), filepath.Join(bin, "media"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("deleting media %s: %w", id, err)
	}
	if err := os.RemoveAll(bin); err != nil {
		return fmt.Errorf("deleting media %s: %w", id, err)
	}
	return nil
}

// DeleteAll removes every file and upload of an organization.
func (s *Store) DeleteAll(organization uuid.UUID) error {
	bin, err := os.MkdirTemp(s.uploads, "deleted-*")
	if err != nil {
		return fmt.Errorf("deleting the media of organization %s: %w", organization, err)
	}
	defer os.RemoveAll(bin)
	err = os.Rename(filepath.Join(s.files, organization.String()), filepath.Join(bin, "media"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("deleting the media of organization %s: %w", organization, err)
	}
	entries, err := os.ReadDir(s.uploads)
	if err != nil {
		return fmt.Errorf("deleting the uploads of organization %s: %w", organization, err)
	}
	for _, e := range entries {
		if isKey(e.Name()) && e.Name()[:36] == organization.String() {
			err = errors.Join(err, remove(filepath.Join(s.uploads, e.Name())))
		}
	}
	if err = errors.Join(err, os.RemoveAll(bin)); err != nil {
		return fmt.Errorf("deleting the media of organization %s: %w", organization, err)
	}
	return nil
}

// Sweep removes the uploads that last grew before olderThan and what crashes
// left behind, and returns how many uploads it removed.
func (s *Store) Sweep(ctx context.Context, olderThan time.Time) (n int, err error) {
	entries, err := os.ReadDir(s.uploads)
	if err != nil {
		return 0, fmt.Errorf("sweeping abandoned uploads: %w", err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return n, fmt.Errorf("sweeping abandoned uploads: %w", err)
		}
		removed, err := s.sweep(ctx, e.Name(), olderThan)
		if err != nil {
			return n, fmt.Errorf("sweeping abandoned uploads: %w", err)
		}
		if removed && isKey(e.Name()) {
			n++
		}
	}
	return n, nil
}

// sweep removes one entry of the uploads folder if it is old and unused.
func (s *Store) sweep(ctx context.Context, name string, olderThan time.Time) (bool, error) {
	if s.busy.inUse(name) {
		return false, nil
	}
	unlock, err := s.busy.lock(ctx, name)
	if err != nil {
		return false, err
	}
	defer unlock()
	path := filepath.Join(s.uploads, name)
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || !st.ModTime().Before(olderThan) {
		return false, err
	}
	return true, os.RemoveAll(path)
}

// record reads what was noted beside a finished file.
func (s *Store) record(organization, id uuid.UUID) (record, error) {
	var rec record
	b, err := os.ReadFile(filepath.Join(s.home(organization, id), recordName))
	if err != nil {
		return rec, fmt.Errorf("finding media %s: %w", id, err)
	}
	if err := json.Unmarshal(b, &rec); err != nil {
		return rec, fmt.Errorf("reading the record of media %s: %w", id, err)
	}
	return rec, nil
}

// home is the folder of a finished file.
func (s *Store) home(organization, id uuid.UUID) string {
	return filepath.Join(s.files, organization.String(), id.String())
}

// upload is the file that an upload grows in.
func (s *Store) upload(organization, id uuid.UUID) string {
	return filepath.Join(s.uploads, key(organization, id))
}

func key(organization, id uuid.UUID) string { return organization.String() + "_" + id.String() }

// isKey tells an upload from the working folders beside it.
func isKey(name string) bool {
	const n = 36 // of an id in its usual form
	return len(name) == 2*n+1 && name[n] == '_' && uuid.Validate(name[:n]) == nil && uuid.Validate(name[n+1:]) == nil
}

// remove removes a file that may be missing.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncFolder makes the names in a folder survive a power cut.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
