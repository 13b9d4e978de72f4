package models

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
)

// epochEvery is how often the installation's epoch is raised.
const epochEvery = 24 * time.Hour

// A restored database would publish again what went out after the backup was
// made. So the installation counts its days in the database and in a file
// beside the uploads: when the file is ahead, or the database lies in another
// cluster than before, nothing is sent until a person has released it.

// GuardRestore compares the epochs and puts publishing on hold when the
// database is older than the file at path, or was moved. It returns the hold
// that is in force, or nil.
func (in *Install) GuardRestore(ctx context.Context, path string) (*Hold, error) {
	onDisk, err := readEpoch(path)
	if err != nil {
		return nil, err
	}
	var hold *Hold
	err = in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		var epoch int64
		var known, cluster string
		if err := tx.QueryRow(ctx, `select epoch, system_identifier, (select system_identifier::text from pg_control_system())
			from installation for update`).Scan(&epoch, &known, &cluster); err != nil {
			return err
		}
		reason := ""
		switch {
		case onDisk > epoch:
			reason = "The database is older than the files beside it: it was restored from a backup."
		case known != "" && known != cluster:
			reason = "The database lies in another cluster than before: it was moved, copied or restored."
		}
		if _, err := tx.Exec(ctx, `update installation set epoch = greatest(epoch, $1), system_identifier = $2,
			held_at = case when $3 <> '' then coalesce(held_at, now()) else held_at end,
			held_reason = case when $3 <> '' then $3 else held_reason end`, onDisk, cluster, reason); err != nil {
			return err
		}
		hold, err = readHold(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compare the installation's epochs: %w", err)
	}
	return hold, in.RaiseEpoch(ctx, path)
}

const selectHold = `select held_at, held_reason from installation where held_at is not null`

func readHold(ctx context.Context, tx pgx.Tx) (*Hold, error) {
	rows, err := tx.Query(ctx, selectHold)
	if err != nil {
		return nil, err
	}
	return collectHold(rows)
}

// collectHold returns the hold, or nil when there is none.
func collectHold(rows pgx.Rows) (*Hold, error) {
	h, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByPos[Hold])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return h, err
}

// RaiseEpoch counts one up when a day has passed since the last time, and
// makes the file at path say the same.
func (in *Install) RaiseEpoch(ctx context.Context, path string) error {
	var epoch int64
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `update installation set
				epoch = epoch + case when epoch_at < now() - $1::interval then 1 else 0 end,
				epoch_at = case when epoch_at < now() - $1::interval then now() else epoch_at end
			returning epoch`, epochEvery).Scan(&epoch)
	})
	if err != nil {
		return fmt.Errorf("raise the installation's epoch: %w", err)
	}
	return writeEpoch(path, epoch)
}

// Release ends a hold, at the word of whoever is at the terminal.
func (in *Install) Release(ctx context.Context, path string) error {
	return in.release(ctx, path, func(tx pgx.Tx) error {
		return appendAudit(ctx, tx, auditEntry{Chain: uuid.Nil, ActorKind: ActorSystem, Act: "hold.released"})
	})
}

// release ends a hold and lets audit tell of it in the same transaction. What
// fell due meanwhile is looked for on its network first, for it may have gone
// out before the backup was restored.
func (s *Store) release(ctx context.Context, path string, audit func(tx pgx.Tx) error) error {
	var epoch int64
	err := s.system(ctx, func(tx pgx.Tx) error {
		hold, err := readHold(ctx, tx)
		if err != nil {
			return err
		}
		if hold == nil {
			return conflict("Publishing is not on hold.")
		}
		if err := lookFirst(ctx, tx); err != nil {
			return err
		}
		if err := audit(tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, `update installation set held_at = null, held_reason = '', epoch = epoch + 1, epoch_at = now()
			returning epoch`).Scan(&epoch)
	})
	if err != nil {
		return saveError("release the hold", err)
	}
	s.changed(uuid.Nil, topicHold, uuid.Nil)
	s.wakeClock()
	return writeEpoch(path, epoch)
}

// lookFirst writes an open attempt for everything that is due and not out, as
// if it had been sent without an answer. Whoever claims it settles that first.
func lookFirst(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `
		with due as (
			select d.organization_id, d.id, d.fence,
				'create:' || (select count(*) from delivery_steps s where s.delivery_id = d.id and s.done and s.step like 'create:%') as step
			from deliveries d where d.state in ('scheduled', 'retrying', 'waiting') and d.due_at <= now()
		), steps as (
			insert into delivery_steps (organization_id, delivery_id, step, begun_at)
			select organization_id, id, step, now() - interval '30 days' from due on conflict do nothing
		), opened as (
			insert into attempts (organization_id, delivery_id, fence, step, action, state, message, started_at, ended_at)
			select organization_id, id, fence, step, 'send', 'ambiguous', 'The database was restored; this may have gone out before.',
				now() - interval '1 day', now() from due
			on conflict (delivery_id, fence, step, action) do update set state = 'ambiguous'
		)
		update deliveries d set enqueued_at = null, fresh_at = now(), fence = greatest(d.fence, 1),
			state = case when d.state = 'waiting' then d.state else 'retrying' end
		from due where d.id = due.id`)
	return err
}

func readEpoch(path string) (int64, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the installation's epoch: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s holds no number: %w", path, err)
	}
	return n, nil
}

func writeEpoch(path string, epoch int64) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".epoch-*")
	if err != nil {
		return fmt.Errorf("write the installation's epoch: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintln(f, epoch)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the installation's epoch: %w", err)
	}
	return nil
}
