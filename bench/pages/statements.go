package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// statement is one that a page sent.
type statement struct {
	sql  string
	args []any
}

// scope reports a statement that only says who asks: it opens, ends or limits
// a transaction.
func (s statement) scope() bool {
	word := strings.ToLower(strings.TrimSpace(s.sql))
	for _, p := range []string{"begin", "commit", "rollback", "savepoint", "release"} {
		if strings.HasPrefix(word, p) {
			return true
		}
	}
	return s.role()
}

// role reports a statement that sets who asks.
func (s statement) role() bool { return strings.Contains(s.sql, "set_config('role'") }

// statements keeps what is sent to the database while it is told to. It is a
// pgx.QueryTracer and a pgx.BatchTracer.
type statements struct {
	mu   sync.Mutex
	on   bool
	list []statement
}

// of returns what call sends.
func (s *statements) of(call func() error) ([]statement, error) {
	s.mu.Lock()
	s.on, s.list = true, nil
	s.mu.Unlock()
	err := call()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = false
	return s.list, err
}

func (s *statements) add(sql string, args []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.on {
		s.list = append(s.list, statement{sql, args})
	}
}

// TraceQueryStart notes a statement.
func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	s.add(d.SQL, d.Args)
	return ctx
}

// TraceQueryEnd is part of pgx.QueryTracer.
func (s *statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart is part of pgx.BatchTracer.
func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery notes a statement of a batch.
func (s *statements) TraceBatchQuery(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	s.add(d.SQL, d.Args)
}

// TraceBatchEnd is part of pgx.BatchTracer.
func (s *statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// replay runs the statements on the bare driver, in one transaction and under
// the same roles, and returns how long that took.
func replay(ctx context.Context, c *pgx.Conn, list []statement) (time.Duration, error) {
	began := time.Now()
	err := pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
		for _, s := range list {
			if s.scope() && !s.role() {
				continue
			}
			rows, err := tx.Query(ctx, s.sql, s.args...)
			if err != nil {
				return err
			}
			for rows.Next() {
			}
			rows.Close()
			if err := rows.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	return time.Since(began), err
}
