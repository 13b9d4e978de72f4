// Package tenant is the lock between organizations: it opens the pool, and
// every transaction of the product begins here, under one of four database
// roles and with the organization or person it may see. Row-level security
// does the rest: a statement that runs without a Scope sees no rows.
package tenant

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Scope is what one transaction may see.
type Scope struct {
	role                       string
	organization, user, review string
}

// Organization sees the rows of one organization, as one of its people.
func Organization(organization, user uuid.UUID) Scope {
	return Scope{role: "allin_tenant", organization: organization.String(), user: user.String()}
}

// Person sees what belongs to one person, in all their organizations.
func Person(user uuid.UUID) Scope {
	return Scope{role: "allin_person", user: user.String()}
}

// Guest sees the one post that the link is for, while the link is open.
func Guest(organization, link uuid.UUID) Scope {
	return Scope{role: "allin_guest", organization: organization.String(), review: link.String()}
}

// System sees everything. It is for sign-in, the clock and the workers.
func System() Scope { return Scope{role: "allin_system"} }

const setScope = `select set_config('role', $1, true), set_config('app.organization_id', $2, true), set_config('app.user_id', $3, true),
	set_config('app.review_id', $4, true)`

func (s Scope) args() []any { return []any{s.role, s.organization, s.user, s.review} }

// DB is the one pool of a process.
type DB struct {
	pool *pgxpool.Pool
	gorm *gorm.DB
	live *notifier
}

// Options are settings of the pool.
type Options struct {
	MaxConns int32 // 0: 16
	Log      *slog.Logger
	Tracer   pgx.QueryTracer // sees every statement; nil: nobody does
}

// Open connects to the database at dsn.
func Open(ctx context.Context, dsn string, o Options) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("the database address cannot be read: it should look like postgres://user:password@host:5432/name")
	}
	cfg.MaxConns = o.MaxConns
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 16
	}
	cfg.ConnConfig.RuntimeParams["application_name"] = "allin"
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.ConnConfig.RuntimeParams["jit"] = "off" // statements are short: compiling them costs more than it saves
	cfg.ConnConfig.Tracer = o.Tracer
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := awaitDatabase(ctx, pool.Ping, o.Log); err != nil {
		pool.Close()
		return nil, err
	}
	g, err := gorm.Open(postgres.New(postgres.Config{Conn: stdlib.OpenDBFromPool(pool)}), &gorm.Config{
		Logger:                 logger.Discard, // errors are returned, and logged once at the top
		SkipDefaultTransaction: true,
		TranslateError:         true,
		QueryFields:            true,
		DisableAutomaticPing:   true,
	})
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("open gorm: %w", err)
	}
	return &DB{pool: pool, gorm: g, live: newNotifier(pool, o.Log)}, nil
}

// startWait is how long a database that is just coming up is waited for.
const startWait = time.Minute

// awaitDatabase waits for a database that does not answer yet: it may be
// recovering from a crash, or be started together with us.
func awaitDatabase(ctx context.Context, ping func(context.Context) error, log *slog.Logger) error {
	for waited := time.Duration(0); ; waited += time.Second {
		err := ping(ctx)
		if err == nil {
			return nil
		}
		if waited >= startWait || !comingUp(err) {
			return fmt.Errorf("reach database: %w", err)
		}
		if waited == 0 && log != nil {
			log.Warn("the database does not answer yet: waiting for it", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// comingUp reports that the database may answer in a moment: nothing listens
// yet, or it says that it is starting up or shutting down.
func comingUp(err error) bool {
	const cannotConnectNow, adminShutdown, crashShutdown = "57P03", "57P01", "57P02"
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNRESET) ||
		Is(err, cannotConnectNow, "") || Is(err, adminShutdown, "") || Is(err, crashShutdown, "")
}

// Close sends what is still to be told and closes the pool.
func (db *DB) Close() {
	db.live.close()
	db.pool.Close()
}

// Pool is for River and for health checks; statements on it see no rows.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.Ping(ctx) }

// Tx is one transaction, spoken to by GORM for rows and by pgx for what is hot.
// It must not be used by two goroutines, nor PGX while GORM's rows are open.
type Tx struct {
	*gorm.DB
	PGX pgx.Tx
}

// Tx runs fn in one transaction that sees what scope allows, and commits it
// unless fn returns an error. Transactions are short: none stays open over a
// call to a network, an upload or rendering.
func (db *DB) Tx(ctx context.Context, scope Scope, fn func(tx *Tx) error) error {
	err := db.gorm.WithContext(ctx).Connection(func(g *gorm.DB) error {
		conn, err := pgxConn(g)
		if err != nil {
			return err
		}
		return g.Transaction(func(t *gorm.DB) error {
			if _, err := conn.Exec(ctx, setScope, scope.args()...); err != nil {
				return fmt.Errorf("set scope: %w", err)
			}
			return fn(&Tx{DB: t, PGX: &sharedTx{conn: conn}})
		})
	})
	return err
}

// pgxConn is the pgx connection under a GORM handle that has one pinned.
func pgxConn(g *gorm.DB) (*pgx.Conn, error) {
	conn, ok := g.Statement.ConnPool.(*sql.Conn)
	if !ok {
		return nil, fmt.Errorf("gorm's pool is %T, not one connection", g.Statement.ConnPool)
	}
	var c *pgx.Conn
	err := conn.Raw(func(d any) error {
		sc, ok := d.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the driver's connection is %T, not pgx's", d)
		}
		c = sc.Conn()
		return nil
	})
	return c, err
}

// Rows runs fn in one transaction of pgx alone: two round trips less than Tx.
func (db *DB) Rows(ctx context.Context, scope Scope, fn func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, setScope, scope.args()...); err != nil {
			return fmt.Errorf("set scope: %w", err)
		}
		return fn(tx)
	})
}

// Send runs the batch's statements as one transaction in one round trip. The
// transaction is committed when Send returns nil, and only then.
func (db *DB) Send(ctx context.Context, scope Scope, b *pgx.Batch) error {
	all := &pgx.Batch{}
	all.Queue(setScope, scope.args()...)
	all.QueuedQueries = append(all.QueuedQueries, b.QueuedQueries...)
	return db.pool.SendBatch(ctx, all).Close()
}

// SendTwice runs one transaction in two round trips: first, then what next
// returns when it has seen first's results, together with the commit. It is
// committed when SendTwice returns nil, and only then.
func (db *DB) SendTwice(ctx context.Context, scope Scope, first *pgx.Batch, next func() (*pgx.Batch, error)) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	committed := false
	defer func() {
		if !committed {
			// A connection that cannot even do this is thrown away by the pool.
			_, _ = conn.Exec(context.WithoutCancel(ctx), "rollback")
		}
	}()
	open := &pgx.Batch{}
	open.Queue("begin")
	open.Queue(setScope, scope.args()...)
	open.QueuedQueries = append(open.QueuedQueries, first.QueuedQueries...)
	if err := conn.SendBatch(ctx, open).Close(); err != nil {
		return err
	}
	b, err := next()
	if err != nil {
		return err
	}
	b.Queue("commit")
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	committed = true
	return nil
}

// Is reports whether err is the database's error with that SQLSTATE, and,
// unless constraint is "", about that constraint or index.
func Is(err error, sqlState, constraint string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == sqlState && (constraint == "" || pg.ConstraintName == constraint)
}

// SQLSTATEs that callers decide on.
const (
	UniqueViolation     = "23505"
	ForeignKeyViolation = "23503"
)

// Notify tells every process that something changed. Messages are gathered
// for a moment and sent together: a NOTIFY in each transaction would make the
// database commit one at a time.
func (db *DB) Notify(channel, payload string) { db.live.add(channel, payload) }

// notifyEvery is how long messages are gathered.
const notifyEvery = 40 * time.Millisecond
