package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
)

const (
	keepVersions = 200              // of one post; older ones go
	gatherWithin = 10 * time.Minute // what somebody's composer saves by itself is one version for so long
)

// ErrNewer says that somebody has saved a newer version than the one that was
// opened: whoever saves is shown it first.
var ErrNewer = errors.New("there is a newer version")

var errNewer = &Error{Code: Conflict, Message: "Somebody else has changed this post since you opened it.", Err: ErrNewer}

// Version is a post as it was saved once.
type Version struct {
	Number   int
	Author   string // "": somebody who is gone
	AuthorID *uuid.UUID
	Auto     bool // saved by itself while somebody wrote
	At       time.Time
	Content  Content
	Targets  []Target
	Wall     *Wall // the time that was chosen with it
	Restored int   // the version that it brought back; 0: none
}

// Composition is what the version held.
func (v *Version) Composition() Composition {
	return Composition{Content: v.Content, Targets: v.Targets}
}

// keptTarget is a target as a version keeps it.
type keptTarget struct {
	Account uuid.UUID        `json:"account"`
	Content *Content         `json:"content"`
	Options networks.Options `json:"options"`
}

func keepTargets(list []Target) []keptTarget {
	kept := make([]keptTarget, len(list))
	for i, t := range list {
		kept[i] = keptTarget{Account: t.AccountID, Content: t.Content, Options: t.Options}
	}
	slices.SortFunc(kept, func(a, b keptTarget) int { return strings.Compare(a.Account.String(), b.Account.String()) })
	return kept
}

// same reports whether two compositions say the same on the same accounts.
func same(a, b Composition) bool {
	encode := func(c Composition) string {
		text, err := json.Marshal([]any{c.Content, keepTargets(c.Targets)})
		if err != nil {
			return ""
		}
		return string(text)
	}
	return encode(a) == encode(b)
}

// keepVersion keeps the composition as the post's version of that number. One
// that the same person's composer saved by itself a moment ago gives way to it.
func (w *Workspace) keepVersion(ctx context.Context, tx pgx.Tx, post uuid.UUID, number int, c Composition) error {
	var restored *int
	if c.restored != 0 {
		restored = &c.restored
	}
	const insert = `insert into post_versions (post_id, version, author_id, auto, content, targets, wall, restored, begun_at)`
	if number == 1 {
		_, err := tx.Exec(ctx, insert+` values ($1, $2, $3, $4, $5, $6, $7, $8, now())`,
			post, number, w.Member.ID, c.Auto, c.Content, keepTargets(c.Targets), c.wall, restored)
		return err
	}
	if _, err := tx.Exec(ctx, `
		with gone as (
			delete from post_versions where post_id = $1 and version = $2 - 1 and auto and author_id = $3 and begun_at > now() - $9::interval
			returning begun_at
		)
		`+insert+` values ($1, $2, $3, $4, $5, $6, $7, $8, coalesce((select begun_at from gone), now()))`,
		post, number, w.Member.ID, c.Auto, c.Content, keepTargets(c.Targets), c.wall, restored, gatherWithin); err != nil {
		return err
	}
	if number <= keepVersions {
		return nil
	}
	_, err := tx.Exec(ctx, `delete from post_versions where post_id = $1 and version < (
		select version from post_versions where post_id = $1 order by version desc offset $2 limit 1)`, post, keepVersions-1)
	return err
}

// Versions lists what is kept of a post, the newest first.
func (w *Workspace) Versions(ctx context.Context, post uuid.UUID) ([]Version, error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return nil, err
	}
	var list []Version
	err := w.rows(ctx, func(tx pgx.Tx) (err error) {
		list, err = readVersions(ctx, tx, post, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	if len(list) == 0 {
		return nil, notFound("post")
	}
	return list, nil
}

// readVersions reads the post's versions, or only the one of that number.
func readVersions(ctx context.Context, tx pgx.Tx, post uuid.UUID, number int) ([]Version, error) {
	rows, err := tx.Query(ctx, `select v.version, coalesce(u.name, ''), v.author_id, v.auto, v.at, v.content, v.targets, v.wall, coalesce(v.restored, 0)
		from post_versions v left join users u on u.id = v.author_id
		where v.post_id = $1 and ($2 = 0 or v.version = $2) order by v.version desc limit $3`, post, number, keepVersions)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (v Version, err error) {
		var kept []keptTarget
		err = r.Scan(&v.Number, &v.Author, &v.AuthorID, &v.Auto, &v.At, &v.Content, &kept, &v.Wall, &v.Restored)
		for _, t := range kept {
			v.Targets = append(v.Targets, Target{AccountID: t.Account, Content: t.Content, Options: t.Options})
		}
		return v, err
	})
}

// RestoreVersion makes an old version the post's newest one. Accounts and
// files that are not there any more are left out.
func (w *Workspace) RestoreVersion(ctx context.Context, post uuid.UUID, number, opened int) error {
	if err := w.Role.demand(WriteDrafts); err != nil {
		return err
	}
	err := w.tx(ctx, func(tx *tenant.Tx) error {
		list, err := readVersions(ctx, tx.PGX, post, max(number, 1))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return notFound("version")
		}
		c := list[0].Composition()
		if err := c.leaveOutGone(ctx, tx.PGX); err != nil {
			return err
		}
		c.Version, c.restored = opened, number
		_, err = w.changePost(ctx, tx, post, c, toSave)
		return err
	})
	if err != nil {
		return saveError("restore version", err)
	}
	w.changed(topicPosts, post)
	w.toldPeople()
	w.store.wakeClock()
	return nil
}

// leaveOutGone takes accounts and files out that there are not any more.
func (c *Composition) leaveOutGone(ctx context.Context, tx pgx.Tx) error {
	var accounts, media []uuid.UUID
	if err := tx.QueryRow(ctx, `select coalesce((select array_agg(id) from social_accounts where id = any($1)), '{}'),
		coalesce((select array_agg(id) from media where id = any($2)), '{}')`, c.accounts(), c.mediaIDs()).Scan(&accounts, &media); err != nil {
		return err
	}
	c.Targets = slices.DeleteFunc(c.Targets, func(t Target) bool { return !slices.Contains(accounts, t.AccountID) })
	there := func(content *Content) {
		for i := range content.Parts {
			content.Parts[i].Media = slices.DeleteFunc(content.Parts[i].Media, func(id uuid.UUID) bool { return !slices.Contains(media, id) })
		}
	}
	there(&c.Content)
	for i := range c.Targets {
		if c.Targets[i].Content != nil {
			there(c.Targets[i].Content)
		}
	}
	return c.tidy()
}

// editorSeen is how long somebody counts as editing after their composer was last heard of.
const editorSeen = time.Minute

// Editing notes that the member has the post's composer open and returns the
// names of the others who have.
func (w *Workspace) Editing(ctx context.Context, post uuid.UUID) (others []string, err error) {
	if err := w.Role.demand(WriteDrafts); err != nil {
		return nil, err
	}
	came := false
	err = w.rows(ctx, func(tx pgx.Tx) error {
		var there bool
		if err := tx.QueryRow(ctx, `select exists (select 1 from posts where id = $1)`, post).Scan(&there); err != nil {
			return err
		}
		if !there {
			return notFound("post")
		}
		// Whoever was away for longer comes anew, and the others hear of it.
		if err := tx.QueryRow(ctx, `with gone as (delete from post_editors where post_id = $1 and seen_at < now() - $3::interval and user_id <> $2)
			insert into post_editors as e (post_id, user_id) values ($1, $2)
			on conflict (organization_id, post_id, user_id) do update set seen_at = now()
			returning (select coalesce(max(o.seen_at), '-infinity') < now() - $3::interval from post_editors o where o.post_id = $1 and o.user_id = $2)`,
			post, w.Member.ID, editorSeen).Scan(&came); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select u.name from post_editors e join users u on u.id = e.user_id
			where e.post_id = $1 and e.user_id <> $2 and e.seen_at > now() - $3::interval order by u.name`, post, w.Member.ID, editorSeen)
		if err != nil {
			return err
		}
		others, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, saveError("note who edits", err)
	}
	if came {
		w.changed(topicPosts, post)
	}
	return others, nil
}
