package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// How long what nobody needs any more is kept.
const (
	keepUploads       = 24 * time.Hour      // of which no file became
	keepNotifications = 90 * 24 * time.Hour // read or not
	keepInvitations   = 90 * 24 * time.Hour // since they were answered or ran out
	keepRateGates     = 24 * time.Hour
	keepAPIKeys       = 30 * 24 * time.Hour // beyond their end, so that their people see which it was
	keepEditors       = time.Hour
	keepLinks         = 24 * time.Hour       // beyond their end
	keepSetUps        = 24 * time.Hour       // of authenticator apps, begun and never confirmed
	keepDeletions     = 400 * 24 * time.Hour // longer than backups are kept
	keepReviewLinks   = 90 * 24 * time.Hour  // after their end; what was decided with them stays
)

// Retention says how long one kind of thing is kept.
type Retention struct {
	What string
	Kept string // as people read it
	By   string // what removes it

	remove string // the statement, where it is one
	args   []any
}

// Retentions is the one table of what is kept for how long. Cleaning carries it
// out, and docs/operating.md prints it.
func (in *Install) Retentions() []Retention {
	const cleaning = "cleaning"
	return []Retention{
		{What: "Sessions", Kept: "until unused for `ALLIN_SESSION_IDLE`, at most `ALLIN_SESSION_LIFETIME`", By: cleaning,
			// Redis may know of a later use than the row.
			remove: `delete from sessions where expires_at < now() or seen_at < now() - 2 * $1::interval`, args: []any{in.set.SessionIdle}},
		{What: "That a browser has signed in before (a hash)", Kept: days(keepDevices) + " after its last use", By: cleaning,
			remove: `delete from known_devices where seen_at < now() - $1::interval`, args: []any{keepDevices}},
		{What: "Links that were mailed", Kept: days(keepLinks) + " beyond their end", By: cleaning,
			remove: `delete from links where expires_at < now() - $1::interval`, args: []any{keepLinks}},
		{What: "Sign-ins that wait for a second factor, or for a provider", Kept: "10 minutes", By: cleaning,
			remove: `delete from challenges where expires_at < now()`},
		{What: "Authenticator apps that were begun and never confirmed", Kept: days(keepSetUps), By: cleaning,
			remove: `delete from totp_secrets where confirmed_at is null and created_at < now() - $1::interval`, args: []any{keepSetUps}},
		{What: "Invitations that were answered or ran out", Kept: days(keepInvitations), By: cleaning,
			remove: `delete from invitations where coalesce(ended_at, expires_at) < now() - $1::interval`, args: []any{keepInvitations}},
		{What: "Links for clients to review a post", Kept: days(keepReviewLinks) + " after their end; what was decided stays", By: cleaning,
			remove: `delete from review_links where expires_at < now() - $1::interval`, args: []any{keepReviewLinks}},
		{What: "Who has which post open", Kept: days(keepEditors), By: cleaning,
			remove: `delete from post_editors where seen_at < now() - $1::interval`, args: []any{keepEditors}},
		{What: "Mails that were sent, kept or have failed", Kept: days(keepMails), By: cleaning,
			remove: `delete from mails where created_at < now() - $1::interval and next_at is null`, args: []any{keepMails}},
		{What: "Sessions of programs (refresh tokens)", Kept: "until their end, 30 days at most", By: cleaning,
			remove: `delete from token_families where expires_at < now()`},
		{What: "API keys that have ended", Kept: days(keepAPIKeys), By: cleaning,
			remove: `delete from api_keys where expires_at < now() - $1::interval`, args: []any{keepAPIKeys}},
		{What: "Consents at networks that nobody came back from", Kept: days(connectLife), By: cleaning,
			remove: `delete from connect_states where expires_at < now()`},
		{What: "Counters of tries, with addresses", Kept: "until their window ends, an hour at most", By: cleaning,
			remove: `delete from throttles where resets_at < now()`},
		{What: "Rate limits that networks told of", Kept: days(keepRateGates) + " beyond their end", By: cleaning,
			remove: `delete from rate_gates where open_at < now() - $1::interval`, args: []any{keepRateGates}},
		{What: "Notifications", Kept: days(keepNotifications), By: cleaning,
			remove: `delete from notifications where created_at < now() - $1::interval`, args: []any{keepNotifications}},
		{What: "Archives of people's and organizations' data", Kept: days(keepExports), By: cleaning,
			remove: `delete from exports where expires_at < now()`},
		{What: "The list of deletions in the database (hashes of ids)", Kept: days(keepDeletions), By: cleaning,
			remove: `delete from deletions where coalesce(done_at, undone_at) < now() - $1::interval`, args: []any{keepDeletions}},
		{What: "Uploads that were never finished", Kept: days(keepUploads), By: cleaning},
		{What: "Jobs that were done", Kept: "5 minutes", By: "the queue"},
		{What: "Jobs that failed", Kept: days(24 * time.Hour), By: "the queue"},
		{What: "A deleted account", Kept: "not at all: its rows go with the request", By: "the request"},
		{What: "A deleted organization", Kept: days(undoDeletion) + ", closed to everybody; nothing when its last person is gone", By: "a job"},
		{What: "Names and addresses in the audit log", Kept: "until the person or the organization is deleted", By: "the deletion"},
		{What: "The audit log itself, which holds ids only", Kept: "for good", By: "nobody: it cannot be changed"},
		{What: "Posts, deliveries and their ledger, files, accounts", Kept: "until their organization deletes them, or is deleted", By: "people"},
	}
}

// days is a time span as people read it.
func days(d time.Duration) string {
	if d >= 24*time.Hour {
		return plural(int(d/(24*time.Hour)), "day")
	}
	return plural(int(d/time.Minute), "minute")
}

// Clean removes what can never be used again, as Retentions says.
func (in *Install) Clean(ctx context.Context) error {
	err := in.ListDeletions(ctx) // before a line of theirs could go
	if err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	err = in.system(ctx, func(tx pgx.Tx) error {
		for _, r := range in.Retentions() {
			if r.remove == "" {
				continue
			}
			if _, err := tx.Exec(ctx, r.remove, r.args...); err != nil {
				return fmt.Errorf("%s: %w", r.What, err)
			}
		}
		return nil
	})
	_, sweepErr := in.files.Sweep(ctx, in.now().Add(-keepUploads))
	if err := errors.Join(err, sweepErr, in.expireExports(ctx)); err != nil {
		return fmt.Errorf("clean: %w", err)
	}
	return nil
}
