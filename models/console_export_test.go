package models

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// SealedColumns lists the columns by which keys are rotated.
func SealedColumns() []string {
	var list []string
	for _, c := range sealedColumns {
		list = append(list, c.table+"."+c.column)
	}
	return list
}

// sample is a letter for tests.
type sample struct{ Text string }

func (sample) Kind() string { return "sample" }

// SealSamples puts one value of each kind that is not an account's token or a
// setting into the database.
func SealSamples(ctx context.Context, s *Store, w *Workspace) error {
	session := &Session{Token: NewToken(), Data: []byte("{}"), Person: &Person{store: s, User: w.Member}}
	in := s.Install("test")
	if err := in.SaveSession(ctx, session, "", ""); err != nil {
		return err
	}
	if err := w.BeginConnect(ctx, session, func(string) (Connecting, error) { return Connecting{Network: "x", Session: "verifier"}, nil }); err != nil {
		return err
	}
	return s.system(ctx, func(tx pgx.Tx) error {
		if err := s.post(ctx, tx, Addressee{Email: "a@example.com"}, sample{"hello"}); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into network_apps (network, site, redirect, sealed) values ('mastodon', 'https://m.example', 'https://r.example', $1)`,
			s.box.Seal([]byte("{}"), appAD("mastodon", "https://m.example", "https://r.example")))
		return err
	})
}

// SealMails puts n mails into the outbox.
func SealMails(ctx context.Context, s *Store, n int) error {
	return s.system(ctx, func(tx pgx.Tx) error {
		for range n {
			if err := s.post(ctx, tx, Addressee{Email: "a@example.com"}, sample{time.Kitchen}); err != nil {
				return err
			}
		}
		return nil
	})
}
