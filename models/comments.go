package models

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// NewComment is a comment on its way in.
type NewComment struct {
	Post    uuid.UUID
	Parent  *uuid.UUID // the comment that it answers
	Account *uuid.UUID // whose words it is about
	Body    string
}

// commentJSON is a comment c as JSON, as the member sees it.
const commentJSON = `jsonb_build_object('ID', c.id, 'Parent', c.parent_id, 'Account', c.account_id, 'AuthorID', c.author_id,
	'Author', coalesce(nullif(c.guest, ''), (select u.name from users u where u.id = c.author_id), ''), 'Guest', c.guest <> '', 'Shared', c.shared,
	'Body', c.body, 'Mentions', coalesce((select jsonb_agg(u.name order by length(u.name) desc) from users u where u.id = any(c.mentions)), '[]'),
	'CreatedAt', c.created_at, 'Edited', c.edited_at is not null, 'Deleted', c.deleted_at is not null,
	'Resolved', case when c.resolved_at is null then '' else coalesce((select u.name from users u where u.id = c.resolved_by), 'Somebody') end,
	'Mine', c.deleted_at is null and c.author_id = app_user() and c.created_at > now() - interval '15 minutes')`

// AddComment keeps a comment and tells whom it concerns: those it names, the
// post's author, and who took part in the thread.
func (w *Workspace) AddComment(ctx context.Context, n NewComment) (uuid.UUID, error) {
	if err := w.Role.demand(WriteComments); err != nil {
		return uuid.Nil, err
	}
	id := newID()
	err := w.rows(ctx, func(tx pgx.Tx) error {
		post, err := w.lockPost(ctx, tx, n.Post)
		if err != nil {
			return err
		}
		return w.comment(ctx, tx, id, post, n)
	})
	if err != nil {
		return uuid.Nil, saveError("add comment", err)
	}
	w.changed(topicPosts, n.Post)
	w.toldPeople()
	return id, nil
}

// comment adds a comment to a post whose row is locked.
func (w *Workspace) comment(ctx context.Context, tx pgx.Tx, id uuid.UUID, post lockedPost, n NewComment) error {
	body, err := validWords("body", n.Body, true)
	if err != nil {
		return err
	}
	shared := w.guest != nil
	if n.Parent != nil {
		var top *uuid.UUID
		err := tx.QueryRow(ctx, `select coalesce(parent_id, id), shared from comments where id = $1 and post_id = $2`, n.Parent, n.Post).Scan(&top, &shared)
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound("comment")
		}
		if err != nil {
			return err
		}
		n.Parent = top // threads have one level
	}
	people, err := w.mentionable(ctx, tx)
	if err != nil {
		return err
	}
	var named []uuid.UUID
	if w.guest == nil { // clients do not know who works here
		for _, m := range mentioned(body, people) {
			named = append(named, m.ID)
		}
	}
	author, guest := &w.Member.ID, ""
	if w.guest != nil {
		author, guest = nil, w.guest.Name
	}
	if _, err := tx.Exec(ctx, `insert into comments (id, post_id, parent_id, account_id, author_id, guest, shared, body, mentions)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, id, n.Post, n.Parent, n.Account, author, guest, shared, body, notNil(named)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `update posts set comments = comments + 1 where id = $1`, n.Post); err != nil {
		return err
	}
	return w.tellOfComment(ctx, tx, post, n, body, named)
}

func (w *Workspace) tellOfComment(ctx context.Context, tx pgx.Tx, post lockedPost, n NewComment, body string, named []uuid.UUID) error {
	short := Content{Parts: []ContentPart{{Text: body}}}.Excerpt()
	if len(named) > 0 {
		if err := w.tellPeople(ctx, tx, named, note{kind: noteMention, post: &n.Post, title: w.actor() + " mentioned you in a comment", body: short}); err != nil {
			return err
		}
	}
	others := post.people()
	if w.guest != nil {
		others = append(others, w.Member.ID)
	}
	if n.Parent != nil {
		rows, err := tx.Query(ctx, `select distinct author_id from comments where post_id = $1 and (parent_id = $2 or id = $2) and author_id is not null`,
			n.Post, n.Parent)
		if err != nil {
			return err
		}
		took, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		others = append(others, took...)
	}
	others = slices.DeleteFunc(others, func(id uuid.UUID) bool { return slices.Contains(named, id) })
	title := w.actor() + " commented on a post"
	if n.Parent != nil {
		title = w.actor() + " answered a comment"
	}
	return w.tellPeople(ctx, tx, others, note{kind: noteReply, post: &n.Post, title: title, body: short})
}

// mentionable are the organization's people.
func (w *Workspace) mentionable(ctx context.Context, tx pgx.Tx) ([]Mention, error) {
	rows, err := tx.Query(ctx, `select u.id, u.name from memberships m join users u on u.id = m.user_id order by lower(u.name), u.id limit 1000`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Mention])
}

// EditComment changes what the member said within the last quarter of an hour.
func (w *Workspace) EditComment(ctx context.Context, post, id uuid.UUID, body string) error {
	if err := w.Role.demand(WriteComments); err != nil {
		return err
	}
	body, err := validWords("body", body, true)
	if err != nil {
		return err
	}
	return w.mend(ctx, post, id, func(tx pgx.Tx) error {
		people, err := w.mentionable(ctx, tx)
		if err != nil {
			return err
		}
		var old, named, fresh []uuid.UUID
		if err := tx.QueryRow(ctx, `select mentions from comments where id = $1`, id).Scan(&old); err != nil {
			return err
		}
		for _, m := range mentioned(body, people) {
			named = append(named, m.ID)
			if !slices.Contains(old, m.ID) {
				fresh = append(fresh, m.ID)
			}
		}
		if _, err := tx.Exec(ctx, `update comments set body = $2, mentions = $3, edited_at = now() where id = $1`, id, body, notNil(named)); err != nil {
			return err
		}
		return w.tellPeople(ctx, tx, fresh, note{kind: noteMention, post: &post, title: w.Member.Name + " mentioned you in a comment",
			body: Content{Parts: []ContentPart{{Text: body}}}.Excerpt()})
	})
}

// DeleteComment takes back what the member said within the last quarter of an hour.
func (w *Workspace) DeleteComment(ctx context.Context, post, id uuid.UUID) error {
	if err := w.Role.demand(WriteComments); err != nil {
		return err
	}
	return w.mend(ctx, post, id, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update comments set body = '', mentions = '{}', deleted_at = now() where id = $1`, id); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update posts set comments = greatest(comments - 1, 0) where id = $1`, post)
		return err
	})
}

// mend changes a comment of the member's own while that is still allowed.
func (w *Workspace) mend(ctx context.Context, post, id uuid.UUID, change func(tx pgx.Tx) error) error {
	err := w.rows(ctx, func(tx pgx.Tx) error {
		var mine, late bool
		err := tx.QueryRow(ctx, `select coalesce(author_id = $3, false), created_at < now() - $4::interval from comments
			where id = $1 and post_id = $2 and deleted_at is null for update`, id, post, w.Member.ID, mayMend).Scan(&mine, &late)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return notFound("comment")
		case err != nil:
			return err
		case !mine:
			return &Error{Code: Forbidden, Message: "Only who wrote a comment may change it."}
		case late:
			return conflict("A comment may be changed for 15 minutes. Write another one below it.")
		}
		return change(tx)
	})
	if err != nil {
		return saveError("change comment", err)
	}
	w.changed(topicPosts, post)
	w.toldPeople()
	return nil
}

// ResolveComment notes that a thread is dealt with, or opens it again.
func (w *Workspace) ResolveComment(ctx context.Context, post, id uuid.UUID, resolved bool) error {
	if err := w.Role.demand(WriteComments); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		var at *time.Time
		var by *uuid.UUID
		if resolved {
			now := w.store.now()
			at, by = &now, &w.Member.ID
		}
		tag, err := tx.Exec(ctx, `update comments set resolved_at = $3, resolved_by = $4 where id = $1 and post_id = $2 and parent_id is null`, id, post, at, by)
		if err == nil && tag.RowsAffected() == 0 {
			return notFound("comment")
		}
		return err
	})
	if err != nil {
		return saveError("resolve comment", err)
	}
	w.changed(topicPosts, post)
	return nil
}
