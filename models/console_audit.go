package models

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ConsoleAuditFilter says which lines of the audit log are wanted.
type ConsoleAuditFilter struct {
	Person       string    // a name, an address or an id; "" for all
	Organization uuid.UUID // zero: all
	Act          string    // "member", "member.role_changed"; "" for all
	From, Until  time.Time // until is left out itself; zero: no bound
	Cursor       string    // from ConsoleAuditPage.Next
}

// ConsoleAuditLine is one line of the log as people read it.
type ConsoleAuditLine struct {
	ID               uuid.UUID
	Chain            uuid.UUID // zero: the installation's
	Seq              int64
	At               time.Time
	ActorKind        ActorKind
	ActorID          *uuid.UUID
	ActorName        string // "" when it was erased
	Act, Object      string
	Details          json.RawMessage
	Organization     *uuid.UUID
	OrganizationName string // "" when there is none, or it is gone
	Address, Agent   string
}

// ConsoleAuditPage is a part of the log.
type ConsoleAuditPage struct {
	Lines []ConsoleAuditLine
	Next  string // cursor; "" at the end
}

// auditLines finds the lines of a filter, the newest first.
const auditLines = `
	select a.id, a.chain, a.seq, a.at, a.actor_kind, a.actor_id, coalesce(t.actor_name, ''), a.act, a.object, a.details,
		a.organization_id, coalesce(o.name, ''), coalesce(t.address, ''), coalesce(t.agent, '')
	from audit a left join audit_traces t on t.audit_id = a.id left join organizations o on o.id = a.organization_id
	where ($1 = '' or t.actor_name ilike $1 or a.actor_id in (select id from users where email ilike $1 or id::text = $2))
		and ($3::uuid is null or a.organization_id = $3)
		and ($4 = '' or a.act = $4 or starts_with(a.act, $4 || '.'))
		and ($5::timestamptz is null or a.at >= $5) and ($6::timestamptz is null or a.at < $6)
		and (a.at, a.id) < ($7, $8)
	order by a.at desc, a.id desc limit $9`

// Audit reads a part of the log: of the installation, of all organizations, and
// of people in their own matters.
func (c *Console) Audit(ctx context.Context, f ConsoleAuditFilter) (ConsoleAuditPage, error) {
	if err := c.demand(ReadInstallation); err != nil {
		return ConsoleAuditPage{}, err
	}
	return c.auditPage(ctx, f, consolePage)
}

func (c *Console) auditPage(ctx context.Context, f ConsoleAuditFilter, limit int) (ConsoleAuditPage, error) {
	var page ConsoleAuditPage
	after, err := readTimeCursor(f.Cursor)
	if err != nil {
		return page, err
	}
	var organization *uuid.UUID
	if f.Organization != uuid.Nil {
		organization = &f.Organization
	}
	err = c.store.system(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, auditLines, anywhere(f.Person), f.Person, organization, f.Act, orNil(f.From), orNil(f.Until),
			after.at, after.id, limit+1)
		if err != nil {
			return err
		}
		page.Lines, err = pgx.CollectRows(rows, pgx.RowToStructByPos[ConsoleAuditLine])
		return err
	})
	if len(page.Lines) > limit {
		page.Lines = page.Lines[:limit]
		last := page.Lines[limit-1]
		page.Next = timeCursor{last.At, last.ID}.String()
	}
	return page, wrapped("read audit log", err)
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// exportPage is how many lines an export reads at once.
const exportPage = 500

// ExportAudit hands every line of the filter to each, the newest first, and
// notes in the log that it was taken out. No transaction stays open meanwhile.
func (c *Console) ExportAudit(ctx context.Context, f ConsoleAuditFilter, format string, each func(ConsoleAuditLine) error) error {
	if err := c.demand(ReadInstallation); err != nil {
		return err
	}
	err := c.store.system(ctx, func(tx pgx.Tx) error { return c.audit(ctx, tx, "audit.exported", "", map[string]any{"format": format}) })
	if err != nil {
		return wrapped("note the export", err)
	}
	for {
		page, err := c.auditPage(ctx, f, exportPage)
		if err != nil {
			return err
		}
		for _, line := range page.Lines {
			if err := each(line); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		f.Cursor = page.Next
	}
}

// AuditActs lists the acts that the log knows, for its filter.
func (c *Console) AuditActs(ctx context.Context) ([]string, error) {
	if err := c.demand(ReadInstallation); err != nil {
		return nil, err
	}
	var list []string
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		// Each act once, without reading the whole log.
		rows, err := tx.Query(ctx, `with recursive acts as (
				(select act from audit order by act limit 1)
				union all select (select a.act from audit a where a.act > acts.act order by a.act limit 1) from acts where acts.act is not null
			) select act from acts where act is not null`)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	return list, wrapped("list acts", err)
}

// VerifyAudit reads the whole log, says where it does not hold together, and
// notes that it was looked at.
func (c *Console) VerifyAudit(ctx context.Context) (rows int, broken []BrokenAudit, err error) {
	if err := c.demand(ReadInstallation); err != nil {
		return 0, nil, err
	}
	if rows, broken, err = c.store.Install("verify the audit log for the console").VerifyAudit(ctx); err != nil {
		return 0, nil, err
	}
	err = c.store.system(ctx, func(tx pgx.Tx) error {
		return c.audit(ctx, tx, "audit.verified", "", map[string]any{"rows": rows, "broken": len(broken)})
	})
	if err != nil {
		return 0, nil, fmt.Errorf("note that the audit log was verified: %w", err)
	}
	return rows, broken, nil
}
