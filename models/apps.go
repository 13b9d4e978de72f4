package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models/tenant"
	"github.com/allin-platform/allin/networks"
)

// App returns the credentials that AllIN shows at the server at site:
// those that the environment or the console holds, or those that the server
// handed out when AllIN introduced itself there for the first time, with that
// redirect address. An empty redirect takes any that is known.
func (in *Install) App(ctx context.Context, n networks.Network, site, redirect string) (networks.App, error) {
	if site == "" {
		return in.ownApp(ctx, n, redirect)
	}
	network := n.Info().Key
	var sealed []byte
	var known string
	err := in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select sealed, redirect from network_apps where network = $1 and site = $2 and ($3 = '' or redirect = $3)
			order by created_at desc limit 1`, network, site, redirect).Scan(&sealed, &known)
	})
	switch {
	case err == nil:
		return in.openApp(network, site, known, sealed)
	case !errors.Is(err, pgx.ErrNoRows):
		return networks.App{}, fmt.Errorf("find app: %w", err)
	}
	app, err := n.Register(ctx, site, redirect)
	if err != nil || redirect == "" {
		return app, err
	}
	plain, err := json.Marshal(app)
	if err != nil {
		return app, fmt.Errorf("encode app: %w", err)
	}
	sealed = in.box.Seal(plain, appAD(network, site, redirect))
	err = in.db.Rows(ctx, tenant.System(), func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `insert into network_apps (network, site, redirect, sealed) values ($1, $2, $3, $4)
			on conflict (network, site, redirect) do update set sealed = excluded.sealed`, network, site, redirect, sealed)
		return err
	})
	if err != nil {
		return app, fmt.Errorf("keep app: %w", err)
	}
	return app, nil
}

func appAD(network, site, redirect string) []byte {
	return seal.At("network_apps", "sealed", network, site+" "+redirect)
}

func (in *Install) openApp(network, site, redirect string, sealed []byte) (networks.App, error) {
	var app networks.App
	plain, err := in.box.Unseal(sealed, appAD(network, site, redirect))
	if err == nil {
		err = json.Unmarshal(plain, &app)
	}
	if err != nil {
		return app, fmt.Errorf("open app of %s: %w", site, err)
	}
	return app, nil
}
