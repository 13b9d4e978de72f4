package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// ExportState is how far an archive has come.
type ExportState string

// The states of an archive.
const (
	ExportWaiting ExportState = "waiting"
	ExportWorking ExportState = "working"
	ExportReady   ExportState = "ready"
	ExportFailed  ExportState = "failed"
)

// Export is an archive of a person's or an organization's data.
type Export struct {
	ID           uuid.UUID
	Organization string // name of the one it is of; "" for the person's own
	State        ExportState
	Done, Total  int // pieces
	Bytes        int64
	CreatedAt    time.Time
	ExpiresAt    *time.Time
}

// UnderWay reports whether the archive is still being made.
func (e Export) UnderWay() bool { return e.State == ExportWaiting || e.State == ExportWorking }

const (
	keepExports   = 7 * 24 * time.Hour
	exportsPerDay = 5 // that one person may ask for
	exportLease   = 5 * time.Minute
)

// askExport keeps the wish for an archive. While one of the same is being
// made, that one will do.
const askExport = `insert into exports (id, user_id, organization_id, told_in) values ($1, $2, $3, $4)
	on conflict (user_id, coalesce(organization_id, '00000000-0000-0000-0000-000000000000')) where state in ('waiting', 'working') do nothing`

// Export asks for an archive of all that is the person's. They are told in
// the organization toldIn, where there is one.
func (p *Person) Export(ctx context.Context, toldIn *uuid.UUID) error {
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		if err := fewExports(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, askExport, newID(), p.User.ID, nil, toldIn); err != nil {
			return err
		}
		return p.audit(ctx, tx, "data.export_requested", "user "+p.User.ID.String(), nil)
	})
	if err != nil {
		return saveError("ask for an archive", err)
	}
	return nil
}

// ExportAll asks for an archive of the whole organization.
func (w *Workspace) ExportAll(ctx context.Context) error {
	if err := w.Role.demand(EndOrganization); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		if err := fewExports(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, askExport, newID(), w.Member.ID, w.Organization.ID, w.Organization.ID); err != nil {
			return err
		}
		return w.audit(ctx, tx, "organization.export_requested", "organization "+w.Organization.ID.String(), nil)
	})
	if err != nil {
		return saveError("ask for an archive", err)
	}
	return nil
}

func fewExports(ctx context.Context, tx pgx.Tx) error {
	var n int
	if err := tx.QueryRow(ctx, `select count(*) from exports where created_at > now() - interval '1 day'`).Scan(&n); err != nil {
		return err
	}
	if n >= exportsPerDay {
		return &Error{Code: Limited, Message: fmt.Sprintf("You asked for %d archives in the past day, which is the most. Use one of those, or ask again tomorrow.", n)}
	}
	return nil
}

// Exports lists the person's archives, the newest first.
func (p *Person) Exports(ctx context.Context) ([]Export, error) {
	var list []Export
	// A closed organization's name is for its owners only, who are told it elsewhere.
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select e.id, case when e.organization_id is null then '' else coalesce(o.name, 'a deleted organization') end,
				e.state, e.done, e.total, e.bytes, e.created_at, e.expires_at
			from exports e left join organizations o on o.id = e.organization_id
			where e.organization_id is null or `+stillOwner+` order by e.created_at desc, e.id desc limit 20`)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Export])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list archives: %w", err)
	}
	return list, nil
}

// stillOwner holds for archives of organizations that the person may still
// have: who is an owner no more has lost them.
const stillOwner = `exists (select 1 from memberships m where m.organization_id = e.organization_id and m.role = 'OWNER')`

// Archive is an archive's bytes. Whoever opened it closes it.
type Archive struct {
	io.ReadSeekCloser
	Bytes int64
	Name  string // for the person's own folder
}

// OpenExport opens an archive of the person's that is ready.
func (p *Person) OpenExport(ctx context.Context, id uuid.UUID) (*Archive, error) {
	var at time.Time
	var whole bool
	err := p.store.db.Rows(ctx, p.scope(), func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select e.created_at, e.organization_id is not null from exports e
			where e.id = $1 and e.state = 'ready' and e.expires_at > now() and (e.organization_id is null or `+stillOwner+`)`, id).Scan(&at, &whole)
		if err != nil {
			return err
		}
		return p.audit(ctx, tx, "data.export_downloaded", "export "+id.String(), nil)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, notFound("archive")
	}
	if err != nil {
		return nil, fmt.Errorf("find archive: %w", err)
	}
	f, err := os.Open(p.store.exportPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound("archive")
	}
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open archive: %w", err)
	}
	name := "allin-my-data-"
	if whole {
		name = "allin-organization-"
	}
	return &Archive{ReadSeekCloser: f, Bytes: st.Size(), Name: name + at.Format(time.DateOnly) + ".zip"}, nil
}

// exportPath is where an archive lies. Its name is its id alone.
func (s *Store) exportPath(id uuid.UUID) string {
	return filepath.Join(s.exportFolder(), id.String()+".zip")
}

func (s *Store) exportFolder() string { return filepath.Join(s.folder, "exports") }

// Chores are jobs that wait in the rows: archives to make and deletions to carry out.
type Chores struct {
	Exports   []ExportArgs
	Deletions []DeletionArgs
}

// choreAgain is when a job that was lost is asked for once more.
const choreAgain = time.Minute

// EnqueueChores calls enqueue for what is to be done, in the transaction that marks it.
func (in *Install) EnqueueChores(ctx context.Context, enqueue func(ctx context.Context, tx pgx.Tx, c Chores) error) error {
	err := in.system(ctx, func(tx pgx.Tx) error {
		var c Chores
		for table, into := range map[string]func(uuid.UUID){
			"exports":   func(id uuid.UUID) { c.Exports = append(c.Exports, ExportArgs{id}) },
			"deletions": func(id uuid.UUID) { c.Deletions = append(c.Deletions, DeletionArgs{id}) },
		} {
			rows, err := tx.Query(ctx, `update `+table+` set next_at = now() + $1::interval where id in (
				select id from `+table+` where next_at <= now() and coalesce(lease_until, '-infinity') < now()
				order by next_at limit 100 for update skip locked) returning id`, choreAgain)
			if err != nil {
				return err
			}
			var id uuid.UUID
			if _, err := pgx.ForEachRow(rows, []any{&id}, func() error { into(id); return nil }); err != nil {
				return err
			}
		}
		if len(c.Exports)+len(c.Deletions) == 0 {
			return nil
		}
		return enqueue(ctx, tx, c)
	})
	if err != nil {
		return fmt.Errorf("enqueue chores: %w", err)
	}
	return nil
}

// expireExports removes archives whose time is over, and files that belong to no row.
func (in *Install) expireExports(ctx context.Context) error {
	entries, err := os.ReadDir(in.exportFolder())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for old archives: %w", err)
	}
	known := map[string]bool{}
	err = in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select id from exports`)
		if err != nil {
			return err
		}
		var id uuid.UUID
		_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
			known[id.String()] = true
			return nil
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("look for old archives: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if len(name) >= 36 && known[name[:36]] {
			continue
		}
		if err := os.Remove(filepath.Join(in.exportFolder(), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove an old archive: %w", err)
		}
	}
	return nil
}
