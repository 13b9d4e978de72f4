package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/seal"
)

// sealedColumn is a place where sealed values lie, and what each is bound to:
// seal.At(table, column, organization, row).
type sealedColumn struct {
	table, column     string
	organization, row string // as SQL
}

// sealedColumns are all of them. A column that is not here keeps its old key
// for ever and is lost when that is dropped: a test compares the list with the
// schema.
var sealedColumns = []sealedColumn{
	{"account_tokens", "sealed", "organization_id::text", "account_id::text"},
	{"network_apps", "sealed", "network", "site || ' ' || redirect"},
	{"connect_states", "sealed", "organization_id::text", "encode(id, 'hex')"},
	{"mails", "sealed", "''", "id::text"},
	{"settings", "sealed", "''", "name"},
	{"challenges", "sealed", "''", "encode(id, 'hex')"},
	{"totp_secrets", "sealed", "''", "user_id::text"},
	{"signing_keys", "sealed", "''", "kid"},
	{"token_families", "sealed", "''", "id::text"},
}

// pagesAtOnce is how many pages of a table one transaction seals anew.
const pagesAtOnce = 16

// SealReport is what a walk over all sealed values found.
type SealReport struct {
	Values   int
	Old      int // sealed with another key than the newest
	Resealed int
	Closed   []string // values that no key opens, by table and row; at most 20
	Lost     int      // how many of them there are
}

// Reseal seals everything anew that was sealed with an older key. It may run
// while others read and write: each row is held for the moment of its change.
func (in *Install) Reseal(ctx context.Context) (SealReport, error) { return in.walkSealed(ctx, true) }

// CheckSealed looks at every sealed value and changes none.
func (in *Install) CheckSealed(ctx context.Context) (SealReport, error) {
	return in.walkSealed(ctx, false)
}

func (in *Install) walkSealed(ctx context.Context, change bool) (SealReport, error) {
	var r SealReport
	for _, c := range sealedColumns {
		for page := int64(0); ; page += pagesAtOnce {
			more := false
			err := in.system(ctx, func(tx pgx.Tx) (err error) {
				more, err = in.walkPages(ctx, tx, c, page, change, &r)
				return err
			})
			if err != nil {
				return r, fmt.Errorf("seal %s anew: %w", c.table, err)
			}
			if !more {
				break
			}
		}
	}
	return r, nil
}

// walkPages looks at the rows on some pages of a table, in the order in which
// they lie on the disk: however large it is, each is read once. What is changed
// is written elsewhere and is met again, then sealed with the newest key.
func (in *Install) walkPages(ctx context.Context, tx pgx.Tx, c sealedColumn, page int64, change bool, r *SealReport) (more bool, err error) {
	table, column := pgx.Identifier{c.table}.Sanitize(), pgx.Identifier{c.column}.Sanitize()
	if err := tx.QueryRow(ctx, `select pg_relation_size($1::regclass) / current_setting('block_size')::bigint > $2`, c.table, page+pagesAtOnce).
		Scan(&more); err != nil {
		return false, err
	}
	sql := `select ctid::text, ` + c.organization + `, ` + c.row + `, ` + column + ` from ` + table + `
		where ctid >= $1::tid and ctid < $2::tid and ` + column + ` is not null`
	if change {
		sql += ` for no key update`
	}
	rows, err := tx.Query(ctx, sql, fmt.Sprintf("(%d,0)", page), fmt.Sprintf("(%d,0)", page+pagesAtOnce))
	if err != nil {
		return false, err
	}
	type value struct {
		at, organization, row string
		sealed                []byte
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (v value, err error) {
		err = row.Scan(&v.at, &v.organization, &v.row, &v.sealed)
		return v, err
	})
	if err != nil {
		return false, err
	}
	for _, v := range list {
		if len(v.sealed) == 0 {
			continue
		}
		r.Values++
		place := seal.At(c.table, c.column, v.organization, v.row)
		plain, err := in.box.Unseal(v.sealed, place)
		if err != nil {
			if r.Lost++; len(r.Closed) < 20 {
				r.Closed = append(r.Closed, c.table+" "+v.row)
			}
			continue
		}
		if in.box.Current(v.sealed) {
			continue
		}
		r.Old++
		if !change {
			continue
		}
		if _, err := tx.Exec(ctx, `update `+table+` set `+column+` = $2 where ctid = $1::tid`, v.at, in.box.Seal(plain, place)); err != nil {
			return false, err
		}
		r.Resealed++
	}
	return more, nil
}

// NoteKeys writes into the installation's log that its keys were changed.
func (in *Install) NoteKeys(ctx context.Context, act string, details map[string]any) error {
	err := in.system(ctx, func(tx pgx.Tx) error {
		return appendAudit(ctx, tx, auditEntry{Chain: uuid.Nil, ActorKind: ActorSystem, Act: act, Details: details})
	})
	return wrapped("note the keys' change", err)
}
