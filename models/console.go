package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Overview is the installation at a glance.
type Overview struct {
	Users, Organizations, Accounts int
	Waiting                        int // deliveries that have not ended yet
	Processes                      []RunningProcess
	Tick                           time.Time // when a clock looked last
	Hold                           *Hold     // nil: publishing goes on
	DatabaseVersion                string    // "16.4"
	DatabaseBytes                  int64
	Problems                       []Problem
	Now                            time.Time // the database's
}

// RunningProcess is one program among those that run this installation.
type RunningProcess struct {
	ID    uuid.UUID
	Kind  string // serve, worker
	Host  string
	PID   int
	Since time.Time
	Seen  time.Time
}

// deadAfter is how long a process or the clock may be silent before people are
// told.
const deadAfter = time.Minute

// Silent reports that the process has not been heard of for a while.
func (p RunningProcess) Silent(now time.Time) bool { return now.Sub(p.Seen) > deadAfter }

// Problem is something that whoever looks after the installation has to see to.
type Problem struct {
	Text string
	Path string // of the page where to see to it; "" where there is none
}

// Overview reads what is there and what runs.
func (c *Console) Overview(ctx context.Context) (Overview, error) {
	var o Overview
	if err := c.demand(ReadInstallation); err != nil {
		return o, err
	}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `select (select count(*) from users), (select count(*) from organizations),
			(select count(*) from social_accounts where state <> 'disconnected'),
			(select count(*) from deliveries where state in ('scheduled', 'publishing', 'retrying', 'waiting')),
			(select ticked_at from installation), split_part(current_setting('server_version'), ' ', 1), pg_database_size(current_database()), now()`).
			Scan(&o.Users, &o.Organizations, &o.Accounts, &o.Waiting, &o.Tick, &o.DatabaseVersion, &o.DatabaseBytes, &o.Now); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `select id, kind, host, pid, started_at, seen_at from processes order by started_at, id`)
		if err != nil {
			return err
		}
		if o.Processes, err = pgx.CollectRows(rows, pgx.RowToStructByPos[RunningProcess]); err != nil {
			return err
		}
		if o.Hold, err = readHold(ctx, tx); err != nil {
			return err
		}
		o.Problems, err = c.problems(ctx, tx, o)
		return err
	})
	if err != nil {
		return o, fmt.Errorf("look at the installation: %w", err)
	}
	return o, nil
}

// problems finds what nobody but the operator can mend.
func (c *Console) problems(ctx context.Context, tx pgx.Tx, o Overview) ([]Problem, error) {
	var list []Problem
	add := func(path, format string, args ...any) {
		list = append(list, Problem{Text: fmt.Sprintf(format, args...), Path: path})
	}
	if late := o.Now.Sub(o.Tick); late > deadAfter {
		add("/console/health", "No clock has looked at what is due for %s. Start a server or a worker.", late.Round(time.Second))
	}
	rows, err := tx.Query(ctx, `select network, count(*), count(distinct account_id) from deliveries
		where state = 'waiting' and reason = 'operator' group by 1 order by 1`)
	if err != nil {
		return nil, err
	}
	var network string
	var posts, accounts int
	if _, err := pgx.ForEachRow(rows, []any{&network, &posts, &accounts}, func() error {
		name := network
		if info, ok := c.store.networks.Info(network); ok {
			name = info.Name
		}
		add("/console/networks", "%s on %s wait for you: %s refuses this installation's app. Look at its credentials, and at its portal for credits and limits.",
			plural(posts, "post"), plural(accounts, "account"), name)
		return nil
	}); err != nil {
		return nil, err
	}
	var mails, faults, suspended int
	if err := tx.QueryRow(ctx, `select (select count(*) from mails where state = 'failed' and created_at > now() - interval '7 days'),
		(select count(*) from faults where state = 'open'), (select count(*) from suspensions)`).Scan(&mails, &faults, &suspended); err != nil {
		return nil, err
	}
	if mails > 0 {
		add("", "%s of the last week could not be sent.", plural(mails, "mail"))
	}
	if faults > 0 {
		add("/console/errors", "%s that nobody has looked at yet.", plural(faults, "kind")+" of error")
	}
	if suspended > 0 {
		add("/console/organizations?state=suspended", "%s suspended: nothing of theirs is published.", areSuspended(suspended))
	}
	return list, nil
}

func areSuspended(n int) string {
	if n == 1 {
		return "1 organization is"
	}
	return fmt.Sprintf("%d organizations are", n)
}

// ReleaseHold lets publishing go on after a restored database was found. path
// is the installation's epoch file. What fell due meanwhile is looked for on its
// network first.
func (c *Console) ReleaseHold(ctx context.Context, path string) error {
	if err := c.demand(ChangeInstallation); err != nil {
		return err
	}
	return c.store.release(ctx, path, func(tx pgx.Tx) error { return c.audit(ctx, tx, "hold.released", "", nil) })
}
