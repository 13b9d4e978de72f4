package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/models/tenant"
)

// MaxPicture is the most bytes that a person's picture or a logo may have.
const MaxPicture = 5 << 20

// keepPicture keeps a picture of a person or an organization. It is shown as
// the small square that the media pipeline paints anew; what was uploaded is
// never sent to anybody.
func (s *Store) keepPicture(ctx context.Context, owner uuid.UUID, r io.Reader) (uuid.UUID, error) {
	id := newID()
	limited := &io.LimitedReader{R: r, N: MaxPicture + 1}
	info, err := s.files.Put(ctx, owner, id, limited)
	var refused *media.RefusedError
	switch {
	case limited.N <= 0:
		s.dropPicture(owner, id)
		return uuid.Nil, invalid("picture", "This picture is larger than 5 MB. Make it smaller and choose it again.")
	case errors.As(err, &refused):
		return uuid.Nil, invalid("picture", "%s", refused.Reason)
	case err != nil:
		return uuid.Nil, fmt.Errorf("keep picture: %w", err)
	case info.Kind == media.Video:
		s.dropPicture(owner, id)
		return uuid.Nil, invalid("picture", "This is a video. Choose a picture: JPEG, PNG, GIF or WebP.")
	}
	return id, nil
}

// dropPicture deletes a picture that nothing shows any more.
func (s *Store) dropPicture(owner, id uuid.UUID) {
	if id == uuid.Nil {
		return
	}
	if err := s.files.Delete(owner, id); err != nil {
		s.log.Warn("delete a picture", "picture", id, "error", err)
	}
}

func (s *Store) openThumb(owner, id uuid.UUID) (*File, error) {
	body, bytes, contentType, err := s.files.Thumb(owner, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound("picture")
	}
	if err != nil {
		return nil, fmt.Errorf("open picture: %w", err)
	}
	return &File{ReadSeekCloser: body, Bytes: bytes, Type: contentType}, nil
}

// SetPicture keeps the picture in r as the person's.
func (p *Person) SetPicture(ctx context.Context, r io.Reader) error {
	id, err := p.store.keepPicture(ctx, p.User.ID, r)
	if err != nil {
		return err
	}
	return p.changePicture(ctx, id)
}

// RemovePicture takes the person's picture away.
func (p *Person) RemovePicture(ctx context.Context) error { return p.changePicture(ctx, uuid.Nil) }

func (p *Person) changePicture(ctx context.Context, id uuid.UUID) error {
	old := p.User.Picture
	err := p.store.db.Tx(ctx, p.scope(), func(tx *tenant.Tx) error {
		return tx.Model(&userRow{}).Where("id = ?", p.User.ID).Updates(map[string]any{"picture_id": nullable(id), "updated_at": gorm.Expr("now()")}).Error
	})
	if err != nil {
		return fmt.Errorf("change picture: %w", err)
	}
	p.User.Picture = id
	p.store.dropPicture(p.User.ID, old)
	return nil
}
