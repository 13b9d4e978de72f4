package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
)

// Claim is one delivery in the hands of one process. Its fence is the number
// of the claim: whoever writes under an older one writes nothing.
type Claim struct {
	in *Install

	Organization uuid.UUID
	Delivery     uuid.UUID
	Post         uuid.UUID
	Fence        int
	DueAt        time.Time
	Tries        int
	Account      Account
	Draft        networks.Draft
	Media        map[uuid.UUID]Media
	Token        networks.Token
	TokenVersion int
	HasToken     bool
	Steps        map[string]Step
	Open         []OpenAttempt // sends whose end is not known, oldest first
	GateOpens    *time.Time    // a rate limit forbids calls until then
	Now          time.Time     // the database's clock at the claim
	Begun        *Start        // the send that the claim itself wrote into the ledger
}

// Start is a send that is about to begin.
type Start struct {
	Step, Fingerprint, Key string
}

// Step is what is known of one step of a delivery.
type Step struct {
	Key     string
	BegunAt time.Time
	Done    bool
	Result  json.RawMessage
}

// OpenAttempt is a send whose end is not known.
type OpenAttempt struct {
	Fence     int
	Step      string
	StartedAt time.Time
}

// snapshot is what is being sent, fixed by the first claim.
type snapshot struct {
	Content Content          `json:"content"`
	Options networks.Options `json:"options"`
}

// claimDue takes the oldest delivery that is due on the account, unless the
// account has one in hand. The unique index deliveries_one_call stands behind that.
const claimDue = `
with pick as (
	select d.id from deliveries d
	where d.account_id = $1 and d.state in ('scheduled', 'retrying', 'waiting') and d.next_at <= now()
		and not exists (select 1 from deliveries b where b.account_id = $1 and b.state = 'publishing')
		and not exists (select 1 from installation where held_at is not null)
		and not exists (select 1 from suspensions s where s.organization_id = d.organization_id)
		-- What waits for approval has no open delivery; should one turn up, it stays where it is.
		and (select p.approval from posts p where p.id = d.post_id) not in ('review', 'changes')
	order by d.due_at, d.id limit 1 for update of d
), claimed as (
	update deliveries d set state = 'publishing', fence = d.fence + 1, claimed_by = $2, lease_until = now() + $3::interval,
		draft = coalesce(d.draft, (select jsonb_build_object('content', coalesce(t.content, p.content), 'options', coalesce(t.options, '{}'))
			from posts p left join post_targets t on t.post_id = p.id and t.account_id = d.account_id where p.id = d.post_id)),
		reason = '', updated_at = now()
	from pick where d.id = pick.id
	returning d.*
)
select c.organization_id, c.id, c.post_id, c.fence, c.due_at, c.tries, c.draft,
	a.id, a.network, a.sandbox, a.site, a.remote_id, a.handle, a.name, a.limits, a.state,
	k.sealed, k.expires_at, coalesce(k.version, 0),
	(select max(g.open_at) from rate_gates g
		where g.scope in ('account:' || a.id || ':create', 'app:' || a.network || ':create') and g.open_at > now()),
	now()
from claimed c
join social_accounts a on a.id = c.account_id
left join account_tokens k on k.organization_id = c.organization_id and k.account_id = c.account_id`

// Claim takes the oldest delivery that is due on the account for the process.
// It returns nil when there is none, or when the account has one in hand. A
// delivery that nothing was done for yet, and that has no media, is shown to
// start: what that returns goes into the ledger in the claim's own
// transaction, which saves most posts a commit.
func (in *Install) Claim(ctx context.Context, process uuid.UUID, account uuid.UUID, start func(*Claim) *Start) (*Claim, error) {
	c := &Claim{in: in}
	var draft snapshot
	var sealed []byte
	var expires *time.Time
	found := false
	b := &pgx.Batch{}
	b.Queue(claimDue, account, process, in.set.Lease).Query(func(rows pgx.Rows) error {
		if found = rows.Next(); !found {
			return rows.Err()
		}
		return rows.Scan(&c.Organization, &c.Delivery, &c.Post, &c.Fence, &c.DueAt, &c.Tries, &draft,
			&c.Account.ID, &c.Account.Network, &c.Account.Sandbox, &c.Account.Site, &c.Account.RemoteID, &c.Account.Handle,
			&c.Account.Name, &c.Account.Limits, &c.Account.State, &sealed, &expires, &c.TokenVersion, &c.GateOpens, &c.Now)
	})
	media := func() []uuid.UUID { return draft.Content.MediaIDs() }
	err := in.db.SendTwice(ctx, tenant.System(), b, func() (*pgx.Batch, error) {
		if !found {
			return &pgx.Batch{}, nil
		}
		if sealed != nil {
			var err error
			if c.Token, err = in.openToken(c.Organization, c.Account.ID, sealed, expires); err != nil {
				return nil, err
			}
			c.HasToken = true
		}
		next := &pgx.Batch{}
		if c.Fence == 1 && len(media()) == 0 {
			c.Draft = draft.Content.draft(draft.Options, nil)
			if c.Begun = start(c); c.Begun != nil {
				next.Queue(writeStart, c.Organization, c.Delivery, c.Fence, c.Begun.Step, c.Begun.Fingerprint, c.Begun.Key)
			}
		}
		return next, nil
	})
	switch {
	case tenant.Is(err, tenant.UniqueViolation, "deliveries_one_call"):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("claim: %w", err)
	case !found:
		return nil, nil
	}
	if c.Fence > 1 || len(media()) > 0 {
		if err := c.readBefore(ctx, media()); err != nil {
			return nil, err
		}
		c.Draft = draft.Content.draft(draft.Options, c.Media)
	}
	return c, nil
}

// writeStart is Begin's statement for a row that the transaction has changed itself.
const writeStart = `
	with s as (
		insert into delivery_steps (organization_id, delivery_id, step, key) values ($1, $2, $4, $6)
	)
	insert into attempts (organization_id, delivery_id, fence, step, action, fingerprint) values ($1, $2, $3, $4, 'send', $5)`

// readBefore reads what earlier claims left, and the media.
func (c *Claim) readBefore(ctx context.Context, media []uuid.UUID) error {
	err := c.in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) (err error) {
		if c.Media, err = readMedia(ctx, tx, media); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select step, key, begun_at, done, result from delivery_steps where delivery_id = $1`, c.Delivery)
		if err != nil {
			return err
		}
		c.Steps = map[string]Step{}
		var name string
		var s Step
		if _, err := pgx.ForEachRow(rows, []any{&name, &s.Key, &s.BegunAt, &s.Done, &s.Result}, func() error {
			c.Steps[name] = s
			return nil
		}); err != nil {
			return err
		}
		rows, err = tx.Query(ctx, `select fence, step, started_at from attempts
			where delivery_id = $1 and action = 'send' and state in ('started', 'ambiguous') order by started_at, fence`, c.Delivery)
		if err != nil {
			return err
		}
		c.Open, err = pgx.CollectRows(rows, pgx.RowToStructByPos[OpenAttempt])
		return err
	})
	if err != nil {
		return fmt.Errorf("read what was begun: %w", err)
	}
	return nil
}

// NetworkAccount is the account as its client needs it.
func (c *Claim) NetworkAccount() networks.Account { return c.Account.network(c.Token) }

// ErrStale says that the claim has been taken up by another process: nothing
// was written, and nothing more must be sent.
var ErrStale = errors.New("the claim is not ours any more")

// fenced runs one statement whose first two parameters are the delivery and
// the fence, and which returns a row only while the claim holds.
func (c *Claim) fenced(ctx context.Context, sql string, args ...any) error {
	b := &pgx.Batch{}
	var one int
	b.Queue(sql, append([]any{c.Delivery, c.Fence}, args...)...).QueryRow(func(row pgx.Row) error { return row.Scan(&one) })
	err := c.in.db.Send(ctx, tenant.System(), b)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrStale
	}
	return err
}

// Begin writes into the ledger that a step is about to be sent. Only after it
// has returned nil may the network be called. A step that was begun before
// keeps its key and the time of its first attempt.
func (c *Claim) Begin(ctx context.Context, step, action, fingerprint, key string) error {
	err := c.fenced(ctx, `
		with d as (
			select organization_id, id from deliveries
			where id = $1 and fence = $2 and state = 'publishing' and lease_until > now() for no key update
		), s as (
			insert into delivery_steps (organization_id, delivery_id, step, key)
			select organization_id, id, $3, $6 from d where $4 = 'send' on conflict do nothing
		)
		insert into attempts (organization_id, delivery_id, fence, step, action, fingerprint)
		select organization_id, id, $2, $3, $4, $5 from d returning 1`, step, action, fingerprint, key)
	if err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("write ledger: %w", err)
	}
	return err
}

// Renew extends the lease, and keeps how far a step has come.
func (c *Claim) Renew(ctx context.Context, step string, result any) error {
	b, err := json.Marshal(result)
	if err != nil {
		return fmt.Errorf("encode step: %w", err)
	}
	err = c.fenced(ctx, `
		with d as (
			update deliveries set lease_until = now() + $5::interval where id = $1 and fence = $2 and state = 'publishing'
			returning organization_id, id
		)
		insert into delivery_steps (organization_id, delivery_id, step, result) select organization_id, id, $3, $4 from d
		on conflict (delivery_id, step) do update set result = excluded.result,
			begun_at = case when delivery_steps.begun_at < now() - interval '12 hours' then now() else delivery_steps.begun_at end
		returning 1`, step, json.RawMessage(b), c.in.set.Lease)
	if err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("keep progress: %w", err)
	}
	return err
}

// Outcome is how a call ended, for the ledger.
type Outcome struct {
	State   string // ok, rejected, reauthorize, limited, unavailable, operator, ambiguous, reconciled, absent
	HTTP    int
	Code    string
	Message string
}

// PartOut writes that a part is out and others follow.
func (c *Claim) PartOut(ctx context.Context, step, action string, o Outcome, ref networks.Ref) error {
	result, err := json.Marshal(ref)
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	err = c.fenced(ctx, withAttempt+`, s as (
			update delivery_steps set done = true, result = $9 from d where delivery_id = d.id and step = $3
		)
		update deliveries set lease_until = now() + $10::interval from d where deliveries.id = d.id returning 1`,
		step, action, o.State, o.HTTP, o.Code, o.Message, json.RawMessage(result), c.in.set.Lease)
	return wrapEnd(err)
}

// writePublished ends a delivery, its attempt $3 $4 and its step.
const writePublished = `
	with d as (
		update deliveries set state = 'published', claimed_by = null, lease_until = null, next_at = null, enqueued_at = null,
			reason = '', message = '', remote_id = $10, remote_url = $11, published_at = now(), updated_at = now()
		where id = $1 and fence = $2 and state = 'publishing' returning id
	), a as (
		update attempts t set state = $5, http = $6, code = $7, message = $8, ended_at = now() from d
		where t.delivery_id = d.id and t.fence = $2 and t.step = $3 and t.action = $4
	), s as (
		update delivery_steps s set done = true, result = $9 from d where s.delivery_id = d.id and s.step = $3
	)`

// settleSends ends earlier sends of the step whose end was not known: one that
// looked says how they ended, and a send that the network confirmed says that
// those before it went under the same key.
const settleSends = `, sends as (
		update attempts t set state = case when $4 = 'look' then $5 else 'reconciled' end, ended_at = coalesce(t.ended_at, now()) from d
		where ($4 = 'look' and $5 in ('reconciled', 'absent') or $4 = 'send' and $5 = 'ok' and t.fence < $2)
			and t.delivery_id = d.id and t.step = $3 and t.action = 'send' and t.state in ('started', 'ambiguous')
	)`

// withAttempt ends the attempt $3 $4 of the claim $1 $2 while it holds, and the
// sends that it settles.
const withAttempt = `
	with d as (
		select id from deliveries where id = $1 and fence = $2 and state = 'publishing' for no key update
	), a as (
		update attempts t set state = $5, http = $6, code = $7, message = $8, ended_at = now() from d
		where t.delivery_id = d.id and t.fence = $2 and t.step = $3 and t.action = $4
	)` + settleSends

func wrapEnd(err error) error {
	if err != nil && !errors.Is(err, ErrStale) {
		return fmt.Errorf("write outcome: %w", err)
	}
	return err
}

// Published writes that the last part is out. first names the delivery's
// first part: what people open.
func (c *Claim) Published(ctx context.Context, step, action string, o Outcome, ref, first networks.Ref) error {
	result, err := json.Marshal(ref)
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	sql := writePublished
	if c.Fence > 1 || action != "send" {
		sql += settleSends
	}
	err = c.fenced(ctx, sql+` select 1 from d`, step, action, o.State, o.HTTP, o.Code, o.Message, json.RawMessage(result), first.ID, first.URL)
	if err == nil {
		c.in.changed(c.Organization, topicPosts, c.Post)
	}
	return wrapEnd(err)
}

// EndAttempt writes how an attempt ended that changes nothing else: a look
// that found nothing, before the part is sent again.
func (c *Claim) EndAttempt(ctx context.Context, step, action string, o Outcome) error {
	return wrapEnd(c.fenced(ctx, withAttempt+` select 1 from d`, step, action, o.State, o.HTTP, o.Code, o.Message))
}

// Next is where a delivery goes when a claim ends without it being out.
type Next struct {
	State   State
	After   time.Duration // until it is looked at again; negative: not by itself
	At      *time.Time    // in place of After
	Try     bool          // the failure counts
	Gated   bool          // a rate gate holds it
	Reason  string
	Message string
	// Tell leaves a notification of this kind and title.
	Tell, Title string
	// Reconnect marks the account as one that must be connected again, and
	// lets all that is open there wait, with this reason for people.
	Reconnect string
	// Gate closes the rate gate until Gate.Reset.
	Gate *Gate
}

// after is After for the database, null where the delivery is not looked at by itself.
func (n Next) after() *time.Duration {
	if n.After < 0 {
		return nil
	}
	return &n.After
}

// Gate is a limit that holds for an account or for all of a network.
type Gate struct {
	App    bool // for all accounts of the network
	Reset  time.Time
	Reason string
}

// Release ends the claim. step and action name the attempt that o ends; an
// empty step ends none.
func (c *Claim) Release(ctx context.Context, step, action string, o Outcome, n Next) error {
	err := c.in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		var one int
		err := tx.QueryRow(ctx, withAttempt+` select 1 from d`, c.Delivery, c.Fence, step, action, o.State, o.HTTP, o.Code, o.Message).Scan(&one)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrStale
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update deliveries set state = $2, claimed_by = null, lease_until = null, enqueued_at = null,
				next_at = coalesce($3::timestamptz, now() + $4::interval),
				tries = tries + $5, gated = gated or $6, reason = $7, message = $8, updated_at = now() where id = $1`,
			c.Delivery, n.State, n.At, n.after(), btoi(n.Try), n.Gated, n.Reason, n.Message); err != nil {
			return err
		}
		if n.Gate != nil {
			if err := c.shut(ctx, tx, *n.Gate); err != nil {
				return err
			}
		}
		if n.Reconnect != "" {
			if err := c.in.markReconnect(ctx, tx, c.Organization, c.Account, n.Reconnect); err != nil {
				return err
			}
		}
		if n.Tell != "" {
			return c.in.tell(ctx, tx, c.Organization, note{kind: n.Tell, post: &c.Post, account: &c.Account.ID, title: n.Title, body: n.Message})
		}
		return nil
	})
	if err == nil {
		c.in.changed(c.Organization, topicPosts, c.Post)
	}
	return wrapEnd(err)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// shut closes a rate gate.
func (c *Claim) shut(ctx context.Context, tx pgx.Tx, g Gate) error {
	scope := "account:" + c.Account.ID.String() + ":create"
	if g.App {
		scope = "app:" + c.Account.Network + ":create"
	}
	_, err := tx.Exec(ctx, `insert into rate_gates (scope, open_at, reason) values ($1, $2, $3)
		on conflict (scope) do update set open_at = greatest(rate_gates.open_at, excluded.open_at), reason = excluded.reason, updated_at = now()`,
		scope, g.Reset, g.Reason)
	return err
}

// Shut closes a rate gate before it is hit: the network said that nothing is left.
func (c *Claim) Shut(ctx context.Context, g Gate) error {
	return c.in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error { return c.shut(ctx, tx, g) })
}

// markReconnect writes that an account's grant has ended: what is scheduled
// there waits, and people are told once.
func (in *Install) markReconnect(ctx context.Context, tx pgx.Tx, organization uuid.UUID, a Account, reason string) error {
	tag, err := tx.Exec(ctx, `update social_accounts set state = 'reconnect', state_reason = $2, updated_at = now()
		where id = $1 and state = 'connected'`, a.ID, reason)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `update deliveries set state = 'waiting', next_at = null, enqueued_at = null, reason = 'reconnect',
			message = $2, updated_at = now()
		where account_id = $1 and state in ('scheduled', 'retrying') and next_at <= now() + interval '1 minute'`, a.ID,
		"The account must be connected again. Then this goes on."); err != nil {
		return err
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	in.changed(organization, topicAccounts, a.ID)
	return in.tell(ctx, tx, organization, note{kind: "account.reconnect", account: &a.ID,
		title: "@" + a.Handle + " must be connected again", body: reason})
}

// Unclaimed returns those of the network's ids that no delivery of the
// account stands for, in the given order.
func (c *Claim) Unclaimed(ctx context.Context, refs []networks.Ref) ([]networks.Ref, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	ids := make([]string, len(refs))
	for i, r := range refs {
		ids[i] = r.ID
	}
	taken := map[string]bool{}
	err := c.in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			select remote_id from deliveries where organization_id = $1 and account_id = $2 and remote_id = any($3) and id <> $4
			union all
			select s.result->>'id' from delivery_steps s join deliveries d on d.id = s.delivery_id
			where d.account_id = $2 and s.done and s.begun_at > now() - interval '7 days' and s.result->>'id' = any($3)`,
			c.Organization, c.Account.ID, ids, c.Delivery)
		if err != nil {
			return err
		}
		var id string
		_, err = pgx.ForEachRow(rows, []any{&id}, func() error { taken[id] = true; return nil })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("find claimed ids: %w", err)
	}
	var free []networks.Ref
	for _, r := range refs {
		if !taken[r.ID] {
			free = append(free, r)
		}
	}
	return free, nil
}
