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

// SignUp is what somebody gives to get an account.
type SignUp struct {
	Name, Email, Password string
	Organization          string // name of their first organization
	Zone                  string
	Demo                  bool         // marks the organization as a demonstration
	Platform              PlatformRole // "": PlatformUser
}

// tidy trims what people type and finds what is wrong with it, field by field.
// Who joins an organization names none.
func (s *SignUp) tidy(joins bool) error {
	s.Name, s.Email, s.Organization = strings.TrimSpace(s.Name), canonicalEmail(s.Email), strings.TrimSpace(s.Organization)
	fields := map[string]string{}
	check := func(err error) {
		var e *Error
		if errors.As(err, &e) {
			for k, v := range e.Fields {
				fields[k] = v
			}
		}
	}
	check(validName("name", s.Name, "your name"))
	if !joins {
		check(validName("organization", s.Organization, "your organization's name"))
	}
	check(validEmail(s.Email))
	check(validPassword("password", s.Password, s.Email, s.Name, s.Organization))
	_, err := LoadZone(s.Zone)
	check(err)
	if len(fields) > 0 {
		return &Error{Code: Invalid, Message: "Some of this needs another look.", Fields: fields}
	}
	return nil
}

// SignUp makes a person with an organization of their own. Their address
// counts as confirmed: the ways that lead here prove it first.
func (in *Install) SignUp(ctx context.Context, s SignUp, ip string) (*Person, error) {
	if err := in.throttle(ctx, "sign-up:ip:"+neighbourhood(ip), asksFrom, asksEach); err != nil {
		return nil, err
	}
	return in.enroll(ctx, s, false, nil)
}

// enroll makes an account. Who joins gets no organization of their own. with
// does in the same transaction what gives the right to it: it uses up a link,
// makes a membership.
func (in *Install) enroll(ctx context.Context, s SignUp, joins bool, with func(tx *tenant.Tx, u User) error) (*Person, error) {
	if err := s.tidy(joins); err != nil {
		return nil, err
	}
	hash, err := in.passwords.hash(ctx, s.Password)
	if err != nil {
		return nil, err
	}
	now := in.now()
	row := userRow{ID: newID(), Email: s.Email, Name: s.Name, PasswordHash: hash, TimeZone: s.Zone, WeekStart: 1, Theme: "system",
		PlatformRole: cmp.Or(s.Platform, PlatformUser), EmailVerifiedAt: &now}
	user := row.user()
	err = in.db.Tx(ctx, tenant.System(), func(tx *tenant.Tx) error {
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		if !joins {
			org := organizationRow{ID: newID(), Name: s.Organization, TimeZone: s.Zone, Demo: s.Demo}
			if err := tx.Create(&org).Error; err != nil {
				return err
			}
			if err := tx.Create(&membershipRow{OrganizationID: org.ID, UserID: row.ID, Role: Owner}).Error; err != nil {
				return err
			}
		}
		if with != nil {
			if err := with(tx, user); err != nil {
				return err
			}
		}
		return in.signedUp(ctx, tx.PGX, row)
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return nil, invalid("email", "This address has an account already. Sign in, or reset its password.")
	}
	if err != nil {
		return nil, fmt.Errorf("sign up: %w", err)
	}
	return &Person{store: in.Store, User: user}, nil
}

// The link that finishes a sign-up.
const (
	signUpLink LinkKind = "sign-up"
	signUpLife          = 2 * time.Hour
)

// errSignUp is the answer where nobody may make an account by themselves.
func errSignUp(policy SignUpPolicy) error {
	if policy == SignUpInvited {
		return &Error{Code: Forbidden, Message: "People come in by invitation here. Ask an owner or admin of your organization to invite you."}
	}
	return &Error{Code: Forbidden, Message: "This installation takes nobody new at the moment. Ask whoever runs it."}
}

// AskSignUp has a mail sent to the address: with the link that finishes the
// sign-up, or, where there is an account already, with ways into it. Whoever
// asks learns nothing of that: the same is done and answered in both cases.
func (in *Install) AskSignUp(ctx context.Context, email, ip string) error {
	email = canonicalEmail(email)
	if err := validEmail(email); err != nil {
		return err
	}
	if err := in.throttleAsk(ctx, "ask-sign-up", email, ip); err != nil {
		return err
	}
	err := in.system(ctx, func(tx pgx.Tx) error {
		policy, err := in.signUpPolicy(ctx, tx)
		if err != nil {
			return err
		}
		if policy != SignUpOpen {
			return errSignUp(policy)
		}
		return in.mailLink(ctx, tx, email, signUpLink, signUpLife, resetLink, resetLife,
			func(token string) Letter { return SignUpLetter{URL: in.address("/sign-up/" + token)} },
			func(token string) Letter {
				return AccountExistsLetter{SignIn: in.address("/sign-in"), Reset: in.address("/reset/" + token)}
			})
	})
	if err != nil {
		return fmt.Errorf("ask to sign up: %w", err)
	}
	in.wakeClock()
	return nil
}

// mailLink makes a link and posts the letter that holds it: for an address
// without an account, or for the person whose it is. Both take the same
// statements, so that the time tells nothing.
func (in *Install) mailLink(ctx context.Context, tx pgx.Tx, email string, unknown LinkKind, unknownLife time.Duration, known LinkKind, knownLife time.Duration,
	toUnknown, toKnown func(token string) Letter) error {
	kind, life, letter, to := unknown, unknownLife, toUnknown, Addressee{Email: email}
	var id uuid.UUID
	var name string
	switch err := tx.QueryRow(ctx, `select id, name from users where lower(email) = $1`, email).Scan(&id, &name); {
	case err == nil:
		kind, life, letter, to = known, knownLife, toKnown, Addressee{Name: name, Email: email, User: &id}
	case !errors.Is(err, pgx.ErrNoRows):
		return fmt.Errorf("look for the address: %w", err)
	}
	token, err := in.makeLink(ctx, tx, kind, to.User, email, life, nil)
	if err != nil {
		return err
	}
	return in.post(ctx, tx, to, letter(token))
}

// SignUpLink returns the address for which the link finishes a sign-up.
func (in *Install) SignUpLink(ctx context.Context, token string) (email string, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		l, err := in.signUpLink(ctx, tx, token, in.readLink)
		if err == nil {
			email = l.Email
		}
		return err
	})
	return email, err
}

// signUpLink is the link while the policy still lets it finish anything.
func (in *Install) signUpLink(ctx context.Context, tx pgx.Tx, token string,
	find func(context.Context, pgx.Tx, LinkKind, string) (*Link, error)) (*Link, error) {
	policy, err := in.signUpPolicy(ctx, tx)
	if err != nil {
		return nil, err
	}
	if policy != SignUpOpen {
		return nil, errSignUp(policy)
	}
	return find(ctx, tx, signUpLink, token)
}

// FinishSignUp makes the account for the address that the link was mailed to.
func (in *Install) FinishSignUp(ctx context.Context, token string, s SignUp) (*Person, error) {
	email, err := in.SignUpLink(ctx, token)
	if err != nil {
		return nil, err
	}
	s.Email = email
	return in.enroll(ctx, s, false, func(tx *tenant.Tx, _ User) error {
		_, err := in.signUpLink(ctx, tx.PGX, token, in.useLink)
		return err
	})
}

// signedUp writes down that an account was made, in whichever way.
func (in *Install) signedUp(ctx context.Context, tx pgx.Tx, u userRow) error {
	return in.auditUser(ctx, tx, u.user(), "person.signed_up", map[string]any{"platform_role": u.PlatformRole})
}
