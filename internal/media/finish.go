package media

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

// putLimit is the most that Put takes: the largest video that any network
// takes has 4 GB.
const putLimit = 4 << 30

// head is how much of a file's beginning tells its type.
const head = 64

// Finish turns a complete upload into a file that can be opened. It finds out
// what the file is, removes what it tells about its maker and makes the small
// pictures of it. A file that cannot be used gives *RefusedError and is
// removed; after any other error Finish may be called again. A file that is
// finished already is described once more. The error is fs.ErrNotExist when
// nothing was uploaded.
func (s *Store) Finish(ctx context.Context, organization, id uuid.UUID) (Info, error) {
	unlock, err := s.busy.lock(ctx, key(organization, id))
	if err != nil {
		return Info{}, fmt.Errorf("finishing upload %s: %w", id, err)
	}
	defer unlock()
	info, err := s.finish(ctx, organization, id)
	var refused *RefusedError
	if err == nil || errors.As(err, &refused) {
		err = errors.Join(err, remove(s.upload(organization, id)))
	}
	if err != nil {
		return Info{}, fmt.Errorf("finishing upload %s: %w", id, err)
	}
	return info, nil
}

// Put uploads all of r and finishes it. What had arrived of that upload
// before is forgotten.
func (s *Store) Put(ctx context.Context, organization, id uuid.UUID, r io.Reader) (Info, error) {
	if rec, err := s.record(organization, id); err == nil {
		return rec.Info, nil
	}
	if err := remove(s.upload(organization, id)); err != nil {
		return Info{}, fmt.Errorf("storing media %s: %w", id, err)
	}
	if _, err := s.Append(ctx, organization, id, 0, r, putLimit); err != nil {
		return Info{}, err
	}
	return s.Finish(ctx, organization, id)
}

func (s *Store) finish(ctx context.Context, organization, id uuid.UUID) (Info, error) {
	rec, err := s.record(organization, id)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return rec.Info, err
	}
	f, err := os.OpenFile(s.upload(organization, id), os.O_RDWR, 0)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	work, err := os.MkdirTemp(s.uploads, "work-*")
	if err != nil {
		return Info{}, err
	}
	defer os.RemoveAll(work)
	rec, err = s.examine(ctx, f, work)
	if err != nil {
		return Info{}, err
	}
	return rec.Info, s.publish(work, organization, id, rec)
}

// examine finds out what f is and fills the folder work with the file to
// keep and its small pictures.
func (s *Store) examine(ctx context.Context, f *os.File, work string) (record, error) {
	st, err := f.Stat()
	if err != nil {
		return record{}, err
	}
	start := make([]byte, head)
	n, err := f.ReadAt(start, 0)
	if err != nil && err != io.EOF {
		return record{}, err
	}
	contentType, err := typeOf(start[:n])
	if err != nil {
		return record{}, err
	}
	switch contentType {
	case typeMP4, typeQuickTime:
		return keepMP4(f, st.Size(), contentType, work)
	case typeWebM:
		return keepWebM(f, st.Size(), work)
	}
	return s.keepPicture(ctx, f, st.Size(), contentType, work)
}

// publish notes rec in the folder work and moves it to its final place.
func (s *Store) publish(work string, organization, id uuid.UUID, rec record) error {
	b, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	err = writeFile(filepath.Join(work, recordName), func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil {
		return err
	}
	home := s.home(organization, id)
	if err := os.MkdirAll(filepath.Dir(home), 0o700); err != nil {
		return err
	}
	if err := errors.Join(syncFolder(work), syncFolder(s.files)); err != nil {
		return err
	}
	if err := os.Rename(work, home); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(home))
}

// keepVideo puts f, which is kept as it is, into the folder work.
func keepVideo(f *os.File, size int64, contentType string, m movie, work string) (record, error) {
	if err := f.Sync(); err != nil {
		return record{}, err
	}
	path := filepath.Join(work, originalName)
	// A second name for the same bytes: the upload stays whole until the
	// folder is in its place. File systems without links get a copy.
	if err := os.Link(f.Name(), path); err != nil {
		err = writeFile(path, func(w io.Writer) error {
			_, err := io.Copy(w, io.NewSectionReader(f, 0, size))
			return err
		})
		if err != nil {
			return record{}, err
		}
	}
	return record{Info: Info{Kind: Video, Type: contentType, Bytes: size,
		Width: m.width, Height: m.height, Duration: m.duration}}, nil
}

// writeFile writes a new file and brings it to the disk.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	return errors.Join(err, f.Sync(), f.Close())
}

// The types that can be kept.
const (
	typeJPEG      = "image/jpeg"
	typePNG       = "image/png"
	typeGIF       = "image/gif"
	typeWebP      = "image/webp"
	typeMP4       = "video/mp4"
	typeQuickTime = "video/quicktime"
	typeWebM      = "video/webm"
)

// typeOf tells a file's type by its beginning, or refuses it.
func typeOf(b []byte) (string, error) {
	at := func(offset int, s string) bool {
		return len(b) >= offset+len(s) && string(b[offset:offset+len(s)]) == s
	}
	switch {
	case len(b) == 0:
		return "", &RefusedError{"This file is empty. Choose another one."}
	case at(0, "\xff\xd8\xff"):
		return typeJPEG, nil
	case at(0, "\x89PNG\r\n\x1a\n"):
		return typePNG, nil
	case at(0, "GIF87a"), at(0, "GIF89a"):
		return typeGIF, nil
	case at(0, "RIFF") && at(8, "WEBP"):
		return typeWebP, nil
	case at(0, "\x1a\x45\xdf\xa3"):
		return typeWebM, nil
	case at(4, "ftypqt  "):
		return typeQuickTime, nil
	case at(4, "ftyp") && at(0, "\x00\x00"):
		return ftyp(b)
	// QuickTime files from before there was an ftyp begin with any of these.
	case at(4, "moov"), at(4, "mdat"), at(4, "wide"), at(4, "free"), at(4, "skip"), at(4, "pnot"):
		return typeQuickTime, nil
	}
	return "", &RefusedError{"This file is not a picture or video that can be used. " +
		"Use JPEG, PNG, GIF or WebP pictures, and MP4, MOV or WebM videos."}
}

// ftyp parts MP4 from the pictures and sounds that lie in the same container.
func ftyp(b []byte) (string, error) {
	brand := b[8:min(12, len(b))]
	for _, heif := range []string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "avif", "avis"} {
		if bytes.Equal(brand, []byte(heif)) {
			return "", &RefusedError{"HEIC and AVIF pictures cannot be used. Save the picture as JPEG and upload that."}
		}
	}
	if bytes.HasPrefix(brand, []byte("M4A")) || bytes.HasPrefix(brand, []byte("M4B")) {
		return "", errNoPicture
	}
	return typeMP4, nil
}
