package models

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Passkey is a key that a person's authenticator holds for AllIN.
type Passkey struct {
	ID        uuid.UUID
	Name      string
	CreatedAt time.Time
	UsedAt    *time.Time
}

const maxPasskeys = 20

// newParty is what passkeys are made for: the host of the configured origin,
// and no name that a request gives. It is nil where the origin has an address
// instead of a name, for which browsers make no passkeys.
func newParty(origin string) *webauthn.WebAuthn {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return nil
	}
	key := true
	party, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: "AllIN", RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{RequireResidentKey: &key,
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired},
	})
	if err != nil {
		return nil
	}
	return party
}

// HasPasskeys reports whether passkeys can be made for the configured origin.
func (s *Store) HasPasskeys() bool { return s.party != nil }

var errNoPasskeys = &Error{Code: Conflict, Message: "Passkeys need an address with a name, and this installation is reached under a number. Ask who runs it."}

var errPasskey = &Error{Code: Invalid, Message: "This passkey could not be used. Try again, or choose another way.",
	Fields: map[string]string{"passkey": "This passkey could not be used. Try again, or choose another way."}}

// refusedPasskey is errPasskey with what the log should know.
func refusedPasskey(why error) error {
	e := *errPasskey
	e.Err = why
	return &e
}

// holder is a person as an authenticator knows them.
type holder struct {
	user User
	keys []webauthn.Credential
}

// WebAuthnID is the user's id: it says nothing about who they are.
func (h *holder) WebAuthnID() []byte { return h.user.ID[:] }

// WebAuthnName is what tells a person's accounts apart.
func (h *holder) WebAuthnName() string { return h.user.Email }

// WebAuthnDisplayName is the person's name.
func (h *holder) WebAuthnDisplayName() string { return h.user.Name }

// WebAuthnCredentials are the person's passkeys.
func (h *holder) WebAuthnCredentials() []webauthn.Credential { return h.keys }

func readHolder(ctx context.Context, tx pgx.Tx, u User) (*holder, error) {
	rows, err := tx.Query(ctx, `select record from passkeys where user_id = $1 order by created_at`, u.ID)
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (k webauthn.Credential, err error) {
		var record []byte
		if err := r.Scan(&record); err != nil {
			return k, err
		}
		return k, json.Unmarshal(record, &k)
	})
	if err != nil {
		return nil, fmt.Errorf("list passkeys: %w", err)
	}
	return &holder{user: u, keys: keys}, nil
}

// Ceremony is what a browser needs to ask an authenticator: options for its
// script, and the token that comes back with the answer.
type Ceremony struct {
	Options []byte // JSON
	Token   string
}

// BeginPasskey asks an authenticator of the person's for a new passkey.
func (p *Person) BeginPasskey(ctx context.Context) (*Ceremony, error) {
	party := p.store.party
	if party == nil {
		return nil, errNoPasskeys
	}
	var c *Ceremony
	err := p.rows(ctx, func(tx pgx.Tx) error {
		h, err := readHolder(ctx, tx, p.User)
		if err != nil {
			return err
		}
		if len(h.keys) >= maxPasskeys {
			return conflict("You have %d passkeys, which is as many as AllIN keeps. Remove one first.", maxPasskeys)
		}
		options, session, err := party.BeginRegistration(h, webauthn.WithExclusions(webauthn.Credentials(h.keys).CredentialDescriptors()))
		if err != nil {
			return err
		}
		c, err = p.store.ceremony(ctx, tx, &p.User.ID, options.Response, session)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("begin passkey: %w", err)
	}
	return c, nil
}

func (s *Store) ceremony(ctx context.Context, tx pgx.Tx, user *uuid.UUID, options any, session *webauthn.SessionData) (*Ceremony, error) {
	text, err := json.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("encode options: %w", err)
	}
	token, err := s.begin(ctx, tx, challenge{kind: passkeyChallenge, user: user}, session)
	return &Ceremony{Options: text, Token: token}, err
}

// takeCeremony ends a ceremony, whatever comes of it: its challenge is good once.
func (in *Install) takeCeremony(ctx context.Context, token string) (user *uuid.UUID, session webauthn.SessionData, err error) {
	c := challenge{kind: passkeyChallenge}
	err = in.system(ctx, func(tx pgx.Tx) error { return in.take(ctx, tx, &c, token, &session) })
	return c.user, session, err
}

// AddPasskey keeps the passkey that an authenticator made. It returns recovery
// codes when the person has none yet; they are never shown again.
func (p *Person) AddPasskey(ctx context.Context, se *Session, token, name string, answer []byte) (codes []string, err error) {
	if p.store.party == nil {
		return nil, errNoPasskeys
	}
	name, err = passkeyName(name)
	if err != nil {
		return nil, err
	}
	user, session, err := p.store.Install("passkey").takeCeremony(ctx, token)
	if err != nil {
		return nil, err
	}
	if user == nil || *user != p.User.ID {
		return nil, errChallengeGone
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, refusedPasskey(err)
	}
	key, err := p.store.party.CreateCredential(&holder{user: p.User}, session, parsed)
	if err != nil {
		return nil, refusedPasskey(err)
	}
	record, err := json.Marshal(key)
	if err != nil {
		return nil, fmt.Errorf("encode passkey: %w", err)
	}
	id := newID()
	err = p.rows(ctx, func(tx pgx.Tx) error {
		if err := p.lock(ctx, tx); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `insert into passkeys (id, user_id, credential, record, sign_count, name) values ($1, $2, $3, $4, $5, $6)
			on conflict (credential) do nothing`, id, p.User.ID, key.ID, record, int64(key.Authenticator.SignCount), name)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return refusedPasskey(errors.New("the credential is known already"))
		}
		if codes, err = p.firstRecoveryCodes(ctx, tx); err != nil {
			return err
		}
		return p.turned(ctx, tx, se, "passkey.added", "passkey "+id.String(), FactorChanged{What: "passkey", Which: name, On: true})
	})
	if err != nil {
		return nil, fmt.Errorf("keep passkey: %w", err)
	}
	p.store.wakeClock()
	return codes, nil
}

func passkeyName(name string) (string, error) {
	name = strings.TrimSpace(printable(name))
	return name, validName("name", name, "a name for the passkey, such as the device it is on")
}

// RenamePasskey gives one of the person's passkeys another name.
func (p *Person) RenamePasskey(ctx context.Context, id uuid.UUID, name string) error {
	name, err := passkeyName(name)
	if err != nil {
		return err
	}
	err = p.rows(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update passkeys set name = $3 where id = $1 and user_id = $2`, id, p.User.ID, name)
		if err == nil && tag.RowsAffected() == 0 {
			return notFound("passkey")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("rename passkey: %w", err)
	}
	return nil
}

// RemovePasskey forgets one of the person's passkeys.
func (p *Person) RemovePasskey(ctx context.Context, se *Session, id uuid.UUID) error {
	err := p.rows(ctx, func(tx pgx.Tx) error {
		if err := p.lock(ctx, tx); err != nil {
			return err
		}
		var name string
		err := tx.QueryRow(ctx, `delete from passkeys where id = $1 and user_id = $2 returning name`, id, p.User.ID).Scan(&name)
		if errors.Is(err, pgx.ErrNoRows) {
			return notFound("passkey")
		}
		if err != nil {
			return err
		}
		if err := p.keepsAWay(ctx, tx); err != nil {
			return err
		}
		if err := p.dropRecoveryCodes(ctx, tx); err != nil {
			return err
		}
		return p.turned(ctx, tx, se, "passkey.removed", "passkey "+id.String(), FactorChanged{What: "passkey", Which: name})
	})
	if err != nil {
		return fmt.Errorf("remove passkey: %w", err)
	}
	p.store.wakeClock()
	return nil
}

// keepsAWay refuses what has taken away the last way of signing in.
func (p *Person) keepsAWay(ctx context.Context, tx pgx.Tx) error {
	ways, err := signInWays(ctx, tx, p.User.ID)
	if err != nil {
		return err
	}
	if ways.ways() == 0 {
		return conflict("This is your last way to sign in. Add another one first.")
	}
	return nil
}

// BeginPasskeySignIn asks whoever sits at the browser for a passkey of theirs,
// without knowing who it is.
func (in *Install) BeginPasskeySignIn(ctx context.Context, ip string) (*Ceremony, error) {
	if in.party == nil {
		return nil, errNoPasskeys
	}
	if err := in.throttle(ctx, "passkey:ip:"+ip, 300, 15*time.Minute); err != nil {
		return nil, err
	}
	options, session, err := in.party.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return nil, fmt.Errorf("begin passkey sign-in: %w", err)
	}
	var c *Ceremony
	err = in.system(ctx, func(tx pgx.Tx) error {
		c, err = in.ceremony(ctx, tx, nil, options.Response, session)
		return err
	})
	return c, err
}

// SignInByPasskey lets in whose passkey signed the challenge. It proves two
// things at once, what they have and who they are, so nothing more is asked.
func (in *Install) SignInByPasskey(ctx context.Context, token string, answer []byte, ip string) (*Person, error) {
	if in.party == nil {
		return nil, errNoPasskeys
	}
	if err := in.throttle(ctx, "sign-in:ip:"+ip, 60, 15*time.Minute); err != nil {
		return nil, err
	}
	user, session, err := in.takeCeremony(ctx, token)
	if err != nil {
		return nil, err
	}
	if user != nil {
		return nil, errChallengeGone // it was begun by somebody who was known
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, refusedPasskey(err)
	}
	var p *Person
	err = in.system(ctx, func(tx pgx.Tx) error {
		var owner User
		find := func(rawID, handle []byte) (webauthn.User, error) {
			var id uuid.UUID
			if err := tx.QueryRow(ctx, `select user_id from passkeys where credential = $1`, rawID).Scan(&id); err != nil {
				return nil, err
			}
			if !bytes.Equal(id[:], handle) {
				return nil, errors.New("the user handle is another person's")
			}
			who, err := in.account(ctx, tx, id)
			if err != nil {
				return nil, err
			}
			owner = who.User
			return readHolder(ctx, tx, who.User)
		}
		_, key, err := in.party.ValidatePasskeyLogin(find, session, parsed)
		if err != nil {
			return refusedPasskey(err)
		}
		p = &Person{store: in.Store, User: owner}
		return in.usedPasskey(ctx, tx, owner.ID, key)
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// BeginFactorPasskey asks whoever has shown their first proof for a passkey.
func (in *Install) BeginFactorPasskey(ctx context.Context, token string) (*Ceremony, error) {
	if in.party == nil {
		return nil, errNoPasskeys
	}
	var c *Ceremony
	err := in.system(ctx, func(tx pgx.Tx) error {
		e, err := in.entering(ctx, tx, token)
		if err != nil {
			return err
		}
		h, err := readHolder(ctx, tx, e.Person.User)
		if err != nil {
			return err
		}
		options, session, err := in.party.BeginLogin(h, webauthn.WithUserVerification(protocol.VerificationRequired))
		if err != nil {
			return refusedPasskey(err) // there is none
		}
		c, err = in.ceremony(ctx, tx, &e.Person.User.ID, options.Response, session)
		return err
	})
	return c, err
}

// PassPasskey lets in whoever has begun with token and whose passkey signed the
// ceremony's challenge.
func (in *Install) PassPasskey(ctx context.Context, token, ceremony string, answer []byte) (*Entering, error) {
	if in.party == nil {
		return nil, errNoPasskeys
	}
	begun, err := in.Entering(ctx, token)
	if err != nil {
		return nil, err
	}
	if err := in.throttleFactor(ctx, begun.Person.User.ID); err != nil {
		return nil, err
	}
	user, session, err := in.takeCeremony(ctx, ceremony)
	if err != nil {
		return nil, err
	}
	if user == nil || *user != begun.Person.User.ID {
		return nil, errChallengeGone
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, refusedPasskey(err)
	}
	var e *Entering
	err = in.system(ctx, func(tx pgx.Tx) error {
		if e, err = in.entering(ctx, tx, token); err != nil {
			return err
		}
		h, err := readHolder(ctx, tx, e.Person.User)
		if err != nil {
			return err
		}
		key, err := in.party.ValidateLogin(h, session, parsed)
		if err != nil {
			return refusedPasskey(err)
		}
		if err := in.usedPasskey(ctx, tx, e.Person.User.ID, key); err != nil {
			return err
		}
		return in.entered(ctx, tx, token, e)
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// usedPasskey keeps the authenticator's counter. One that does not go up is a
// copy's: the passkey is refused.
func (s *Store) usedPasskey(ctx context.Context, tx pgx.Tx, user uuid.UUID, key *webauthn.Credential) error {
	if key.Authenticator.CloneWarning {
		return refusedPasskey(errors.New("the passkey's counter went back: there may be a copy of it"))
	}
	record, err := json.Marshal(key)
	if err != nil {
		return fmt.Errorf("encode passkey: %w", err)
	}
	tag, err := tx.Exec(ctx, `update passkeys set record = $3, sign_count = $4, used_at = now()
		where credential = $1 and user_id = $2 and (sign_count < $4 or sign_count = 0 and $4 = 0)`,
		key.ID, user, record, int64(key.Authenticator.SignCount))
	if err != nil {
		return fmt.Errorf("keep the passkey's use: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return refusedPasskey(errors.New("the passkey's counter was used already"))
	}
	return nil
}
