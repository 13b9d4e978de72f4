package models

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// A backup brings back what was deleted after it was made. So each deletion
// also stands in a file beside the database, by the hash of its id, and
// whoever starts AllIN on a restored database deletes the same again.

// goneLine is a line of the file: when, what, which, and "deleted" or "restored".
type goneLine struct {
	at                   time.Time
	kind, subject, event string
}

func (l goneLine) String() string {
	return l.at.UTC().Format(time.RFC3339Nano) + " " + l.kind + " " + l.subject + " " + l.event
}

func (s *Store) goneFile() string { return filepath.Join(s.folder, "deletions") }

// listDeletion writes what was just deleted into the file. If that fails, the
// next cleaning makes up for it.
func (s *Store) listDeletion(ctx context.Context) {
	if err := s.Install("list deletions").ListDeletions(ctx); err != nil {
		s.log.Warn("list deletions", "error", err)
	}
}

// ListDeletions writes into the file what the database has of deletions and it has not.
func (in *Install) ListDeletions(ctx context.Context) error {
	known, err := readGone(in.goneFile())
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, l := range known {
		listed[l.String()] = true
	}
	var missing []goneLine
	err = in.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select requested_at, kind, subject, 'deleted' from deletions
			union all select undone_at, kind, subject, 'restored' from deletions where undone_at is not null order by 1`)
		if err != nil {
			return err
		}
		var l goneLine
		_, err = pgx.ForEachRow(rows, []any{&l.at, &l.kind, &l.subject, &l.event}, func() error {
			if !listed[l.String()] {
				missing = append(missing, l)
			}
			return nil
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("read deletions: %w", err)
	}
	return appendGone(in.goneFile(), missing)
}

func readGone(path string) ([]goneLine, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of deletions: %w", err)
	}
	defer f.Close()
	var list []goneLine
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		part := strings.Fields(lines.Text())
		if len(part) != 4 {
			continue // a crash cut it off: it is written again
		}
		at, err := time.Parse(time.RFC3339, part[0])
		if err != nil {
			continue
		}
		list = append(list, goneLine{at, part[1], part[2], part[3]})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the list of deletions: %w", err)
	}
	return list, nil
}

func appendGone(path string, list []goneLine) error {
	if len(list) == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("write the list of deletions: %w", err)
	}
	var b strings.Builder
	b.WriteString("\n") // whatever a crash cut off ends here
	for _, l := range list {
		b.WriteString(l.String() + "\n")
	}
	_, err = f.WriteString(b.String())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the list of deletions: %w", err)
	}
	return nil
}

// DeleteAgain deletes what the file tells of and the database still has: it
// was restored from a backup. It returns how many there were.
func (in *Install) DeleteAgain(ctx context.Context) (int, error) {
	lines, err := readGone(in.goneFile())
	if err != nil {
		return 0, err
	}
	people, organizations := []string{}, map[string]time.Time{}
	for _, l := range lines {
		switch {
		case l.kind == "person":
			people = append(people, l.subject)
		case l.event == "deleted":
			organizations[l.subject] = l.at
		default:
			delete(organizations, l.subject)
		}
	}
	n := 0
	err = in.system(ctx, func(tx pgx.Tx) error {
		again, err := in.closeAgain(ctx, tx, organizations)
		if err != nil {
			return err
		}
		erased, err := eraseAgain(ctx, tx, people)
		n = again + erased
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete again what a backup brought back: %w", err)
	}
	if n > 0 {
		in.log.Warn("deleted again what a backup brought back", "rows", n)
	}
	return n, nil
}

func eraseAgain(ctx context.Context, tx pgx.Tx, people []string) (int, error) {
	rows, err := tx.Query(ctx, `select id, email from users where encode(sha256(id::text::bytea), 'hex') = any($1)`, people)
	if err != nil {
		return 0, err
	}
	type found struct {
		ID    uuid.UUID
		Email string
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[found])
	if err != nil {
		return 0, err
	}
	for _, u := range list {
		if err := erasePerson(ctx, tx, u.ID, u.Email); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

func (in *Install) closeAgain(ctx context.Context, tx pgx.Tx, organizations map[string]time.Time) (int, error) {
	subjects := make([]string, 0, len(organizations))
	for s := range organizations {
		subjects = append(subjects, s)
	}
	rows, err := tx.Query(ctx, `select id from organizations where deleted_at is null and encode(sha256(id::text::bytea), 'hex') = any($1)`, subjects)
	if err != nil {
		return 0, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, err
	}
	for _, id := range list {
		wait := max(organizations[hashedID(id)].Add(undoDeletion).Sub(in.now()), 0)
		if err := in.closeOrganization(ctx, tx, id, wait); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}
