package models

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Overview is the installation at a glance.
type Overview struct {
	Users, Organizations, Accounts int
	Waiting                        int // deliveries that have not ended yet
}

// Overview counts what is there.
func (c *Console) Overview(ctx context.Context) (Overview, error) {
	var o Overview
	if err := c.demand(ReadInstallation); err != nil {
		return o, err
	}
	err := c.store.system(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `select (select count(*) from users), (select count(*) from organizations),
			(select count(*) from social_accounts where state <> 'disconnected'),
			(select count(*) from deliveries where state in ('scheduled', 'publishing', 'retrying', 'waiting'))`).
			Scan(&o.Users, &o.Organizations, &o.Accounts, &o.Waiting)
	})
	if err != nil {
		return o, fmt.Errorf("count the installation: %w", err)
	}
	return o, nil
}
