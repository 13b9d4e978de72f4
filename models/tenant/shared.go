package tenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// sharedTx is a pgx.Tx on a connection whose transaction GORM commits.
type sharedTx struct {
	conn  *pgx.Conn
	save  string // name of the savepoint that this handle stands for
	count int
}

var errNotMine = errors.New("the transaction is GORM's to commit and to roll back")

func (t *sharedTx) Begin(ctx context.Context) (pgx.Tx, error) {
	t.count++
	name := fmt.Sprintf("%s_s%d", t.save, t.count)
	if _, err := t.conn.Exec(ctx, "savepoint "+name); err != nil {
		return nil, err
	}
	return &sharedTx{conn: t.conn, save: name}, nil
}

func (t *sharedTx) end(ctx context.Context, verb string) error {
	if t.save == "" {
		return errNotMine
	}
	_, err := t.conn.Exec(ctx, verb+" savepoint "+t.save)
	return err
}

func (t *sharedTx) Commit(ctx context.Context) error   { return t.end(ctx, "release") }
func (t *sharedTx) Rollback(ctx context.Context) error { return t.end(ctx, "rollback to") }
func (t *sharedTx) Conn() *pgx.Conn                    { return t.conn }

// LargeObjects is part of pgx.Tx; the product keeps none.
func (t *sharedTx) LargeObjects() pgx.LargeObjects { panic("large objects are not offered") }

func (t *sharedTx) Exec(ctx context.Context, q string, a ...any) (pgconn.CommandTag, error) {
	return t.conn.Exec(ctx, q, a...)
}

func (t *sharedTx) Query(ctx context.Context, q string, a ...any) (pgx.Rows, error) {
	return t.conn.Query(ctx, q, a...)
}

func (t *sharedTx) QueryRow(ctx context.Context, q string, a ...any) pgx.Row {
	return t.conn.QueryRow(ctx, q, a...)
}

func (t *sharedTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return t.conn.SendBatch(ctx, b)
}

func (t *sharedTx) Prepare(ctx context.Context, name, q string) (*pgconn.StatementDescription, error) {
	return t.conn.Prepare(ctx, name, q)
}

func (t *sharedTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource) (int64, error) {
	return t.conn.CopyFrom(ctx, table, columns, src)
}
