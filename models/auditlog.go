package models

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// AuditFilter says which entries of an audit log are wanted. Zero values want all.
type AuditFilter struct {
	Actor    uuid.UUID
	Act      string    // "member.removed"
	From, To time.Time // To is not included
}

// AuditLine is an entry of an audit log as people read it.
type AuditLine struct {
	Seq       int64 // its place in the log, from 1
	ID        uuid.UUID
	At        time.Time
	ActorKind ActorKind
	ActorID   *uuid.UUID
	Actor     string // name; "" once it was erased
	Act       string
	Object    string // kind and id
	Name      string // of the object, as far as it is known
	Details   map[string]any
	Address   string
	Agent     string
}

// Words says what was done: "changed the role of Mia Koch from Editor to Viewer".
func (l AuditLine) Words() string { return AuditWords(l.Act, l.Name, l.Details) }

// AuditLog returns entries, the newest first, at most limit of those before
// the one whose Seq is before (0: from the newest on).
func (w *Workspace) AuditLog(ctx context.Context, f AuditFilter, before int64, limit int) ([]AuditLine, error) {
	if err := w.Role.demand(ManageOrganization); err != nil {
		return nil, err
	}
	var list []AuditLine
	err := w.rows(ctx, func(tx pgx.Tx) (err error) {
		if list, err = readAudit(ctx, tx, w.Organization.ID, f, before, limit); err != nil {
			return err
		}
		return nameObjects(ctx, tx, w.Organization.ID, list)
	})
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	for i := range list {
		if kind, id, _ := strings.Cut(list[i].Object, " "); kind == "organization" && id == w.Organization.ID.String() {
			list[i].Name = w.Organization.Name
		}
	}
	return list, nil
}

func readAudit(ctx context.Context, tx pgx.Tx, chain uuid.UUID, f AuditFilter, before int64, limit int) ([]AuditLine, error) {
	where, args := []string{"a.chain = $1"}, []any{chain}
	add := func(condition string, v any) {
		args = append(args, v)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if before > 0 {
		add("a.seq < $%d", before)
	}
	if f.Actor != uuid.Nil {
		add("a.actor_id = $%d", f.Actor)
	}
	if f.Act != "" {
		add("a.act = $%d", f.Act)
	}
	if !f.From.IsZero() {
		add("a.at >= $%d", f.From)
	}
	if !f.To.IsZero() {
		add("a.at < $%d", f.To)
	}
	args = append(args, max(limit, 1))
	rows, err := tx.Query(ctx, `select a.seq, a.id, a.at, a.actor_kind, a.actor_id, coalesce(t.actor_name, ''), a.act, a.object, a.details,
			coalesce(t.address, ''), coalesce(t.agent, '')
		from audit a left join audit_traces t on t.audit_id = a.id
		where `+strings.Join(where, " and ")+fmt.Sprintf(` order by a.seq desc limit $%d`, len(args)), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (AuditLine, error) {
		var l AuditLine
		var details []byte
		err := row.Scan(&l.Seq, &l.ID, &l.At, &l.ActorKind, &l.ActorID, &l.Actor, &l.Act, &l.Object, &details, &l.Address, &l.Agent)
		if err == nil {
			err = json.Unmarshal(details, &l.Details)
		}
		return l, err
	})
}

// objectNames are how the objects of an organization's entries are called
// now. Of people who have left, what they were called when they last did something.
var objectNames = map[string]string{
	"user": `select x.id, coalesce(u.name, t.name) from unnest($1::uuid[]) x(id) left join users u on u.id = x.id
		left join lateral (select t.actor_name as name from audit a join audit_traces t on t.audit_id = a.id
			where a.chain = $2 and a.actor_id = x.id and t.actor_name <> '' order by a.seq desc limit 1) t on true
		where coalesce(u.name, t.name) is not null`,
	"account":    `select id, '@' || handle from social_accounts where id = any($1) and $2::uuid is not null`,
	"post":       `select id, '“' || nullif(excerpt, '') || '”' from posts where id = any($1) and excerpt <> '' and $2::uuid is not null`,
	"invitation": `select id, email from invitations where id = any($1) and $2::uuid is not null`,
}

// nameObjects fills in what the entries' objects are called.
func nameObjects(ctx context.Context, tx pgx.Tx, chain uuid.UUID, list []AuditLine) error {
	ids := map[string][]uuid.UUID{}
	for _, l := range list {
		kind, text, _ := strings.Cut(l.Object, " ")
		if id, err := uuid.Parse(text); err == nil && objectNames[kind] != "" {
			ids[kind] = append(ids[kind], id)
		}
	}
	names := map[string]string{}
	for kind, wanted := range ids {
		rows, err := tx.Query(ctx, objectNames[kind], wanted, chain)
		if err != nil {
			return err
		}
		var id uuid.UUID
		var name string
		if _, err := pgx.ForEachRow(rows, []any{&id, &name}, func() error {
			names[kind+" "+id.String()] = name
			return nil
		}); err != nil {
			return err
		}
	}
	for i := range list {
		list[i].Name = names[list[i].Object]
	}
	return nil
}

// AuditActor is somebody who has done something that is in the log.
type AuditActor struct {
	ID   uuid.UUID
	Name string
}

// NoteAuditExport writes down that the member has taken the log out, in which format.
func (w *Workspace) NoteAuditExport(ctx context.Context, format string) error {
	if err := w.Role.demand(ManageOrganization); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error { return w.audit(ctx, tx, "audit.exported", "", map[string]any{"format": format}) })
	if err != nil {
		return fmt.Errorf("note an export of the audit log: %w", err)
	}
	return nil
}

// AuditChoices lists who and what an organization's log can be filtered by.
func (w *Workspace) AuditChoices(ctx context.Context) (people []AuditActor, acts []string, err error) {
	if err := w.Role.demand(ManageOrganization); err != nil {
		return nil, nil, err
	}
	err = w.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select x.actor_id, coalesce(u.name, x.name) from (
				select distinct on (a.actor_id) a.actor_id, t.actor_name as name from audit a join audit_traces t on t.audit_id = a.id
				where a.chain = $1 and a.actor_id is not null order by a.actor_id, a.seq desc) x
			left join users u on u.id = x.actor_id where coalesce(u.name, x.name) <> '' order by lower(coalesce(u.name, x.name))`, w.Organization.ID)
		if err != nil {
			return err
		}
		if people, err = pgx.CollectRows(rows, pgx.RowToStructByPos[AuditActor]); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, `select distinct act from audit where chain = $1 order by act`, w.Organization.ID); err != nil {
			return err
		}
		acts, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list what an audit log holds: %w", err)
	}
	return people, acts, nil
}
