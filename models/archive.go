package models

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// An archive is written from the database's own catalogue: every table with a
// reference to the person, or with the organization's rows, is in it, so that
// a table that is added later is not forgotten. What opens something is left
// out: all columns of bytes (sealed or hashed), and those named here.

// neverExported are columns of text that hold secrets or their hashes.
var neverExported = []string{"password_hash"}

// exportPiece is a table of the archive.
type exportPiece struct {
	name  string // of the file
	query string // returns JSON objects
}

// claimedExport is an archive in the hands of a worker.
type claimedExport struct {
	id           uuid.UUID
	user         uuid.UUID
	organization *uuid.UUID
	toldIn       *uuid.UUID
	fence        int
}

// MakeExport makes an archive, unless somebody else does so.
func (in *Install) MakeExport(ctx context.Context, id uuid.UUID) error {
	c := claimedExport{id: id}
	err := in.system(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `update exports set state = 'working', done = 0, fence = fence + 1, lease_until = now() + $2::interval
			where id = $1 and state in ('waiting', 'working') and coalesce(lease_until, '-infinity') < now()
			returning user_id, organization_id, told_in, fence`, id, exportLease).Scan(&c.user, &c.organization, &c.toldIn, &c.fence)
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("claim archive: %w", err)
	}
	size, err := in.writeArchive(ctx, c)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("make archive %s: %w", id, err) // this process is stopping: another one begins anew when the lease is over
	}
	if err != nil {
		return errors.Join(fmt.Errorf("make archive %s: %w", id, err), in.endExport(ctx, c, ExportFailed, 0))
	}
	return in.endExport(ctx, c, ExportReady, size)
}

// endExport writes down how it went and tells the person.
func (in *Install) endExport(ctx context.Context, c claimedExport, state ExportState, size int64) error {
	title, body := "Your archive is ready", "Download it within seven days."
	if state == ExportFailed {
		title, body = "Your archive could not be made", "Nothing is lost. Ask for it again; if it fails once more, tell whoever runs this installation."
	}
	err := in.system(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update exports set state = $3, bytes = $4, next_at = null, lease_until = null, ready_at = now(), expires_at = now() + $5::interval
			where id = $1 and fence = $2`, c.id, c.fence, state, size, keepExports)
		if err != nil || tag.RowsAffected() == 0 || c.toldIn == nil {
			return err
		}
		return in.notify(ctx, tx, *c.toldIn, audience{people: []uuid.UUID{c.user}}, note{kind: noteExport, title: title, body: body})
	})
	if err != nil {
		return fmt.Errorf("end archive: %w", err)
	}
	return nil
}

// writeArchive writes the file, which appears under its name when it is whole.
func (in *Install) writeArchive(ctx context.Context, c claimedExport) (size int64, err error) {
	if err := os.MkdirAll(in.exportFolder(), 0o700); err != nil {
		return 0, err
	}
	path := in.exportPath(c.id)
	f, err := os.OpenFile(path+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	z := zip.NewWriter(f)
	if err := in.fillArchive(ctx, z, c); err != nil {
		return 0, err
	}
	if err := errors.Join(z.Close(), f.Sync()); err != nil {
		return 0, err
	}
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), os.Rename(f.Name(), path)
}

func (in *Install) fillArchive(ctx context.Context, z *zip.Writer, c claimedExport) error {
	pieces, err := in.exportPieces(ctx, c)
	if err != nil {
		return err
	}
	media, err := in.exportMedia(ctx, c)
	if err != nil {
		return err
	}
	w, err := z.Create("README.txt")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, archiveNote(c)); err != nil {
		return err
	}
	total := len(pieces) + len(media)
	for i, p := range pieces {
		if err := in.writePiece(ctx, z, p, c); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if err := in.progress(ctx, c, i+1, total); err != nil {
			return err
		}
	}
	for i, m := range media {
		if err := in.writeMedium(z, m); err != nil {
			return fmt.Errorf("file %s: %w", m.id, err)
		}
		if err := in.progress(ctx, c, len(pieces)+i+1, total); err != nil {
			return err
		}
	}
	return nil
}

func archiveNote(c claimedExport) string {
	what := "This archive holds what AllIN keeps of you: your profile, your memberships, the devices you are signed in on, and what you\n" +
		"wrote, uploaded and did in the organizations that you are a member of.\n"
	if c.organization != nil {
		what = "This archive holds everything that AllIN keeps of your organization: posts, schedules, deliveries, accounts, files, people and the log\nof what they did.\n"
	}
	return what + "\n" +
		"data/   a file for each kind of thing, as a JSON array; times are UTC, ids link the files to each other\n" +
		"media/  pictures and videos, under the ids that data/media.json names them by\n\n" +
		"What opens something is left out: passwords, tokens, keys, and their hashes.\n"
}

// progress tells how far it is, and keeps the claim. A claim that was lost ends the work.
func (in *Install) progress(ctx context.Context, c claimedExport, done, total int) error {
	return in.system(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update exports set done = $3, total = $4, lease_until = now() + $5::interval where id = $1 and fence = $2`,
			c.id, c.fence, done, total, exportLease)
		if err == nil && tag.RowsAffected() == 0 {
			err = errors.New("the archive was taken over, or nobody wants it any more")
		}
		return err
	})
}

// writePiece writes the rows of one query as a JSON array. They are written as they
// come: an organization's posts need not fit into memory.
func (in *Install) writePiece(ctx context.Context, z *zip.Writer, p exportPiece, c claimedExport) error {
	w, err := z.Create("data/" + p.name + ".json")
	if err != nil {
		return err
	}
	before := "[\n"
	err = in.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, p.query, c.user, c.organization)
		if err != nil {
			return err
		}
		var row string
		_, err = pgx.ForEachRow(rows, []any{&row}, func() error {
			_, err := io.WriteString(w, before+row)
			before = ",\n"
			return err
		})
		return err
	})
	if err != nil {
		return err
	}
	if before == "[\n" {
		_, err = io.WriteString(w, "[]\n")
		return err
	}
	_, err = io.WriteString(w, "\n]\n")
	return err
}

// exportPieces are the queries of an archive. All of them take the person as
// $1 and the organization, if the archive is of one, as $2.
func (in *Install) exportPieces(ctx context.Context, c claimedExport) (pieces []exportPiece, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		columns, err := exportColumns(ctx, tx)
		if err != nil {
			return err
		}
		if c.organization != nil {
			pieces = organizationPieces(columns)
			return nil
		}
		owned, err := columnsOfPeople(ctx, tx)
		if err == nil {
			pieces = personPieces(columns, owned)
		}
		return err
	})
	return pieces, err
}

// exportColumns are the columns of every table that may leave, by table.
func exportColumns(ctx context.Context, tx pgx.Tx) (map[string][]string, error) {
	rows, err := tx.Query(ctx, `select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
		where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
			and a.atttypid <> 'bytea'::regtype and a.attname <> all($1) order by c.relname, a.attnum`, neverExported)
	if err != nil {
		return nil, err
	}
	columns := map[string][]string{}
	var table, column string
	_, err = pgx.ForEachRow(rows, []any{&table, &column}, func() error {
		columns[table] = append(columns[table], column)
		return nil
	})
	return columns, err
}

// columnsOfPeople are the columns that refer to a person, by table.
func columnsOfPeople(ctx context.Context, tx pgx.Tx) (map[string][]string, error) {
	rows, err := tx.Query(ctx, `select c.conrelid::regclass::text, a.attname from pg_constraint c
		join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
		where c.contype = 'f' and c.confrelid = 'users'::regclass and array_length(c.conkey, 1) = 1 order by 1, 2`)
	if err != nil {
		return nil, err
	}
	owned := map[string][]string{}
	var table, column string
	_, err = pgx.ForEachRow(rows, []any{&table, &column}, func() error {
		owned[table] = append(owned[table], column)
		return nil
	})
	return owned, err
}

// selectJSON reads columns of a table, named t, as JSON objects.
func selectJSON(table string, columns []string, where string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = "t." + pgx.Identifier{c}.Sanitize()
	}
	// The unused one of the two parameters has to appear all the same.
	return "select row_to_json(r)::text from (select " + strings.Join(quoted, ", ") + " from " + pgx.Identifier{table}.Sanitize() +
		" t where (" + where + ") and ($1::uuid is not null or $2::uuid is not null)) r"
}

const withTraces = `select row_to_json(r)::text from (select a.chain, a.seq, a.id, a.organization_id, a.at, a.actor_kind, a.actor_id, a.act, a.object, a.details,
	t.actor_name, t.address, t.agent from audit a left join audit_traces t on t.audit_id = a.id where %s order by a.chain, a.seq) r`

func personPieces(columns, owned map[string][]string) []exportPiece {
	pieces := []exportPiece{
		{"users", selectJSON("users", columns["users"], "t.id = $1")},
		{"organizations", selectJSON("organizations", columns["organizations"],
			"t.deleted_at is null and exists (select 1 from memberships m where m.organization_id = t.id and m.user_id = $1)")},
		{"audit", fmt.Sprintf(withTraces, "(a.chain = $1 or a.actor_id = $1) and $2::uuid is null")},
	}
	for table, by := range owned {
		mine := make([]string, len(by))
		for i, c := range by {
			mine[i] = "t." + pgx.Identifier{c}.Sanitize() + " = $1"
		}
		where := "(" + strings.Join(mine, " or ") + ")"
		if slices.Contains(columns[table], "organization_id") {
			// What one wrote for an organization that one has left is that organization's.
			where += " and (t.organization_id is null or exists (select 1 from memberships m where m.organization_id = t.organization_id and m.user_id = $1))"
		}
		pieces = append(pieces, exportPiece{table, selectJSON(table, columns[table], where)})
	}
	return sortPieces(pieces)
}

func organizationPieces(columns map[string][]string) []exportPiece {
	pieces := []exportPiece{
		{"organizations", selectJSON("organizations", columns["organizations"], "t.id = $2")},
		{"people", `select row_to_json(r)::text from (select u.id, u.name, u.email, m.role, m.created_at as since from memberships m
			join users u on u.id = m.user_id where m.organization_id = $2 and $1::uuid is not null) r`},
		{"audit", fmt.Sprintf(withTraces, "a.chain = $2 and $1::uuid is not null")},
	}
	for table, list := range columns {
		if table == "audit" || !slices.Contains(list, "organization_id") {
			continue
		}
		where := "t.organization_id = $2"
		if slices.Contains([]string{"notifications", "exports"}, table) {
			where += " and t.user_id = $1" // each person's own
		}
		pieces = append(pieces, exportPiece{table, selectJSON(table, list, where)})
	}
	return sortPieces(pieces)
}

func sortPieces(p []exportPiece) []exportPiece {
	slices.SortFunc(p, func(a, b exportPiece) int { return strings.Compare(a.name, b.name) })
	return p
}

// exportedMedium is an uploaded file that goes into the archive.
type exportedMedium struct {
	organization, id uuid.UUID
	contentType      string
}

func (in *Install) exportMedia(ctx context.Context, c claimedExport) (list []exportedMedium, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select m.organization_id, m.id, m.type from media m
			where case when $2::uuid is not null then m.organization_id = $2 else m.created_by = $1
				and exists (select 1 from memberships s where s.organization_id = m.organization_id and s.user_id = $1) end
			order by m.created_at, m.id`, c.user, c.organization)
		if err != nil {
			return err
		}
		var m exportedMedium
		_, err = pgx.ForEachRow(rows, []any{&m.organization, &m.id, &m.contentType}, func() error {
			list = append(list, m)
			return nil
		})
		return err
	})
	return list, err
}

// writeMedium copies a file into the archive, as it is: it is compressed already.
func (in *Install) writeMedium(z *zip.Writer, m exportedMedium) error {
	body, _, _, err := in.files.Original(m.organization, m.id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	defer body.Close()
	_, kind, _ := strings.Cut(m.contentType, "/")
	w, err := z.CreateHeader(&zip.FileHeader{Name: "media/" + m.id.String() + "." + kind, Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, body)
	return err
}
