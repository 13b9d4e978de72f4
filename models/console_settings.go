package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/networks"
)

// SignUpPolicies lists the policies, the most open first.
var SignUpPolicies = []SignUpPolicy{SignUpOpen, SignUpInvited, SignUpClosed}

// Kept tells when a setting was changed last, and by whom.
type Kept struct {
	At time.Time // zero: never, the default holds
	By string    // "" where it was not a person, or one who is gone
}

// SignUp reads who may make an account here.
func (c *Console) SignUp(ctx context.Context) (policy SignUpPolicy, kept Kept, err error) {
	if err := c.demand(ReadInstallation); err != nil {
		return "", kept, err
	}
	err = c.store.system(ctx, func(tx pgx.Tx) error {
		if policy, err = c.store.signUpPolicy(ctx, tx); err != nil {
			return err
		}
		kept, err = readKept(ctx, tx, signUpSetting)
		return err
	})
	return policy, kept, wrapped("read sign-up policy", err)
}

func readKept(ctx context.Context, tx pgx.Tx, name string) (Kept, error) {
	var k Kept
	err := tx.QueryRow(ctx, `select s.updated_at, coalesce(u.name, '') from settings s left join users u on u.id = s.updated_by
		where s.name = $1`, name).Scan(&k.At, &k.By)
	if errors.Is(err, pgx.ErrNoRows) {
		return Kept{}, nil
	}
	return k, err
}

// SetSignUp keeps who may make an account here.
func (c *Console) SetSignUp(ctx context.Context, policy SignUpPolicy) error {
	if err := c.demand(ChangeInstallation); err != nil {
		return err
	}
	if !slices.Contains(SignUpPolicies, policy) {
		return invalid("sign-up", "Choose who may sign up.")
	}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		before, err := c.store.signUpPolicy(ctx, tx)
		if err != nil || before == policy {
			return err
		}
		if err := c.store.setSetting(ctx, tx, signUpSetting, &c.Admin.ID, policy); err != nil {
			return err
		}
		return c.audit(ctx, tx, "setting.changed", "setting "+signUpSetting, map[string]any{"before": before, "after": policy})
	})
	return wrapped("change sign-up policy", err)
}

// keptApp is the app at a network that was entered in the console.
type keptApp struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

func appSetting(network string) string { return "app at " + network }

// ownApp returns the installation's app at a network with one address of its
// own: the environment's, or else the console's. It is read each time, so that
// what is entered holds at once in every process.
func (s *Store) ownApp(ctx context.Context, n networks.Network, redirect string) (networks.App, error) {
	app, err := n.Register(ctx, "", redirect)
	var missing *networks.Error
	if !errors.As(err, &missing) || missing.Kind != networks.Operator || n.Info().Connect.Portal == "" {
		return app, err
	}
	var kept keptApp
	found := false
	readErr := s.system(ctx, func(tx pgx.Tx) (err error) {
		found, err = s.setting(ctx, tx, appSetting(n.Info().Key), &kept)
		return err
	})
	if readErr != nil {
		return app, readErr
	}
	if !found {
		return app, err
	}
	return networks.App{ClientID: kept.ClientID, ClientSecret: kept.ClientSecret}, nil
}

// AppCredentials is what the console shows of the app at a network. The secret
// is never among it.
type AppCredentials struct {
	Network networks.Info
	// Needed: whoever runs the installation makes an app there by hand.
	Needed bool
	// Environment: the app comes from the environment, which wins.
	Environment bool
	ClientID    string // of the app that was entered here
	Kept        Kept   // of the app that was entered here
}

// Apps lists the networks with what is known of the installation's app there.
func (c *Console) Apps(ctx context.Context) ([]AppCredentials, error) {
	if err := c.demand(ReadInstallation); err != nil {
		return nil, err
	}
	var list []AppCredentials
	for _, key := range c.store.networks.Keys() {
		n, err := c.store.networks.Get(key, false)
		if err != nil {
			continue // only its imitation runs here
		}
		a := AppCredentials{Network: n.Info(), Needed: n.Info().Connect.Portal != ""}
		if a.Needed {
			_, err := n.Register(ctx, "", "")
			a.Environment = err == nil
		}
		list = append(list, a)
	}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		for i := range list {
			a := &list[i]
			var kept keptApp
			if found, err := c.store.setting(ctx, tx, appSetting(a.Network.Key), &kept); err != nil || !found {
				if err != nil {
					return err
				}
				continue
			}
			var err error
			if a.Kept, err = readKept(ctx, tx, appSetting(a.Network.Key)); err != nil {
				return err
			}
			a.ClientID = kept.ClientID
		}
		return nil
	})
	return list, wrapped("read app credentials", err)
}

// needsApp reports an error unless the network is one that an app is entered for.
func (c *Console) needsApp(network string) error {
	n, err := c.store.networks.Get(network, false)
	if err != nil || n.Info().Connect.Portal == "" {
		return &Error{Code: NotFound, Message: "There is no network of this name for which an app is entered."}
	}
	return nil
}

// SetApp keeps the installation's app at a network. An empty secret keeps the
// one that is there.
func (c *Console) SetApp(ctx context.Context, network, clientID, secret string) error {
	if err := c.demand(ChangeInstallation); err != nil {
		return err
	}
	if err := c.needsApp(network); err != nil {
		return err
	}
	clientID, secret = strings.TrimSpace(clientID), strings.TrimSpace(secret)
	fields := map[string]string{}
	if clientID == "" {
		fields["client-id"] = "Enter the client ID."
	}
	for field, v := range map[string]string{"client-id": clientID, "client-secret": secret} {
		if utf8.RuneCountInString(v) > 1000 {
			fields[field] = "Enter at most 1000 characters."
		}
	}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		var before keptApp
		found, err := c.store.setting(ctx, tx, appSetting(network), &before)
		if err != nil {
			return err
		}
		if secret == "" && !found {
			fields["client-secret"] = "Enter the client secret."
		}
		if len(fields) > 0 {
			return &Error{Code: Invalid, Message: "Some of this needs another look.", Fields: fields}
		}
		after := keptApp{ClientID: clientID, ClientSecret: secret}
		if secret == "" {
			after.ClientSecret = before.ClientSecret
		}
		if err := c.store.setSetting(ctx, tx, appSetting(network), &c.Admin.ID, after); err != nil {
			return err
		}
		// What waits because the app was missing or refused is tried again now.
		if _, err := tx.Exec(ctx, `update deliveries set next_at = now(), enqueued_at = null
			where state = 'waiting' and reason = 'operator' and network = $1`, network); err != nil {
			return err
		}
		return c.audit(ctx, tx, "app.changed", "network "+network, map[string]any{"id_changed": before.ClientID != after.ClientID,
			"secret_changed": before.ClientSecret != after.ClientSecret})
	})
	if err == nil {
		c.store.wakeClock()
	}
	return wrapped("keep app credentials", err)
}

// ForgetApp removes the app at a network that was entered here.
func (c *Console) ForgetApp(ctx context.Context, network string) error {
	if err := c.demand(ChangeInstallation); err != nil {
		return err
	}
	if err := c.needsApp(network); err != nil {
		return err
	}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from settings where name = $1`, appSetting(network))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return conflict("No app is kept for this network.")
		}
		return c.audit(ctx, tx, "app.removed", "network "+network, nil)
	})
	return wrapped("forget app credentials", err)
}

// CredentialsOf tells, by network that needs an app, where this installation has
// it from: "environment", "console", or "" where it has none.
func (in *Install) CredentialsOf(ctx context.Context) (map[string]string, error) {
	from := map[string]string{}
	for _, key := range in.networks.Keys() {
		n, err := in.networks.Get(key, false)
		if err != nil || n.Info().Connect.Portal == "" {
			continue
		}
		from[key] = ""
		if _, err := n.Register(ctx, "", ""); err == nil {
			from[key] = "environment"
		} else if _, err := in.ownApp(ctx, n, ""); err == nil {
			from[key] = "console"
		} else if e := (*networks.Error)(nil); !errors.As(err, &e) {
			return nil, fmt.Errorf("read app at %s: %w", key, err)
		}
	}
	return from, nil
}
