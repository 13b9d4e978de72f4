package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/sync/errgroup"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

// Account is a sandbox account that the installation is connected to.
type Account struct {
	ID           uuid.UUID
	Organization uuid.UUID
	Network      networks.Account // as its client takes it
}

// Post is one post with one delivery, that was due at a time.
type Post struct {
	ID, Delivery uuid.UUID
	Account      Account
	Texts        []string // of its parts; no other post has any of them
	Due          time.Time
}

// Password is that of every person in a rig.
const Password = "correct horse battery"

// Organization makes one with its owner, who may do everything.
func (r *Rig) Organization(ctx context.Context, name string) (*models.Workspace, error) {
	person, err := r.Store.Install("bench").SignUp(ctx, models.SignUp{Name: "Bench", Email: strings.ToLower(name) + "@example.com",
		Password: Password, Organization: name, Zone: "UTC"}, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	list, err := person.Memberships(ctx)
	if err != nil {
		return nil, err
	}
	return person.Workspace(ctx, list[0].OrganizationID)
}

// Accounts makes n sandbox accounts, on each of the networks in turn, and
// connects the workspace to them.
func (r *Rig) Accounts(ctx context.Context, w *models.Workspace, n int, keys []string) ([]Account, error) {
	r.Say("connecting %d accounts", n)
	list := make([]Account, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range list {
		g.Go(func() (err error) {
			list[i], err = r.connect(ctx, w, keys[i%len(keys)], fmt.Sprintf("b%d", i))
			return err
		})
	}
	return list, g.Wait()
}

func (r *Rig) connect(ctx context.Context, w *models.Workspace, key, handle string) (Account, error) {
	c, err := r.Sandbox.CreateAccount(key, handle, "")
	if err != nil {
		return Account{}, err
	}
	client, err := r.Networks.Get(key, true)
	if err != nil {
		return Account{}, err
	}
	a := networks.Account{Network: key, Site: c.Site, RemoteID: c.RemoteID, Handle: c.Handle,
		Token: networks.Token{Access: c.AccessToken, Refresh: c.RefreshToken, Scopes: strings.Fields(c.Scopes)}}
	if c.ExpiresIn > 0 {
		a.Token.Expires = time.Now().Add(time.Duration(c.ExpiresIn) * time.Second)
	}
	profile, err := client.Describe(ctx, a)
	if err != nil {
		return Account{}, fmt.Errorf("describe %s: %w", handle, err)
	}
	kept, err := w.KeepConnection(ctx, models.Connection{Network: key, Sandbox: true, Site: c.Site, Profile: profile, Token: a.Token})
	if err != nil {
		return Account{}, err
	}
	a.ID, a.Limits = kept.ID.String(), profile.Limits
	return Account{ID: kept.ID, Organization: w.Organization.ID, Network: a}, nil
}

// Posts puts a post for each of the accounts in turn into the database, due
// at due(i), in as many parts as wanted. The marker begins every text.
func (r *Rig) Posts(ctx context.Context, marker string, accounts []Account, n, parts int, due func(i int) time.Time) ([]Post, error) {
	r.Say("scheduling %d posts", n)
	list := make([]Post, n)
	contents := make([][]byte, n)
	occurrences := make([]uuid.UUID, n)
	for i := range list {
		p := Post{ID: uuid.Must(uuid.NewV7()), Delivery: uuid.Must(uuid.NewV7()), Account: accounts[i%len(accounts)],
			Due: due(i).UTC().Truncate(time.Microsecond)}
		var content models.Content
		for part := range parts {
			text := fmt.Sprintf("%s post %06d", marker, i)
			if parts > 1 {
				text += fmt.Sprintf(" part %02d", part)
			}
			p.Texts = append(p.Texts, text)
			content.Parts = append(content.Parts, models.ContentPart{Text: text})
		}
		var err error
		if contents[i], err = json.Marshal(content); err != nil {
			return nil, fmt.Errorf("encode post: %w", err)
		}
		list[i], occurrences[i] = p, uuid.Must(uuid.NewV7())
	}
	copies := []struct {
		table   string
		columns []string
		row     func(i int) []any
	}{
		{"posts", []string{"organization_id", "id", "content", "excerpt", "draft"}, func(i int) []any {
			return []any{list[i].Account.Organization, list[i].ID, contents[i], list[i].Texts[0], false}
		}},
		{"post_targets", []string{"organization_id", "post_id", "account_id"}, func(i int) []any {
			return []any{list[i].Account.Organization, list[i].ID, list[i].Account.ID}
		}},
		{"scheduled_posts", []string{"organization_id", "id", "post_id", "local_date", "local_time", "zone", "due_at"}, func(i int) []any {
			clock := pgtype.Time{Microseconds: list[i].Due.Sub(list[i].Due.Truncate(24 * time.Hour)).Truncate(time.Minute).Microseconds(), Valid: true}
			return []any{list[i].Account.Organization, occurrences[i], list[i].ID, list[i].Due, clock, "UTC", list[i].Due}
		}},
		{"deliveries", []string{"organization_id", "id", "scheduled_post_id", "post_id", "account_id", "network", "due_at", "fresh_at", "next_at"}, func(i int) []any {
			return []any{list[i].Account.Organization, list[i].Delivery, occurrences[i], list[i].ID, list[i].Account.ID,
				list[i].Account.Network.Network, list[i].Due, list[i].Due, list[i].Due}
		}},
	}
	err := pgx.BeginFunc(ctx, r.Admin, func(tx pgx.Tx) error {
		for _, c := range copies {
			src := pgx.CopyFromSlice(n, func(i int) ([]any, error) { return c.row(i), nil })
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{c.table}, c.columns, src); err != nil {
				return fmt.Errorf("fill %s: %w", c.table, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	_, err = r.Admin.Exec(ctx, `analyze posts, scheduled_posts, deliveries, social_accounts`)
	return list, err
}

// Open counts the deliveries that something will still happen to by itself.
func (r *Rig) Open(ctx context.Context) (int, error) {
	var n int
	err := r.Admin.QueryRow(ctx, `select count(*) from deliveries where state in ('scheduled', 'publishing', 'retrying')
		or state = 'waiting' and next_at is not null`).Scan(&n)
	return n, err
}

// AwaitEnd returns when every delivery has come to its end, or after most.
// Errors of the database are waited out: it may be crashing on purpose.
func (r *Rig) AwaitEnd(ctx context.Context, most time.Duration) error {
	limit, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	told := time.Now()
	for {
		n, err := r.Open(limit)
		if err == nil && n == 0 {
			return nil
		}
		if time.Since(told) > 10*time.Second {
			r.Say("%d deliveries are still open", n)
			told = time.Now()
		}
		if Pause(limit, 250*time.Millisecond) != nil {
			return ctx.Err() // what is still open then is counted as lost
		}
	}
}
