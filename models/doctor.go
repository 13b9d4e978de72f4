package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// CheckResult is what a check came to.
type CheckResult string

// The results.
const (
	CheckOK   CheckResult = "ok"
	CheckWarn CheckResult = "warn"
	CheckFail CheckResult = "fail"
)

// Finding is one line of a check-up.
type Finding struct {
	Verdict CheckResult
	What    string
	Text    string // what was found and, unless all is well, what to do
}

// Found is a finding in one line.
func Found(v CheckResult, what, format string, args ...any) Finding {
	return Finding{v, what, fmt.Sprintf(format, args...)}
}

// oldestPostgres is the oldest version that AllIN is tested with.
const oldestPostgres = 150000

// ExamineDatabase checks what lies in the database and who may read it.
func (in *Install) ExamineDatabase(ctx context.Context) []Finding {
	var list []Finding
	for _, check := range []struct {
		what string
		look func(context.Context, pgx.Tx) (Finding, error)
	}{
		{"database", examineVersion}, {"login", examineLogin}, {"row-level security", examineRLS}, {"clock", in.examineClock},
		{"publishing", examinePublishing}, {"mail", examineMail}, {"super admin", examineSuperAdmins},
	} {
		err := in.system(ctx, func(tx pgx.Tx) error {
			f, err := check.look(ctx, tx)
			f.What = check.what
			list = append(list, f)
			return err
		})
		if err != nil {
			list = slices.DeleteFunc(list, func(f Finding) bool { return f.What == check.what })
			list = append(list, Found(CheckFail, check.what, "could not be looked at: %v", err))
		}
	}
	return list
}

func examineVersion(ctx context.Context, tx pgx.Tx) (Finding, error) {
	var name string
	var version int
	err := tx.QueryRow(ctx, `select split_part(current_setting('server_version'), ' ', 1), current_setting('server_version_num')::int`).Scan(&name, &version)
	if version < oldestPostgres {
		return Found(CheckFail, "", "PostgreSQL %s is too old: AllIN needs 15 or later. Upgrade it.", name), err
	}
	return Found(CheckOK, "", "PostgreSQL %s answers", name), err
}

// examineLogin finds rights by which the login would see everything unasked.
func examineLogin(ctx context.Context, tx pgx.Tx) (Finding, error) {
	var login string
	var super, bypass bool
	var inherits []string
	if err := tx.QueryRow(ctx, `select rolname, rolsuper, rolbypassrls from pg_roles where rolname = session_user`).Scan(&login, &super, &bypass); err != nil {
		return Finding{}, err
	}
	if super || bypass {
		return Found(CheckFail, "", "%s is a superuser or exempt from row-level security, so nothing keeps organizations apart. Use a plain login: allin migrate --print-roles prints the SQL.", login), nil
	}
	rows, err := tx.Query(ctx, `select rolname from pg_roles where rolname in ('allin_tenant', 'allin_person', 'allin_system')
		and pg_has_role(session_user, oid, 'usage') order by 1`)
	if err != nil {
		return Finding{}, err
	}
	if inherits, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return Finding{}, err
	}
	if len(inherits) > 0 {
		return Found(CheckFail, "", "%s inherits %s, so it sees every organization without asking. Run the SQL that allin migrate --print-roles prints.",
			login, strings.Join(inherits, ", ")), nil
	}
	return Found(CheckOK, "", "%s has no rights of its own over rows", login), nil
}

func examineRLS(ctx context.Context, tx pgx.Tx) (Finding, error) {
	rows, err := tx.Query(ctx, `select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
		and relname not like 'river%' and relname <> 'goose_db_version' and not (relrowsecurity and relforcerowsecurity) order by 1`)
	if err != nil {
		return Finding{}, err
	}
	open, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if len(open) > 0 {
		return Found(CheckFail, "", "not forced on %s. Somebody has changed the schema by hand: run alter table … enable row level security and force row level security on them.",
			strings.Join(open, ", ")), err
	}
	return Found(CheckOK, "", "forced on every table"), err
}

// Clocks that differ by more are told of.
const (
	skewWarn = 2 * time.Second
	skewFail = time.Minute
)

func (in *Install) examineClock(ctx context.Context, tx pgx.Tx) (Finding, error) {
	before := in.now()
	var there time.Time
	if err := tx.QueryRow(ctx, `select clock_timestamp()`).Scan(&there); err != nil {
		return Finding{}, err
	}
	half := in.now().Sub(before) / 2
	skew := there.Sub(before.Add(half)).Abs()
	switch shown := skew.Round(10 * time.Millisecond); {
	case skew > skewFail:
		return Found(CheckFail, "", "this machine's and the database's differ by %s. Let both follow a time server.", shown), nil
	case skew > skewWarn:
		return Found(CheckWarn, "", "this machine's and the database's differ by %s. Let both follow a time server.", shown), nil
	}
	return Found(CheckOK, "", "agrees with the database's"), nil
}

func examinePublishing(ctx context.Context, tx pgx.Tx) (Finding, error) {
	var ago time.Duration
	var processes int
	if err := tx.QueryRow(ctx, `select now() - ticked_at, (select count(*) from processes where seen_at > now() - interval '1 minute')
		from installation`).Scan(&ago, &processes); err != nil {
		return Finding{}, err
	}
	hold, err := readHold(ctx, tx)
	switch {
	case err != nil:
		return Finding{}, err
	case hold != nil:
		return Found(CheckWarn, "", "on hold: %s When nothing else publishes for this installation, run allin release.", hold.Reason), nil
	case ago > deadAfter:
		return Found(CheckWarn, "", "no clock has looked for %s: nothing runs. Start allin serve.", ago.Round(time.Second)), nil
	}
	return Found(CheckOK, "", "a clock looked %s ago, %s", ago.Round(100*time.Millisecond), running(processes)), nil
}

func running(n int) string {
	if n == 1 {
		return "1 process runs"
	}
	return fmt.Sprintf("%d processes run", n)
}

func examineMail(ctx context.Context, tx pgx.Tx) (Finding, error) {
	var late, failed int
	err := tx.QueryRow(ctx, `select count(*) filter (where state in ('waiting', 'sending') and created_at < now() - interval '1 hour'),
		count(*) filter (where state = 'failed' and created_at > now() - interval '7 days') from mails`).Scan(&late, &failed)
	if late > 0 || failed > 0 {
		return Found(CheckWarn, "", "%s for more than an hour, and %d could not be sent in the last week. Look at how mail is set up.",
			strings.Replace(plural(late, "mail")+" wait", "1 mail wait", "1 mail waits", 1), failed), err
	}
	return Found(CheckOK, "", "none is stuck"), err
}

func examineSuperAdmins(ctx context.Context, tx pgx.Tx) (Finding, error) {
	var n int
	err := tx.QueryRow(ctx, `select count(*) from users where platform_role = 'SUPER_ADMIN' and suspended_at is null`).Scan(&n)
	if n == 0 {
		return Found(CheckWarn, "", "there is none, so nobody can open the console fully"), err
	}
	return Found(CheckOK, "", "there is one who can sign in"), err
}

// ExamineAudit verifies the audit log.
func (in *Install) ExamineAudit(ctx context.Context) Finding {
	rows, broken, err := in.VerifyAudit(ctx)
	switch {
	case err != nil:
		return Found(CheckFail, "audit log", "could not be read: %v", err)
	case len(broken) > 0:
		b := broken[0]
		return Found(CheckFail, "audit log", "%s in chain %s, entry %d: %s. Keep a copy of the database and find out who can write to it past AllIN.",
			plural(len(broken), "broken place"), b.Chain, b.Seq, b.What)
	}
	return Found(CheckOK, "audit log", "holds together, %d long", rows)
}

// ExamineSealed tries to open every sealed value.
func (in *Install) ExamineSealed(ctx context.Context) Finding {
	r, err := in.CheckSealed(ctx)
	switch {
	case err != nil:
		return Found(CheckFail, "sealed values", "could not be read: %v", err)
	case r.Lost > 0:
		return Found(CheckFail, "sealed values", "%d of %d open with no key: %s. Put the key file back that they were sealed with, or connect those accounts again.",
			r.Lost, r.Values, strings.Join(r.Closed, ", "))
	case r.Old > 0:
		return Found(CheckWarn, "sealed values", "%d of %d are sealed with an older key. Run allin keys reseal.", r.Old, r.Values)
	}
	if r.Values == 0 {
		return Found(CheckOK, "sealed values", "there are none yet")
	}
	return Found(CheckOK, "sealed values", "all %d open", r.Values)
}

// ExamineApps looks whether the networks that need an app have one.
func (in *Install) ExamineApps(ctx context.Context) []Finding {
	from, err := in.CredentialsOf(ctx)
	if err != nil {
		return []Finding{Found(CheckFail, "networks", "%v", errors.Unwrap(err))}
	}
	var list []Finding
	for _, key := range in.networks.Keys() {
		source, needed := from[key]
		if !needed {
			continue
		}
		info, _ := in.networks.Info(key)
		if source == "" {
			list = append(list, Found(CheckWarn, info.Name, "has no app here, so accounts there cannot be connected. Enter one in the console under Networks."))
		} else {
			list = append(list, Found(CheckOK, info.Name, "its app comes from the %s", source))
		}
	}
	return list
}
