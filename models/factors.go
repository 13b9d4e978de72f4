package models

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// hasFactor is the SQL that tells whether the user in that column has a second factor.
func hasFactor(user string) string {
	return fmt.Sprintf(`(exists (select from totp_secrets f where f.user_id = %[1]s and f.confirmed_at is not null)
		or exists (select from passkeys f where f.user_id = %[1]s))`, user)
}

func factorNeeded(organization string) error {
	return &Error{Code: FactorNeeded, Message: organization + " is open only to people with a second factor. Set one up to go on."}
}

// SignInWays is how a person can prove who they are.
type SignInWays struct {
	Password     bool
	TOTP         *time.Time // since when; nil: off
	RecoveryLeft int
	Passkeys     []Passkey
	Identities   []Identity
}

// Factor reports whether there is a second factor.
func (w *SignInWays) Factor() bool { return w.TOTP != nil || len(w.Passkeys) > 0 }

// ways counts what opens the account by itself.
func (w *SignInWays) ways() int {
	n := len(w.Passkeys) + len(w.Identities)
	if w.Password {
		n++
	}
	return n
}

// SignInWays reads how the person can prove who they are.
func (p *Person) SignInWays(ctx context.Context) (*SignInWays, error) {
	var w *SignInWays
	err := p.rows(ctx, func(tx pgx.Tx) (err error) {
		w, err = signInWays(ctx, tx, p.User.ID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read ways of signing in: %w", err)
	}
	return w, nil
}

func signInWays(ctx context.Context, tx pgx.Tx, user uuid.UUID) (*SignInWays, error) {
	w := &SignInWays{}
	err := tx.QueryRow(ctx, `select password_hash <> '', (select confirmed_at from totp_secrets where user_id = u.id),
		(select count(*) from recovery_codes where user_id = u.id and used_at is null) from users u where id = $1`, user).
		Scan(&w.Password, &w.TOTP, &w.RecoveryLeft)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `select id, name, created_at, used_at from passkeys where user_id = $1 order by created_at`, user)
	if err != nil {
		return nil, err
	}
	if w.Passkeys, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Passkey]); err != nil {
		return nil, err
	}
	rows, err = tx.Query(ctx, `select id, provider, issuer, subject, email, created_at, used_at from identities where user_id = $1 order by created_at`, user)
	if err != nil {
		return nil, err
	}
	w.Identities, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (i Identity, err error) {
		return i, r.Scan(&i.ID, &i.Provider, &i.Issuer, &i.Subject, &i.Email, &i.CreatedAt, &i.UsedAt)
	})
	return w, err
}

// rows runs fn in one transaction that sees what is the person's.
func (p *Person) rows(ctx context.Context, fn func(tx pgx.Tx) error) error {
	return p.store.db.Rows(ctx, p.scope(), fn)
}

// lock makes changes of one person's ways of signing in follow one another, so
// that two at once cannot take away the last two.
func (p *Person) lock(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `select from users where id = $1 for update`, p.User.ID)
	return err
}

// turned does what goes with every change of a factor, in its transaction: the
// person's other sessions end, what was begun with the old factors is void,
// it is written down and told by mail.
func (p *Person) turned(ctx context.Context, tx pgx.Tx, current *Session, act, object string, letter FactorChanged) error {
	if err := p.store.Install("factors").endSessions(ctx, tx, p.User.ID, current); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `delete from challenges where user_id = $1`, p.User.ID); err != nil {
		return fmt.Errorf("end challenges: %w", err)
	}
	return p.told(ctx, tx, act, object, letter)
}

// told writes a change down and tells it by mail.
func (p *Person) told(ctx context.Context, tx pgx.Tx, act, object string, letter FactorChanged) error {
	if err := p.audit(ctx, tx, act, object, nil); err != nil {
		return err
	}
	letter.At, letter.Zone, letter.Security = p.store.now(), p.User.TimeZone, p.store.address("/settings/security")
	return p.store.post(ctx, tx, Addressee{Name: p.User.Name, Email: p.User.Email, User: &p.User.ID}, letter)
}

// Entering is somebody who has shown one proof of who they are and has to show
// a second one.
type Entering struct {
	Person   *Person
	How      string    // the first proof: "password", the provider's key
	Next     string    // path to go on to
	Identity *Identity // is linked to the account once they are in; nil for none
	Ways     *SignInWays
}

// entering is what is kept of it.
type entering struct {
	How, Next string
	Identity  *Identity
	Password  []byte // hash of the password's hash: when that changes, what was begun is void
}

// HasFactor reports whether a second factor is to be asked of the person.
func (p *Person) HasFactor(ctx context.Context) (bool, error) {
	var has bool
	err := p.rows(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select `+hasFactor("$1::uuid"), p.User.ID).Scan(&has)
	})
	if err != nil {
		return false, fmt.Errorf("look for a second factor: %w", err)
	}
	return has, nil
}

// BeginFactor keeps that somebody has shown their first proof, and returns the
// token with which the browser shows the second. It opens nothing by itself.
func (in *Install) BeginFactor(ctx context.Context, e Entering) (token string, err error) {
	id := e.Person.User.ID
	err = in.system(ctx, func(tx pgx.Tx) error {
		who, err := in.account(ctx, tx, id)
		if err != nil {
			return err
		}
		token, err = in.begin(ctx, tx, challenge{kind: factorChallenge, user: &id},
			entering{How: e.How, Next: e.Next, Identity: e.Identity, Password: tokenHash(who.passwordHash)})
		return err
	})
	return token, err
}

// Entering returns who it is that the second factor is asked of.
func (in *Install) Entering(ctx context.Context, token string) (e *Entering, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		e, err = in.entering(ctx, tx, token)
		return err
	})
	return e, err
}

func (in *Install) entering(ctx context.Context, tx pgx.Tx, token string) (*Entering, error) {
	c, kept := challenge{kind: factorChallenge}, entering{}
	if err := in.look(ctx, tx, &c, token, &kept); err != nil {
		return nil, err
	}
	who, err := in.account(ctx, tx, *c.user)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(kept.Password, tokenHash(who.passwordHash)) != 1 {
		return nil, errChallengeGone
	}
	ways, err := signInWays(ctx, tx, who.ID)
	if err != nil {
		return nil, fmt.Errorf("read ways of signing in: %w", err)
	}
	return &Entering{Person: who.person(in.Store), How: kept.How, Next: kept.Next, Identity: kept.Identity, Ways: ways}, nil
}

// entered ends the challenge: the second proof was shown.
func (in *Install) entered(ctx context.Context, tx pgx.Tx, token string, e *Entering) error {
	if _, err := tx.Exec(ctx, `delete from challenges where id = $1`, tokenHash(token)); err != nil {
		return fmt.Errorf("end challenge: %w", err)
	}
	if e.Identity == nil {
		return nil
	}
	return e.Person.keepIdentity(ctx, tx, *e.Identity)
}

// maxFactorTries is how many codes an account may try in an hour, wherever they
// are typed.
const maxFactorTries = 20

func (in *Install) throttleFactor(ctx context.Context, user uuid.UUID) error {
	return in.throttle(ctx, "factor:"+user.String(), maxFactorTries, time.Hour)
}

var errCode = &Error{Code: Invalid, Message: "This code is wrong or was used already.",
	Fields: map[string]string{"code": "This code is wrong or was used already. Wait for the next one and type that."}}

// PassCode lets in whoever has begun with token and types a code: of the
// authenticator app, or one of the recovery codes.
func (in *Install) PassCode(ctx context.Context, token, code string) (*Entering, error) {
	begun, err := in.Entering(ctx, token)
	if err != nil {
		return nil, err
	}
	if err := in.throttleFactor(ctx, begun.Person.User.ID); err != nil {
		return nil, err
	}
	var e *Entering
	err = in.system(ctx, func(tx pgx.Tx) error {
		if e, err = in.entering(ctx, tx, token); err != nil {
			return err
		}
		if err := in.useCode(ctx, tx, e.Person.User, code); err != nil {
			return err
		}
		return in.entered(ctx, tx, token, e)
	})
	if err != nil {
		return nil, err
	}
	in.wakeClock()
	return e, nil
}

// CheckFactor is the second factor of who signs in a program and not a browser:
// the code comes with the password. Somebody without a factor needs none.
func (in *Install) CheckFactor(ctx context.Context, p *Person, code string) error {
	has, err := p.HasFactor(ctx)
	if err != nil || !has {
		return err
	}
	if code == "" {
		return &Error{Code: FactorNeeded, Message: "This account has a second factor. Send a code of the authenticator app, or a recovery code, along with the password."}
	}
	if err := in.throttleFactor(ctx, p.User.ID); err != nil {
		return err
	}
	return in.system(ctx, func(tx pgx.Tx) error { return in.useCode(ctx, tx, p.User, code) })
}

// useCode uses a code up, or refuses it.
func (s *Store) useCode(ctx context.Context, tx pgx.Tx, u User, code string) error {
	code = strings.ToLower(strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, code))
	if len(code) == totpDigits {
		return s.useTOTP(ctx, tx, u.ID, code)
	}
	tag, err := tx.Exec(ctx, `update recovery_codes set used_at = now() where user_id = $1 and hash = $2 and used_at is null`,
		u.ID, recoveryHash(u.ID, code))
	if err != nil {
		return fmt.Errorf("use recovery code: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return errCode
	}
	return appendAudit(ctx, tx, auditEntry{Chain: u.ID, ActorKind: ActorPerson, ActorID: &u.ID, ActorName: u.Name, Act: "recovery_code.used"})
}

func recoveryHash(user uuid.UUID, code string) []byte {
	sum := sha256.Sum256([]byte(user.String() + ":" + code))
	return sum[:]
}

// AskingOrganizations names those of the person's organizations that ask for a second factor.
func (p *Person) AskingOrganizations(ctx context.Context) (names []string, err error) {
	err = p.rows(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `select o.name from memberships m join organizations o on o.id = m.organization_id
			where o.second_factor_required order by lower(o.name)`)
		if err != nil {
			return err
		}
		names, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list organizations that ask for a second factor: %w", err)
	}
	return names, nil
}

// FactorRequired reports whether the organization asks its people for a second factor.
func (w *Workspace) FactorRequired(ctx context.Context) (on bool, err error) {
	if err := w.Role.demand(ReadPosts); err != nil {
		return false, err
	}
	err = w.rows(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select second_factor_required from organizations where id = $1`, w.Organization.ID).Scan(&on)
	})
	if err != nil {
		return false, fmt.Errorf("read the organization's rules: %w", err)
	}
	return on, nil
}

// RequireFactor sets whether the organization is open only to people with a
// second factor. Whoever asks it of others has one.
func (w *Workspace) RequireFactor(ctx context.Context, on bool) error {
	if err := w.Role.demand(ManageOrganization); err != nil {
		return err
	}
	me := &Person{store: w.store, User: w.Member}
	has, err := me.HasFactor(ctx)
	if err != nil {
		return err
	}
	if on && !has {
		return conflict("Set up a second factor for yourself first: you could not open %s any more.", w.Organization.Name)
	}
	err = w.rows(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update organizations set second_factor_required = $2, updated_at = now()
			where id = $1 and second_factor_required <> $2`, w.Organization.ID, on)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return w.audit(ctx, tx, "organization.second_factor_required", "organization "+w.Organization.ID.String(),
			map[string]any{"before": !on, "after": on})
	})
	if err != nil {
		return fmt.Errorf("change the organization's rules: %w", err)
	}
	return nil
}
