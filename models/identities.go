package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/allin-platform/allin/models/tenant"
)

// Identity is who a person is at another provider. Issuer and Subject name
// them; the e-mail address is only told, and opens nothing.
type Identity struct {
	ID        uuid.UUID
	Provider  string // the key under which it is configured here
	Issuer    string
	Subject   string
	Email     string
	Verified  bool // the provider says that the address is theirs
	Name      string
	CreatedAt time.Time
	UsedAt    *time.Time
}

// Away is what is kept while a person is at a provider.
type Away struct {
	Provider string
	Session  string // goth's, with PKCE verifier and nonce: never leaves the server
	Next     string // path to go on to
}

// BeginAway keeps a for ten minutes and returns the state that travels with the
// person. Only the browser with that cookie comes back with it, and only once.
// person is who is signed in and wants the identity linked; nil signs in.
func (in *Install) BeginAway(ctx context.Context, browser string, person *Person, ip string, a func(state string) (Away, error)) error {
	if err := in.throttle(ctx, "away:ip:"+ip, 120, 15*time.Minute); err != nil {
		return err
	}
	c := challenge{kind: providerChallenge, browser: browser}
	if person != nil {
		c.user = &person.User.ID
	}
	state := NewToken()
	kept, err := a(state)
	if err != nil {
		return err
	}
	return in.system(ctx, func(tx pgx.Tx) error { return in.beginAs(ctx, tx, c, state, kept) })
}

// EndAway takes back what BeginAway kept under that state, once. Whoever comes
// with a state of another browser, of another provider or of another person, or
// a second time, gets nothing.
func (in *Install) EndAway(ctx context.Context, browser, provider, state string, person *Person) (a *Away, linking bool, err error) {
	c := challenge{kind: providerChallenge, browser: browser}
	a = &Away{}
	if err := in.system(ctx, func(tx pgx.Tx) error { return in.take(ctx, tx, &c, state, a) }); err != nil {
		return nil, false, err
	}
	if a.Provider != provider || c.user != nil && (person == nil || person.User.ID != *c.user) {
		return nil, false, errChallengeGone
	}
	return a, c.user != nil, nil
}

// SignInByIdentity returns whose identity that is, or nil when it is nobody's yet.
func (in *Install) SignInByIdentity(ctx context.Context, i Identity) (p *Person, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		var user uuid.UUID
		err := tx.QueryRow(ctx, `update identities set used_at = now() where issuer = $1 and subject = $2 returning user_id`, i.Issuer, i.Subject).Scan(&user)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("find identity: %w", err)
		}
		who, err := in.account(ctx, tx, user)
		if err != nil {
			return err
		}
		p = who.person(in.Store)
		return nil
	})
	return p, err
}

var errUnverified = &Error{Code: Forbidden,
	Message: "The provider does not say that this e-mail address is yours. Sign in with your password, and link the provider under Settings, Sign-in."}

// Meeting is an identity that belongs to nobody yet, and what is to become of it.
type Meeting struct {
	Identity Identity
	Next     string
	Account  string // address of the account that it may belong to; "" for none
}

// Meet keeps an identity that is nobody's yet for ten minutes. Where its address
// is that of an account, that account has to be proved; where it is nobody's, a
// new account may be made, as far as the policy allows.
func (in *Install) Meet(ctx context.Context, i Identity, next string) (token string, known bool, err error) {
	if !i.Verified || i.Email == "" {
		return "", false, errUnverified
	}
	err = in.system(ctx, func(tx pgx.Tx) error {
		c := challenge{kind: joinChallenge}
		var user uuid.UUID
		err := tx.QueryRow(ctx, `select id from users where lower(email) = lower($1) and suspended_at is null`, i.Email).Scan(&user)
		switch {
		case err == nil:
			c.kind, c.user, known = linkChallenge, &user, true
		case !errors.Is(err, pgx.ErrNoRows):
			return fmt.Errorf("look for an account: %w", err)
		default:
			if err := in.admitsNew(ctx, tx); err != nil {
				return err
			}
		}
		token, err = in.begin(ctx, tx, c, Meeting{Identity: i, Next: next})
		return err
	})
	return token, known, err
}

// admitsNew refuses new accounts where the policy does.
func (in *Install) admitsNew(ctx context.Context, tx pgx.Tx) error {
	policy, err := in.signUpPolicy(ctx, tx)
	if err != nil {
		return err
	}
	switch policy {
	case SignUpOpen:
		return nil
	case SignUpInvited:
		return &Error{Code: Forbidden, Message: "There is no account with this address here, and new ones are by invitation only. Open the link in your invitation, then link the provider under Settings, Sign-in."}
	}
	return &Error{Code: Forbidden, Message: "There is no account with this address here, and no new ones are made. Ask who runs this installation."}
}

// Meeting returns the identity that waits under the token: known says whether
// for the proof of an account, or for a new one.
func (in *Install) Meeting(ctx context.Context, token string, known bool) (m *Meeting, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		m, err = in.meeting(ctx, tx, token, known)
		return err
	})
	return m, err
}

func (in *Install) meeting(ctx context.Context, tx pgx.Tx, token string, known bool) (*Meeting, error) {
	c, m := challenge{kind: joinChallenge}, &Meeting{}
	if known {
		c.kind = linkChallenge
	}
	if err := in.look(ctx, tx, &c, token, m); err != nil {
		return nil, err
	}
	if c.user == nil {
		return m, nil
	}
	who, err := in.account(ctx, tx, *c.user)
	if err != nil {
		return nil, err
	}
	m.Account = who.Email
	return m, nil
}

// EndMeeting forgets the identity that waits under the token.
func (in *Install) EndMeeting(ctx context.Context, token string) error {
	return in.system(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `delete from challenges where id = $1`, tokenHash(token))
		return err
	})
}

// SignUpByIdentity makes an account for the identity that waits under the token, with an
// organization of its own and without a password.
func (in *Install) SignUpByIdentity(ctx context.Context, token string, s SignUp) (*Person, *Meeting, error) {
	m, err := in.Meeting(ctx, token, false)
	if err != nil {
		return nil, nil, err
	}
	s.Email, s.Password = m.Identity.Email, NewToken() // no password is kept; the check asks for one
	if err := s.tidy(false); err != nil {
		return nil, m, err
	}
	user := userRow{ID: newID(), Email: s.Email, Name: s.Name, TimeZone: s.Zone, WeekStart: 1, Theme: "system", PlatformRole: cmp.Or(s.Platform, PlatformUser)}
	p := &Person{store: in.Store, User: user.user()}
	err = in.db.Tx(ctx, tenant.System(), func(tx *tenant.Tx) error {
		if _, err := in.meeting(ctx, tx.PGX, token, false); err != nil {
			return err
		}
		if err := in.admitsNew(ctx, tx.PGX); err != nil {
			return err
		}
		org := organizationRow{ID: newID(), Name: s.Organization, TimeZone: s.Zone}
		for _, row := range []any{&user, &org, &membershipRow{OrganizationID: org.ID, UserID: user.ID, Role: Owner}} {
			if err := tx.Create(row).Error; err != nil {
				return err
			}
		}
		if _, err := tx.PGX.Exec(ctx, `update users set email_verified_at = now() where id = $1`, user.ID); err != nil {
			return err
		}
		if _, err := tx.PGX.Exec(ctx, `delete from challenges where id = $1`, tokenHash(token)); err != nil {
			return err
		}
		if err := in.signedUp(ctx, tx.PGX, user); err != nil {
			return err
		}
		return p.keepIdentity(ctx, tx.PGX, m.Identity)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil, m, errChallengeGone // somebody has taken the address meanwhile
	}
	if err != nil {
		return nil, m, fmt.Errorf("sign up by identity: %w", err)
	}
	in.wakeClock()
	return p, m, nil
}

// LinkIdentity makes an identity one of the person's.
func (p *Person) LinkIdentity(ctx context.Context, i Identity) error {
	if err := p.rows(ctx, func(tx pgx.Tx) error { return p.keepIdentity(ctx, tx, i) }); err != nil {
		return fmt.Errorf("link identity: %w", err)
	}
	p.store.wakeClock()
	return nil
}

func (p *Person) keepIdentity(ctx context.Context, tx pgx.Tx, i Identity) error {
	id := newID()
	tag, err := tx.Exec(ctx, `insert into identities (id, user_id, provider, issuer, subject, email) values ($1, $2, $3, $4, $5, $6)
		on conflict (issuer, subject) do nothing`, id, p.User.ID, i.Provider, i.Issuer, i.Subject, printable(i.Email))
	if err != nil {
		return fmt.Errorf("keep identity: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return conflict("This sign-in is linked to an account already. Unlink it there first.")
	}
	return p.told(ctx, tx, "identity.linked", "identity "+id.String(), FactorChanged{What: "identity", Which: i.Provider, On: true})
}

// UnlinkIdentity parts an identity from the person's account.
func (p *Person) UnlinkIdentity(ctx context.Context, id uuid.UUID) error {
	err := p.rows(ctx, func(tx pgx.Tx) error {
		if err := p.lock(ctx, tx); err != nil {
			return err
		}
		var provider string
		err := tx.QueryRow(ctx, `delete from identities where id = $1 and user_id = $2 returning provider`, id, p.User.ID).Scan(&provider)
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound("linked sign-in")
		}
		if err != nil {
			return err
		}
		if err := p.keepsAWay(ctx, tx); err != nil {
			return err
		}
		return p.told(ctx, tx, "identity.unlinked", "identity "+id.String(), FactorChanged{What: "identity", Which: provider})
	})
	if err != nil {
		return fmt.Errorf("unlink identity: %w", err)
	}
	p.store.wakeClock()
	return nil
}

// NameOf is the name that somebody new may be called, as the provider tells it.
func (i Identity) NameOf() string {
	if name := strings.TrimSpace(printable(i.Name)); name != "" {
		return name
	}
	name, _, _ := strings.Cut(i.Email, "@")
	return name
}
