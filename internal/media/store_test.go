package media_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/internal/media"
)

const limit = 1 << 20

// fixture is a store in a folder of its own, with one organization.
type fixture struct {
	*media.Store
	dir string
	org uuid.UUID
}

func newStore(t testing.TB) fixture {
	t.Helper()
	dir := t.TempDir()
	s, err := media.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return fixture{s, dir, uuid.New()}
}

// put stores data and returns its id.
func (f fixture) put(t testing.TB, data []byte) (uuid.UUID, media.Info) {
	t.Helper()
	id := uuid.New()
	info, err := f.Put(t.Context(), f.org, id, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return id, info
}

// refused stores data, which must be refused, and returns the reason.
func (f fixture) refused(t testing.TB, data []byte) string {
	t.Helper()
	id := uuid.New()
	info, err := f.Put(t.Context(), f.org, id, bytes.NewReader(data))
	var refused *media.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("got %+v, %v; want a refusal", info, err)
	}
	if !strings.HasSuffix(refused.Reason, ".") {
		t.Errorf("reason %q is no sentence", refused.Reason)
	}
	if _, _, _, err := f.Original(f.org, id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused file can be opened: %v", err)
	}
	if n, err := f.UploadSize(f.org, id); n != 0 || err != nil {
		t.Errorf("a refused upload stays: %d bytes, %v", n, err)
	}
	f.empty(t, "uploads")
	return refused.Reason
}

// empty fails when something is left in a folder of the store.
func (f fixture) empty(t testing.TB, folder string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(f.dir, folder))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left in %s", e.Name(), folder)
	}
}

type opener func(organization, id uuid.UUID) (io.ReadSeekCloser, int64, string, error)

// read returns all of what open opens, and its type.
func (f fixture) read(t testing.TB, open opener, id uuid.UUID) ([]byte, string) {
	t.Helper()
	body, size, contentType, err := open(f.org, id)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != size {
		t.Errorf("told %d bytes, read %d", size, len(b))
	}
	return b, contentType
}

func TestUploadInPieces(t *testing.T) {
	f, id, data := newStore(t), uuid.New(), picturePNG(t, 200, 100)
	half := int64(len(data) / 2)

	add := func(offset int64, piece []byte, want int64) {
		t.Helper()
		size, err := f.Append(t.Context(), f.org, id, offset, bytes.NewReader(piece), limit)
		if err != nil || size != want {
			t.Fatalf("got %d, %v; want %d", size, err, want)
		}
	}
	add(0, data[:half], half)
	add(0, data[:half], half)                  // the answer was lost
	add(10, data[10:20], half)                 // an old piece comes late
	add(half-5, data[half-5:half+10], half+10) // overlaps
	add(half+10, nil, half+10)
	if n, err := f.UploadSize(f.org, id); n != half+10 || err != nil {
		t.Fatalf("upload has %d bytes, %v; want %d", n, err, half+10)
	}
	add(half+10, data[half+10:], int64(len(data)))

	info, err := f.Finish(t.Context(), f.org, id)
	if err != nil {
		t.Fatal(err)
	}
	if info.Width != 200 || info.Height != 100 {
		t.Errorf("got %+v", info)
	}
	again, err := f.Finish(t.Context(), f.org, id)
	if err != nil || again != info {
		t.Errorf("finishing again gave %+v, %v; want %+v", again, err, info)
	}
	if _, err := f.Append(t.Context(), f.org, id, 0, bytes.NewReader(data), limit); !errors.Is(err, media.ErrFinished) {
		t.Errorf("adding to a finished upload gave %v", err)
	}
	f.empty(t, "uploads")
}

func TestWrongOffset(t *testing.T) {
	f, id := newStore(t), uuid.New()
	wrong := func(offset int64, piece string, have int64) {
		t.Helper()
		_, err := f.Append(t.Context(), f.org, id, offset, strings.NewReader(piece), limit)
		var off *media.OffsetError
		if !errors.As(err, &off) || off.Have != have {
			t.Errorf("offset %d gave %v; want to continue at %d", offset, err, have)
		}
	}
	wrong(5, "late", 0)
	f.empty(t, "uploads")
	if _, err := f.Append(t.Context(), f.org, id, 0, strings.NewReader("0123456789"), limit); err != nil {
		t.Fatal(err)
	}
	wrong(11, "gap", 10)
	wrong(-1, "before", 10)
	wrong(8, "8x", 10)
	wrong(0, "another file", 10)
	if size, err := f.Append(t.Context(), f.org, id, 10, strings.NewReader("abc"), limit); size != 13 || err != nil {
		t.Errorf("continuing gave %d, %v", size, err)
	}
}

func TestTooLarge(t *testing.T) {
	f, id := newStore(t), uuid.New()
	if size, err := f.Append(t.Context(), f.org, id, 0, strings.NewReader("01234567"), 8); size != 8 || err != nil {
		t.Fatalf("the limit itself gave %d, %v", size, err)
	}
	if _, err := f.Append(t.Context(), f.org, id, 8, strings.NewReader("8"), 8); !errors.Is(err, media.ErrTooLarge) {
		t.Errorf("one byte more gave %v", err)
	}
	f.empty(t, "uploads")
	endless := io.MultiReader(strings.NewReader("start"), zeros{})
	if _, err := f.Append(t.Context(), f.org, id, 0, endless, limit); !errors.Is(err, media.ErrTooLarge) {
		t.Errorf("an endless upload gave %v", err)
	}
	f.empty(t, "uploads")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestBrokenConnection(t *testing.T) {
	f, id := newStore(t), uuid.New()
	broken := errors.New("connection lost")
	size, err := f.Append(t.Context(), f.org, id, 0,
		io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken)), limit)
	if size != 4 || !errors.Is(err, broken) {
		t.Fatalf("got %d, %v", size, err)
	}
	if n, err := f.UploadSize(f.org, id); n != 4 || err != nil {
		t.Errorf("upload has %d bytes, %v; want 4", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Append(ctx, f.org, id, 4, strings.NewReader("rest"), limit); !errors.Is(err, context.Canceled) {
		t.Errorf("a canceled piece gave %v", err)
	}
}

func TestConcurrentAppends(t *testing.T) {
	f, id, data := newStore(t), uuid.New(), picturePNG(t, 300, 300)
	const pieces = 8
	step := (len(data) + pieces - 1) / pieces
	var wg sync.WaitGroup
	for range 4 { // clients that send the same file at once
		wg.Go(func() {
			for at := 0; at < len(data); {
				piece := data[at:min(at+step, len(data))]
				size, err := f.Append(t.Context(), f.org, id, int64(at), bytes.NewReader(piece), limit)
				var off *media.OffsetError
				if err != nil && !errors.As(err, &off) {
					t.Error(err)
					return
				}
				at = int(size)
			}
		})
	}
	wg.Wait()
	if n, _ := f.UploadSize(f.org, id); n != int64(len(data)) {
		t.Fatalf("upload has %d bytes; want %d", n, len(data))
	}
	for range 4 {
		wg.Go(func() {
			if info, err := f.Finish(t.Context(), f.org, id); err != nil || info.Width != 300 {
				t.Errorf("got %+v, %v", info, err)
			}
		})
	}
	wg.Wait()
	f.empty(t, "uploads")
}

func TestOrganizationsAreApart(t *testing.T) {
	f := newStore(t)
	id, _ := f.put(t, picturePNG(t, 20, 20))
	stranger := uuid.New()
	for name, open := range map[string]opener{"original": f.Original, "preview": f.Preview, "thumb": f.Thumb} {
		if _, _, _, err := open(stranger, id); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a stranger's %s gave %v", name, err)
		}
	}
	if err := f.Delete(stranger, id); err != nil {
		t.Error(err)
	}
	f.read(t, f.Original, id)
}

func TestPathsAreMadeOfIDs(t *testing.T) {
	f := newStore(t)
	f.put(t, picturePNG(t, 20, 20))
	if _, err := f.Append(t.Context(), uuid.Nil, uuid.Max, 0, strings.NewReader("x"), limit); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(f.dir, path)
		for part := range strings.SplitSeq(rel, string(filepath.Separator)) {
			switch part {
			case ".", "uploads", "files", "original", "preview", "thumb", "info.json":
				continue
			}
			for id := range strings.SplitSeq(part, "_") {
				if uuid.Validate(id) != nil {
					t.Errorf("%s is made of something else than ids", rel)
				}
			}
		}
		info, statErr := d.Info()
		if statErr == nil && info.Mode().Perm()&0o077 != 0 && path != f.dir {
			t.Errorf("%s is open to others: %v", rel, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingUploaded(t *testing.T) {
	f := newStore(t)
	if _, err := f.Finish(t.Context(), f.org, uuid.New()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	f.refused(t, nil)
}

func TestCanceledFinishCanBeRepeated(t *testing.T) {
	f, id := newStore(t), uuid.New()
	if _, err := f.Append(t.Context(), f.org, id, 0, bytes.NewReader(picturePNG(t, 20, 20)), limit); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Finish(ctx, f.org, id); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, err := f.Finish(t.Context(), f.org, id); err != nil {
		t.Error(err)
	}
}

func TestCrashWhileFinishing(t *testing.T) {
	f, id := newStore(t), uuid.New()
	if _, err := f.Append(t.Context(), f.org, id, 0, bytes.NewReader(picturePNG(t, 20, 20)), limit); err != nil {
		t.Fatal(err)
	}
	// What a process that died half way leaves.
	left := filepath.Join(f.dir, "uploads", "work-1")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "original"), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := f.Original(f.org, id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a file can be opened: %v", err)
	}
	if _, err := f.Finish(t.Context(), f.org, id); err != nil {
		t.Error(err)
	}
	old := time.Unix(1e9, 0)
	if err := os.Chtimes(left, old, old); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Sweep(t.Context(), old.Add(time.Hour)); n != 0 || err != nil {
		t.Errorf("swept %d uploads, %v; want none", n, err)
	}
	f.empty(t, "uploads")
}

func TestSweep(t *testing.T) {
	f := newStore(t)
	kept, _ := f.put(t, picturePNG(t, 20, 20))
	abandoned, running := uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{abandoned, running} {
		if _, err := f.Append(t.Context(), f.org, id, 0, strings.NewReader("part"), limit); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Unix(1e9, 0)
	if err := os.Chtimes(filepath.Join(f.dir, "uploads", f.org.String()+"_"+abandoned.String()), old, old); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Sweep(t.Context(), old.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("swept %d, %v; want 1", n, err)
	}
	if n, _ := f.UploadSize(f.org, abandoned); n != 0 {
		t.Error("the abandoned upload is there")
	}
	if n, _ := f.UploadSize(f.org, running); n != 4 {
		t.Error("the running upload is gone")
	}
	f.read(t, f.Original, kept)
}

func TestSweepLeavesWhatIsArriving(t *testing.T) {
	f, id := newStore(t), uuid.New()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := f.Append(t.Context(), f.org, id, 0, r, limit)
		done <- err
	}()
	if _, err := io.WriteString(w, "part"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if n, err := f.Sweep(ctx, time.Unix(1e11, 0)); n != 0 || err != nil {
		t.Errorf("swept %d, %v; want none", n, err)
	}
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n, _ := f.UploadSize(f.org, id); n != 4 {
		t.Errorf("the upload has %d bytes; want 4", n)
	}
	if n, err := f.Sweep(ctx, time.Unix(1e11, 0)); n != 1 || err != nil {
		t.Errorf("swept %d, %v; want 1", n, err)
	}
}

func TestDelete(t *testing.T) {
	f := newStore(t)
	id, _ := f.put(t, picturePNG(t, 20, 20))
	body, _, _, err := f.Original(f.org, id)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	for range 2 {
		if err := f.Delete(f.org, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		t.Errorf("who was reading cannot go on: %v", err)
	}
	if _, _, _, err := f.Thumb(f.org, id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a deleted file's thumb gave %v", err)
	}
	if _, err := f.Append(t.Context(), f.org, id, 0, strings.NewReader("part"), limit); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete(f.org, id); err != nil {
		t.Fatal(err)
	}
	f.empty(t, "uploads")
	f.empty(t, filepath.Join("files", f.org.String()))
}

func TestCheck(t *testing.T) {
	f := newStore(t)
	if err := f.Check(); err != nil {
		t.Error(err)
	}
	f.empty(t, "uploads")
	if err := os.RemoveAll(f.dir); err != nil {
		t.Fatal(err)
	}
	if err := f.Check(); err == nil {
		t.Error("a missing folder counts as writable")
	}
}
