package tenant

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// migrateLock is the advisory lock under which one process at a time migrates.
const migrateLock = 0x616c6c696e01

// Migrate brings the database at dsn to the newest schema: the queue's own
// tables first, then files. It is safe to run from several processes at once
// and does nothing where nothing is to be done. log, which may be nil, hears
// that a database which is coming up is waited for.
func Migrate(ctx context.Context, dsn string, files fs.FS, log *slog.Logger) error {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer pool.Close()
	if err := awaitDatabase(ctx, pool.Ping, log); err != nil {
		return err
	}
	lock, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("reach database: %w", err)
	}
	defer lock.Release()
	if _, err := lock.Exec(ctx, `select pg_advisory_lock($1)`, int64(migrateLock)); err != nil {
		return fmt.Errorf("lock for migration: %w", err)
	}
	defer lock.Exec(context.WithoutCancel(ctx), `select pg_advisory_unlock($1)`, int64(migrateLock))

	queue, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return fmt.Errorf("prepare queue migration: %w", err)
	}
	if _, err := queue.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate queue: %w", err)
	}
	if err := openQueue(ctx, lock.Conn()); err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// openQueue lets the clock put jobs into the queue in the transaction that
// changes the rows they are for, and the logins that may switch to the clock's
// role work on it, also where another login owns the tables. Jobs hold ids and
// no content.
func openQueue(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `do $$ declare t text; r text; begin
		for r in select 'allin_system' union all select l.rolname from pg_auth_members m join pg_roles l on l.oid = m.member
			where m.roleid = 'allin_system'::regrole and l.rolcanlogin
		loop
			for t in select relname from pg_class where relnamespace = current_schema()::regnamespace and relname like 'river%' and relkind = 'r' loop
				if not (has_table_privilege(r, t, 'select') and has_table_privilege(r, t, 'insert')
					and has_table_privilege(r, t, 'update') and has_table_privilege(r, t, 'delete')) then
					execute format('grant select, insert, update, delete on %I to %I', t, r);
				end if;
			end loop;
			for t in select relname from pg_class where relnamespace = current_schema()::regnamespace and relname like 'river%' and relkind = 'S' loop
				if not has_sequence_privilege(r, t, 'usage') then
					execute format('grant usage, select on sequence %I to %I', t, r);
				end if;
			end loop;
		end loop;
	end $$`)
	if err != nil {
		return fmt.Errorf("open queue to the clock: %w", err)
	}
	return nil
}

// Pending tells at which version the schema at dsn is, and at which it should be.
func Pending(ctx context.Context, dsn string, files fs.FS) (have, want int64, err error) {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return 0, 0, fmt.Errorf("open database: %w", err)
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return 0, 0, fmt.Errorf("read migrations: %w", err)
	}
	if have, want, err = p.GetVersions(ctx); err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return have, want, nil
}
