package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
)

type mediaRow struct {
	ID            uuid.UUID `gorm:"primaryKey"`
	Kind          networks.MediaKind
	Type          string
	Name          string
	Bytes         int64
	Width, Height int
	DurationMs    int64
	Alt           string
	CreatedBy     uuid.UUID
}

func (mediaRow) TableName() string { return "media" }

const mediaColumns = `id, kind, type, name, bytes, width, height, duration_ms, alt, created_at`

func scanMedia(row pgx.CollectableRow) (Media, error) {
	var m Media
	var ms int64
	err := row.Scan(&m.ID, &m.Kind, &m.Type, &m.Name, &m.Bytes, &m.Width, &m.Height, &ms, &m.Alt, &m.CreatedAt)
	m.Duration = time.Duration(ms) * time.Millisecond
	return m, err
}

func readMedia(ctx context.Context, tx pgx.Tx, ids []uuid.UUID) (map[uuid.UUID]Media, error) {
	found := map[uuid.UUID]Media{}
	if len(ids) == 0 {
		return found, nil
	}
	rows, err := tx.Query(ctx, `select `+mediaColumns+` from media where id = any($1)`, ids)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, scanMedia)
	for _, m := range list {
		found[m.ID] = m
	}
	return found, err
}

// Upload limits, far beyond what the networks of today take.
const (
	maxUpload   = 1 << 30 // bytes
	maxAlt      = 10_000  // characters
	maxFileName = 200     // characters
)

// Library returns the newest media first. before is the id of the last one of
// the page before, or zero.
func (w *Workspace) Library(ctx context.Context, before uuid.UUID, limit int) ([]Media, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	var list []Media
	err := w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select `+mediaColumns+` from media m
			where $1::uuid = '00000000-0000-0000-0000-000000000000' or (created_at, id) < (select created_at, id from media where id = $1)
			order by created_at desc, id desc limit $2`, before, min(max(limit, 1), 200))
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, scanMedia)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list media: %w", err)
	}
	return list, nil
}

// StartUpload returns the id under which a file's pieces are sent.
func (w *Workspace) StartUpload(_ context.Context, size int64) (uuid.UUID, error) {
	if err := w.Role.demand(ManageMedia); err != nil {
		return uuid.Nil, err
	}
	if size <= 0 {
		return uuid.Nil, invalid("file", "This file is empty.")
	}
	if size > maxUpload {
		return uuid.Nil, invalid("file", "This file is larger than 1 GB, more than any of the networks takes.")
	}
	return newID(), nil
}

// AppendUpload adds the piece that begins at offset and returns how much is
// there now. A piece that does not fit answers with Conflict and changes nothing.
func (w *Workspace) AppendUpload(ctx context.Context, id uuid.UUID, offset int64, r io.Reader) (int64, error) {
	if err := w.Role.demand(ManageMedia); err != nil {
		return 0, err
	}
	size, err := w.store.files.Append(ctx, w.Organization.ID, id, offset, r, maxUpload)
	var misplaced *media.OffsetError
	switch {
	case errors.As(err, &misplaced):
		return misplaced.Have, &Error{Code: Conflict, Message: "This piece does not follow what was uploaded before. Choose the file again.", Err: err}
	case errors.Is(err, media.ErrTooLarge):
		return 0, invalid("file", "This file is larger than 1 GB, more than any of the networks takes.")
	case errors.Is(err, media.ErrFinished):
		return 0, &Error{Code: Conflict, Message: "This file is complete already.", Err: err}
	case err != nil:
		return 0, fmt.Errorf("append to upload: %w", err)
	}
	return size, nil
}

// FinishUpload looks at what was uploaded and adds it to the library.
func (w *Workspace) FinishUpload(ctx context.Context, id uuid.UUID, name string) (*Media, error) {
	if err := w.Role.demand(ManageMedia); err != nil {
		return nil, err
	}
	info, err := w.store.files.Finish(ctx, w.Organization.ID, id)
	if err != nil {
		return nil, uploadError(err)
	}
	return w.addMedia(ctx, id, name, "", info)
}

// AddMedia puts a whole file into the library.
func (w *Workspace) AddMedia(ctx context.Context, name, alt string, r io.Reader) (*Media, error) {
	if err := w.Role.demand(ManageMedia); err != nil {
		return nil, err
	}
	id := newID()
	info, err := w.store.files.Put(ctx, w.Organization.ID, id, r)
	if err != nil {
		return nil, uploadError(err)
	}
	return w.addMedia(ctx, id, name, alt, info)
}

func uploadError(err error) error {
	var refused *media.RefusedError
	switch {
	case errors.As(err, &refused):
		return invalid("file", "%s", refused.Reason)
	case errors.Is(err, media.ErrTooLarge):
		return invalid("file", "This file is larger than 1 GB, more than any of the networks takes.")
	}
	return fmt.Errorf("keep upload: %w", err)
}

func (w *Workspace) addMedia(ctx context.Context, id uuid.UUID, name, alt string, info media.Info) (*Media, error) {
	name = strings.TrimSpace(printable(name))
	if r := []rune(name); len(r) > maxFileName {
		name = string(r[:maxFileName])
	}
	row := mediaRow{ID: id, Kind: networks.MediaKind(info.Kind), Type: info.Type, Name: name, Bytes: info.Bytes,
		Width: info.Width, Height: info.Height, DurationMs: info.Duration.Milliseconds(), Alt: alt, CreatedBy: w.Member.ID}
	err := w.tx(ctx, func(tx *tenant.Tx) error { return tx.Create(&row).Error })
	if err != nil {
		return nil, fmt.Errorf("add media: %w", err)
	}
	w.changed(topicMedia, id)
	return w.Medium(ctx, id)
}

// Medium returns one medium.
func (w *Workspace) Medium(ctx context.Context, id uuid.UUID) (*Media, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	var found map[uuid.UUID]Media
	err := w.rows(ctx, func(tx pgx.Tx) (err error) {
		found, err = readMedia(ctx, tx, []uuid.UUID{id})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find medium: %w", err)
	}
	m, ok := found[id]
	if !ok {
		return nil, notFound("file")
	}
	return &m, nil
}

// MediaOf returns those of the media that there are.
func (w *Workspace) MediaOf(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Media, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var found map[uuid.UUID]Media
	err := w.rows(ctx, func(tx pgx.Tx) (err error) {
		found, err = readMedia(ctx, tx, ids)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find media: %w", err)
	}
	return found, nil
}

// Size of a medium's picture.
type Size string

// The sizes in which media are shown.
const (
	Original Size = "original"
	Preview  Size = "preview" // at most 640 pixels
	Thumb    Size = "thumb"   // 128 pixels, square
)

// File is a medium's bytes in one size. Whoever opened it closes it.
type File struct {
	io.ReadSeekCloser
	Bytes int64
	Type  string // its media type
}

// OpenMedium opens a medium's bytes in that size. Videos have only their original.
func (w *Workspace) OpenMedium(ctx context.Context, id uuid.UUID, size Size) (*File, error) {
	if _, err := w.Medium(ctx, id); err != nil { // asks for the permission, and whether it is this organization's
		return nil, err
	}
	return w.store.openMedium(w.Organization.ID, id, size)
}

func (s *Store) openMedium(organization, id uuid.UUID, size Size) (*File, error) {
	open := s.files.Original
	switch size {
	case Preview:
		open = s.files.Preview
	case Thumb:
		open = s.files.Thumb
	}
	body, bytes, contentType, err := open(organization, id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound("file")
	}
	if err != nil {
		return nil, fmt.Errorf("open medium: %w", err)
	}
	return &File{ReadSeekCloser: body, Bytes: bytes, Type: contentType}, nil
}

// DescribeMedium sets a medium's alternative text.
func (w *Workspace) DescribeMedium(ctx context.Context, id uuid.UUID, alt string) error {
	if err := w.Role.demand(ManageMedia); err != nil {
		return err
	}
	alt = strings.TrimSpace(alt)
	if utf8.RuneCountInString(alt) > maxAlt {
		return invalid("alt", "A description may have at most %d characters.", maxAlt)
	}
	var n int64
	err := w.tx(ctx, func(tx *tenant.Tx) error {
		r := tx.Model(&mediaRow{}).Where("id = ?", id).Update("alt", alt)
		n = r.RowsAffected
		return r.Error
	})
	if err != nil {
		return fmt.Errorf("describe medium: %w", err)
	}
	if n == 0 {
		return notFound("file")
	}
	w.changed(topicMedia, id)
	return nil
}

// DeleteMedium removes a medium that no post uses.
func (w *Workspace) DeleteMedium(ctx context.Context, id uuid.UUID) error {
	if err := w.Role.demand(ManageMedia); err != nil {
		return err
	}
	var n int64
	var posts []string
	err := w.tx(ctx, func(tx *tenant.Tx) error {
		rows, err := tx.PGX.Query(ctx, `select coalesce(nullif(p.excerpt, ''), 'a post without text') from post_media m
			join posts p on p.id = m.post_id where m.media_id = $1 order by p.updated_at desc limit 3`, id)
		if err != nil {
			return err
		}
		if posts, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(posts) > 0 {
			return err
		}
		r := tx.Where("id = ?", id).Delete(&mediaRow{})
		if n = r.RowsAffected; r.Error != nil || n == 0 {
			return r.Error
		}
		return w.audit(ctx, tx.PGX, "media.deleted", "media "+id.String(), nil)
	})
	if len(posts) > 0 || tenant.Is(err, tenant.ForeignKeyViolation, "") {
		return conflict("This file is used in: %s. Take it out there first.", strings.Join(posts, "; "))
	}
	if err != nil {
		return fmt.Errorf("delete medium: %w", err)
	}
	if n == 0 {
		return notFound("file")
	}
	if err := w.store.files.Delete(w.Organization.ID, id); err != nil {
		w.store.log.Warn("delete file of a medium", "medium", id, "error", err)
	}
	w.changed(topicMedia, id)
	return nil
}

// OpenFile opens a medium's bytes for publishing.
func (c *Claim) OpenFile(id uuid.UUID) (io.ReadSeekCloser, error) {
	body, _, _, err := c.in.files.Original(c.Organization, id)
	return body, err
}
