package models

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ActorKind is what did something.
type ActorKind string

// The kinds of actors.
const (
	ActorPerson ActorKind = "person" // somebody who is signed in
	ActorGuest  ActorKind = "guest"  // somebody with a link and no account
	ActorKey    ActorKind = "key"    // a program with an API key
	ActorSystem ActorKind = "system" // AllIN itself, or who runs it, at the terminal
)

// auditEntry is one line of the audit log: who did what. Details hold ids and plain values,
// never a secret, a name or an address.
type auditEntry struct {
	Chain        uuid.UUID  // whose log it is written into: an organization's, a person's or the installation's (zero)
	Organization *uuid.UUID // nil outside of organizations
	ActorKind    ActorKind
	ActorID      *uuid.UUID
	ActorName    string // kept beside the log, where it can be erased
	Act          string // noun.verb: "member.role_changed"
	Object       string // kind and id: "user 0190…"
	Details      map[string]any
}

// audit writes into the organization's log that the member did something, or
// a client whom the member sent a link.
func (w *Workspace) audit(ctx context.Context, tx pgx.Tx, act, object string, details map[string]any) error {
	if w.guest != nil {
		return appendAudit(ctx, tx, auditEntry{Chain: w.Organization.ID, Organization: &w.Organization.ID, ActorKind: ActorGuest,
			ActorID: &w.guest.Link, ActorName: w.guest.Name, Act: act, Object: object, Details: details})
	}
	return appendAudit(ctx, tx, auditEntry{Chain: w.Organization.ID, Organization: &w.Organization.ID, ActorKind: ActorPerson,
		ActorID: &w.Member.ID, ActorName: w.Member.Name, Act: act, Object: object, Details: details})
}

// audit writes into the person's own log.
func (p *Person) audit(ctx context.Context, tx pgx.Tx, act, object string, details map[string]any) error {
	return appendAudit(ctx, tx, auditEntry{Chain: p.User.ID, ActorKind: ActorPerson, ActorID: &p.User.ID, ActorName: p.User.Name,
		Act: act, Object: object, Details: details})
}

// auditUser writes into a person's own log what was done by or to their
// account outside of a session of theirs: a sign-in, a reset.
func (in *Install) auditUser(ctx context.Context, tx pgx.Tx, u User, act string, details map[string]any) error {
	return appendAudit(ctx, tx, auditEntry{Chain: u.ID, ActorKind: ActorPerson, ActorID: &u.ID, ActorName: u.Name, Act: act, Details: details})
}

// auditLock keeps two transactions from writing into one chain at once.
const auditLock int32 = 0x61756474

// appendAudit adds an entry to the end of its chain, in the transaction that
// does what it tells of: both are kept, or neither.
func appendAudit(ctx context.Context, tx pgx.Tx, e auditEntry) error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	details, err := json.Marshal(e.Details)
	if err != nil {
		return fmt.Errorf("encode audit details: %w", err)
	}
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1, hashtext($2))`, auditLock, e.Chain.String()); err != nil {
		return fmt.Errorf("lock audit log: %w", err)
	}
	var seq int64
	var before, salt []byte
	var at time.Time
	err = tx.QueryRow(ctx, `select i.salt, clock_timestamp(), coalesce(a.seq, 0), coalesce(a.hash, '') from installation i
		left join lateral (select seq, hash from audit where chain = $1 order by seq desc limit 1) a on true`, e.Chain).
		Scan(&salt, &at, &seq, &before)
	if err != nil {
		return fmt.Errorf("read the end of the audit log: %w", err)
	}
	origin := OriginOf(ctx)
	if origin.Key != uuid.Nil && e.ActorKind == ActorPerson {
		// A program did it in their name, and their name stays beside it.
		e.ActorKind, e.ActorID = ActorKey, &origin.Key
	}
	id := newID()
	row := auditRow{Chain: e.Chain, Seq: seq + 1, ID: id, Organization: e.Organization, At: at, ActorKind: e.ActorKind, ActorID: e.ActorID,
		Act: e.Act, Object: e.Object, Details: details, AddressHash: addressHash(salt, origin.Address)}
	if _, err := tx.Exec(ctx, `insert into audit (chain, seq, id, organization_id, at, actor_kind, actor_id, act, object, details, address_hash, hash)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`, row.Chain, row.Seq, row.ID, row.Organization, row.At, row.ActorKind,
		row.ActorID, row.Act, row.Object, row.Details, row.AddressHash, row.hash(before)); err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	if _, err := tx.Exec(ctx, `insert into audit_traces (audit_id, chain, actor_name, address, agent) values ($1, $2, $3, $4, $5)`,
		id, e.Chain, e.ActorName, origin.Address, printable(origin.Agent)); err != nil {
		return fmt.Errorf("write audit traces: %w", err)
	}
	return nil
}

// auditRow is an entry as it is kept.
type auditRow struct {
	Chain        uuid.UUID
	Seq          int64
	ID           uuid.UUID
	Organization *uuid.UUID
	At           time.Time
	ActorKind    ActorKind
	ActorID      *uuid.UUID
	Act, Object  string
	Details      []byte // JSON
	AddressHash  []byte
	Hash         []byte
}

// addressHash keeps what tells whether two entries came from one address, and
// not the address.
func addressHash(salt []byte, address string) []byte {
	if address == "" {
		return []byte{}
	}
	m := hmac.New(sha256.New, salt)
	m.Write([]byte(address))
	return m.Sum(nil)
}

// hash chains the row to the one before it. Each field is written with its
// length, so that no two rows read the same.
func (r *auditRow) hash(before []byte) []byte {
	h := sha256.New()
	field := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	id := func(u *uuid.UUID) {
		if u == nil {
			field(nil)
			return
		}
		field(u[:])
	}
	field(before)
	field(r.Chain[:])
	field(fmt.Append(nil, r.Seq))
	field(r.ID[:])
	id(r.Organization)
	field([]byte(r.At.UTC().Format(time.RFC3339Nano)))
	field([]byte(r.ActorKind))
	id(r.ActorID)
	field([]byte(r.Act))
	field([]byte(r.Object))
	field(canonicalJSON(r.Details))
	field(r.AddressHash)
	return h.Sum(nil)
}

// canonicalJSON writes an object with its keys in order: a jsonb column does
// not keep the order, nor the spaces, that it was given.
func canonicalJSON(raw []byte) []byte {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return raw
	}
	out, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return out
}

// BrokenAudit is a place where the audit log does not hold together.
type BrokenAudit struct {
	Chain uuid.UUID
	Seq   int64
	What  string
}

// VerifyAudit reads the whole audit log and returns where a row was changed,
// taken out or put in, and how many rows were read. At most 100 places are told.
func (in *Install) VerifyAudit(ctx context.Context) (rows int, broken []BrokenAudit, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		list, err := tx.Query(ctx, `select chain, seq, id, organization_id, at, actor_kind, actor_id, act, object, details, address_hash, hash
			from audit order by chain, seq`)
		if err != nil {
			return err
		}
		var last auditRow
		var r auditRow
		_, err = pgx.ForEachRow(list, []any{&r.Chain, &r.Seq, &r.ID, &r.Organization, &r.At, &r.ActorKind, &r.ActorID, &r.Act, &r.Object,
			&r.Details, &r.AddressHash, &r.Hash}, func() error {
			rows++
			if r.Chain != last.Chain || rows == 1 {
				last = auditRow{Chain: r.Chain}
			}
			switch {
			case r.Seq != last.Seq+1:
				broken = append(broken, BrokenAudit{r.Chain, r.Seq, "a row before it is missing"})
			case !hmac.Equal(r.Hash, r.hash(last.Hash)):
				broken = append(broken, BrokenAudit{r.Chain, r.Seq, "the row or the one before it was changed"})
			}
			last = r
			last.Hash = append([]byte(nil), r.Hash...)
			if len(broken) >= 100 {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("verify audit log: %w", err)
	}
	return rows, broken, nil
}

var errEnough = errors.New("enough was found")
