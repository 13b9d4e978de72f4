package models

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/allin-platform/allin/internal/seal"
)

// Codes of authenticator apps, as all of them make: RFC 6238 with SHA-1.
const (
	totpDigits = 6
	totpPeriod = 30 // seconds
	totpSecret = 20 // bytes
	totpSkew   = 1  // steps that a clock may be off, before and after
)

// TOTPSetUp is what an authenticator app has to be told.
type TOTPSetUp struct {
	Secret string // in base32, as it is typed
	URL    string // as it stands in the QR code
}

func totpAD(user uuid.UUID) []byte { return seal.At("totp_secrets", "sealed", "", user.String()) }

var errTOTPOn = conflict("An authenticator app is set up already. Remove it first to set up another.")

// SetUpTOTP returns the secret for an authenticator app. Until it was proved
// by a code it is good for nothing, and the same is shown again.
func (p *Person) SetUpTOTP(ctx context.Context) (*TOTPSetUp, error) {
	fresh := make([]byte, totpSecret)
	rand.Read(fresh)
	var secret []byte
	err := p.rows(ctx, func(tx pgx.Tx) error {
		if err := p.lock(ctx, tx); err != nil {
			return err
		}
		kept, confirmed, err := p.store.totp(ctx, tx, p.User.ID)
		switch {
		case err != nil:
			return err
		case confirmed:
			return errTOTPOn
		case kept != nil:
			secret = kept
			return nil
		}
		secret = fresh
		_, err = tx.Exec(ctx, `insert into totp_secrets (user_id, sealed) values ($1, $2)`, p.User.ID, p.store.box.Seal(secret, totpAD(p.User.ID)))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("set up authenticator app: %w", err)
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	return &TOTPSetUp{Secret: text, URL: totpURL(p.User.Email, text)}, nil
}

// totpURL is the address that authenticator apps read from a QR code.
func totpURL(account, secret string) string {
	return "otpauth://totp/AllIN:" + url.PathEscape(account) + "?secret=" + secret + "&issuer=AllIN"
}

// totp reads the secret of a user; nil where there is none.
func (s *Store) totp(ctx context.Context, tx pgx.Tx, user uuid.UUID) (secret []byte, confirmed bool, err error) {
	var sealed []byte
	err = tx.QueryRow(ctx, `select sealed, confirmed_at is not null from totp_secrets where user_id = $1`, user).Scan(&sealed, &confirmed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("find secret: %w", err)
	}
	if secret, err = s.box.Unseal(sealed, totpAD(user)); err != nil {
		return nil, false, fmt.Errorf("open secret: %w", err)
	}
	return secret, confirmed, nil
}

// totpStep is the step whose code it is, or 0: codes of the step before and
// after now count too.
func totpStep(secret []byte, code string, now time.Time) int64 {
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	step, found := now.Unix()/totpPeriod, int64(0)
	for d := int64(-totpSkew); d <= totpSkew; d++ {
		want, err := hotp.GenerateCodeCustom(text, uint64(step+d), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			found = step + d
		}
	}
	return found
}

// useTOTP uses a code of the user's authenticator app up, or refuses it.
func (s *Store) useTOTP(ctx context.Context, tx pgx.Tx, user uuid.UUID, code string) error {
	secret, confirmed, err := s.totp(ctx, tx, user)
	if err != nil {
		return err
	}
	if !confirmed {
		return errCode
	}
	return s.useStep(ctx, tx, user, totpStep(secret, code, s.now()))
}

// useStep marks the step as used: neither its code nor an earlier one is good again.
func (s *Store) useStep(ctx context.Context, tx pgx.Tx, user uuid.UUID, step int64) error {
	tag, err := tx.Exec(ctx, `update totp_secrets set last_step = $2 where user_id = $1 and last_step < $2`, user, step)
	if err != nil {
		return fmt.Errorf("use code: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return errCode
	}
	return nil
}

// TurnOnTOTP takes the first code as proof that the app knows the secret. It
// returns recovery codes when the person has none yet; they are never shown again.
func (p *Person) TurnOnTOTP(ctx context.Context, se *Session, code string) (codes []string, err error) {
	if err := p.store.Install("second factor").throttleFactor(ctx, p.User.ID); err != nil {
		return nil, err
	}
	code = strings.ReplaceAll(strings.TrimSpace(code), " ", "")
	err = p.rows(ctx, func(tx pgx.Tx) error {
		if err := p.lock(ctx, tx); err != nil {
			return err
		}
		secret, confirmed, err := p.store.totp(ctx, tx, p.User.ID)
		switch {
		case err != nil:
			return err
		case confirmed:
			return errTOTPOn
		case secret == nil:
			return errCode
		}
		if err := p.store.useStep(ctx, tx, p.User.ID, totpStep(secret, code, p.store.now())); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update totp_secrets set confirmed_at = now() where user_id = $1`, p.User.ID); err != nil {
			return err
		}
		if codes, err = p.firstRecoveryCodes(ctx, tx); err != nil {
			return err
		}
		return p.turned(ctx, tx, se, "factor.added", "totp", FactorChanged{What: "totp", On: true})
	})
	if err != nil {
		return nil, fmt.Errorf("turn on authenticator app: %w", err)
	}
	p.store.wakeClock()
	return codes, nil
}

// TurnOffTOTP forgets the authenticator app.
func (p *Person) TurnOffTOTP(ctx context.Context, se *Session) error {
	err := p.rows(ctx, func(tx pgx.Tx) error {
		if err := p.lock(ctx, tx); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `delete from totp_secrets where user_id = $1 and confirmed_at is not null`, p.User.ID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return notFound("authenticator app")
		}
		if err := p.dropRecoveryCodes(ctx, tx); err != nil {
			return err
		}
		return p.turned(ctx, tx, se, "factor.removed", "totp", FactorChanged{What: "totp"})
	})
	if err != nil {
		return fmt.Errorf("turn off authenticator app: %w", err)
	}
	p.store.wakeClock()
	return nil
}

// recoveryCount is how many recovery codes there are.
const recoveryCount = 10

// firstRecoveryCodes makes recovery codes for somebody who has none.
func (p *Person) firstRecoveryCodes(ctx context.Context, tx pgx.Tx) ([]string, error) {
	var some bool
	if err := tx.QueryRow(ctx, `select exists (select from recovery_codes where user_id = $1)`, p.User.ID).Scan(&some); err != nil || some {
		return nil, err
	}
	return p.makeRecoveryCodes(ctx, tx)
}

func (p *Person) makeRecoveryCodes(ctx context.Context, tx pgx.Tx) ([]string, error) {
	if _, err := tx.Exec(ctx, `delete from recovery_codes where user_id = $1`, p.User.ID); err != nil {
		return nil, fmt.Errorf("forget recovery codes: %w", err)
	}
	codes := make([]string, recoveryCount)
	for i := range codes {
		b := make([]byte, 10)
		rand.Read(b)
		code := strings.ToLower(base32.StdEncoding.EncodeToString(b))
		if _, err := tx.Exec(ctx, `insert into recovery_codes (user_id, hash) values ($1, $2)`, p.User.ID, recoveryHash(p.User.ID, code)); err != nil {
			return nil, fmt.Errorf("keep recovery code: %w", err)
		}
		codes[i] = code[:4] + "-" + code[4:8] + "-" + code[8:12] + "-" + code[12:]
	}
	return codes, nil
}

// dropRecoveryCodes forgets the recovery codes with the last second factor.
func (p *Person) dropRecoveryCodes(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `delete from recovery_codes where user_id = $1 and not `+hasFactor("$1::uuid"), p.User.ID)
	return err
}

// RenewRecoveryCodes makes new recovery codes; the old ones open nothing any more.
func (p *Person) RenewRecoveryCodes(ctx context.Context) (codes []string, err error) {
	err = p.rows(ctx, func(tx pgx.Tx) error {
		if err := p.lock(ctx, tx); err != nil {
			return err
		}
		var has bool
		if err := tx.QueryRow(ctx, `select `+hasFactor("$1::uuid"), p.User.ID).Scan(&has); err != nil {
			return err
		}
		if !has {
			return conflict("Recovery codes stand in for a second factor. Set one up first.")
		}
		if codes, err = p.makeRecoveryCodes(ctx, tx); err != nil {
			return err
		}
		return p.told(ctx, tx, "recovery_codes.renewed", "", FactorChanged{What: "recovery codes", On: true})
	})
	if err != nil {
		return nil, fmt.Errorf("renew recovery codes: %w", err)
	}
	p.store.wakeClock()
	return codes, nil
}
