package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/google/uuid"
)

// Append adds a piece of an upload, which begins with the piece at offset 0,
// and returns how many bytes have arrived in all; they are on the disk then.
// A piece that was sent before, because its answer was lost, may be sent
// again, alone or with more behind it. A piece that leaves a gap, or differs
// from what has arrived, gives *OffsetError. An upload of more than limit
// bytes gives ErrTooLarge and is removed. When reading r fails, what came
// before stays and can be continued from the returned size.
func (s *Store) Append(ctx context.Context, organization, id uuid.UUID, offset int64, r io.Reader, limit int64) (size int64, err error) {
	unlock, err := s.busy.lock(ctx, key(organization, id))
	if err != nil {
		return 0, fmt.Errorf("adding to upload %s: %w", id, err)
	}
	defer unlock()
	if _, err := os.Stat(s.home(organization, id)); err == nil {
		return 0, fmt.Errorf("adding to upload %s: %w", id, ErrFinished)
	}
	size, err = grow(s.upload(organization, id), offset, &patient{ctx: ctx, r: r}, limit)
	if err != nil {
		return size, fmt.Errorf("adding to upload %s: %w", id, err)
	}
	return size, nil
}

// UploadSize tells how many bytes of an upload have arrived: 0 when none
// have, or when it is finished or was refused.
func (s *Store) UploadSize(organization, id uuid.UUID) (int64, error) {
	st, err := os.Stat(s.upload(organization, id))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("measuring upload %s: %w", id, err)
	}
	return st.Size(), nil
}

// grow continues the file at path with what r holds from offset on.
func grow(path string, offset int64, r io.Reader, limit int64) (size int64, err error) {
	flag := os.O_RDWR
	if offset == 0 {
		flag |= os.O_CREATE
	}
	f, err := os.OpenFile(path, flag, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, &OffsetError{Have: 0}
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	have, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	if offset < 0 || offset > have {
		return have, &OffsetError{Have: have}
	}
	if err := repeats(f, offset, have, r); err != nil {
		return have, err
	}
	n, err := io.Copy(f, io.LimitReader(r, limit-have+1))
	if have+n > limit {
		return 0, errors.Join(ErrTooLarge, os.Remove(path))
	}
	return have + n, errors.Join(err, f.Sync())
}

// repeats reads from r what f already holds between offset and have, and
// fails when it is not the same.
func repeats(f io.ReaderAt, offset, have int64, r io.Reader) error {
	sent, held := make([]byte, 32<<10), make([]byte, 32<<10)
	for offset < have {
		n, err := io.ReadFull(r, sent[:min(int64(len(sent)), have-offset)])
		if _, err := f.ReadAt(held[:n], offset); err != nil && err != io.EOF {
			return err
		}
		if !bytes.Equal(sent[:n], held[:n]) {
			return &OffsetError{Have: have}
		}
		offset += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// patient reads from r until ctx ends, and remembers what went wrong apart
// from the end of the data: a decoder's error may come from either.
type patient struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		p.err = err
		return 0, err
	}
	n, err := p.r.Read(b)
	if err != nil && err != io.EOF {
		p.err = err
	}
	return n, err
}
