package models

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// FaultState is whether somebody has looked at a kind of error.
type FaultState string

// The states of faults. One that is resolved is open again when it comes back.
const (
	FaultOpen     FaultState = "open"
	FaultSeen     FaultState = "seen"
	FaultResolved FaultState = "resolved"
)

// FaultStates lists them.
var FaultStates = []FaultState{FaultOpen, FaultSeen, FaultResolved}

// FaultGroup is a kind of error with how often it has happened.
type FaultGroup struct {
	Fingerprint string
	Fault
	Count       int64
	First, Last time.Time
	State       FaultState
}

// Faults lists the kinds of errors in a state, the latest first, and counts those of each.
func (c *Console) Faults(ctx context.Context, state FaultState) ([]FaultGroup, map[FaultState]int, error) {
	if err := c.demand(ReadInstallation); err != nil {
		return nil, nil, err
	}
	var list []FaultGroup
	counts := map[FaultState]int{}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select fingerprint, origin, place, message, stack, request_id, count, first_at, last_at, state
			from faults where state = $1 order by last_at desc, fingerprint limit 200`, state)
		if err != nil {
			return err
		}
		var g FaultGroup
		if _, err := pgx.ForEachRow(rows, []any{&g.Fingerprint, &g.Origin, &g.Place, &g.Message, &g.Stack, &g.Request, &g.Count,
			&g.First, &g.Last, &g.State}, func() error { list = append(list, g); return nil }); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `select state, count(*) from faults group by 1`)
		if err != nil {
			return err
		}
		var one FaultState
		var n int
		_, err = pgx.ForEachRow(rows, []any{&one, &n}, func() error { counts[one] = n; return nil })
		return err
	})
	return list, counts, wrapped("list errors", err)
}

// MarkFault notes what somebody makes of a kind of error.
func (c *Console) MarkFault(ctx context.Context, fingerprint string, state FaultState) error {
	if err := c.demand(ReadInstallation); err != nil {
		return err
	}
	if state != FaultOpen && state != FaultSeen && state != FaultResolved {
		return invalid("state", "Choose open, seen or resolved.")
	}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update faults set state = $2 where fingerprint = $1`, fingerprint, state)
		if err == nil && tag.RowsAffected() == 0 {
			return notFound("error")
		}
		return err
	})
	return wrapped("mark error", err)
}
