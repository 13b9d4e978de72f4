package models

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// keepDevices is how long a browser stays known in which the person does not sign in.
const keepDevices = 400 * 24 * time.Hour

// Arrive notes that the person has signed in, by the means that how names, in
// the browser that has the token in a cookie. One in which they never were is
// told by mail, unless the person has only just come: then all of them are new.
func (in *Install) Arrive(ctx context.Context, p *Person, token, how string) error {
	told := false
	err := in.system(ctx, func(tx pgx.Tx) error {
		var known, others bool
		id := deviceHash(p.User.ID, token)
		if err := tx.QueryRow(ctx, `select coalesce(bool_or(id = $2), false), count(*) > 0 from known_devices where user_id = $1`, p.User.ID, id).
			Scan(&known, &others); err != nil {
			return fmt.Errorf("look at known devices: %w", err)
		}
		if _, err := tx.Exec(ctx, `insert into known_devices (user_id, id) values ($1, $2)
			on conflict (user_id, id) do update set seen_at = now()`, p.User.ID, id); err != nil {
			return fmt.Errorf("keep device: %w", err)
		}
		if told = others && !known; told {
			at := OriginOf(ctx)
			if err := in.post(ctx, tx, Addressee{Name: p.User.Name, Email: p.User.Email, User: &p.User.ID}, NewSignInLetter{
				At: in.now(), Zone: p.User.TimeZone, Agent: printable(at.Agent), Address: at.Address,
				Devices: in.address("/settings/devices"), Reset: in.address("/forgot")}); err != nil {
				return err
			}
		}
		return in.auditUser(ctx, tx, p.User, "session.signed_in", map[string]any{"how": how, "new_browser": !known})
	})
	if err != nil {
		return fmt.Errorf("note the sign-in: %w", err)
	}
	if told {
		in.wakeClock()
	}
	return nil
}

// deviceHash is of the browser and the person: what is kept does not tell that
// two people use one browser.
func deviceHash(user uuid.UUID, token string) []byte {
	h := sha256.New()
	h.Write(user[:])
	h.Write([]byte(token))
	return h.Sum(nil)
}
