package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/models"
)

// changeKeys changes the keys that seal tokens and credentials, or the one that
// signs access tokens, while the installation runs.
func changeKeys(ctx context.Context, p *program) error {
	do := map[string]func(context.Context, *installation, *seal.Box) error{"rotate": rotateKeys, "reseal": resealAll, "drop": dropKeys, "sign": signAnew}[strings.Join(p.config.Args, " ")]
	if do == nil {
		return errors.New("say what to do: allin keys rotate, allin keys reseal, allin keys drop or allin keys sign (settings come before the word)")
	}
	in, err := p.look(ctx)
	if err != nil {
		return err
	}
	defer in.close()
	return do(ctx, in, in.box)
}

func rotateKeys(ctx context.Context, in *installation, box *seal.Box) error {
	if err := box.Rotate(); err != nil {
		return err
	}
	if err := in.store.Install("keys rotate").NoteKeys(ctx, "keys.rotated", map[string]any{"keys": box.Len()}); err != nil {
		return err
	}
	fmt.Fprintln(in.out, "A new key is in the key file; everything is sealed with it from now on. Keep a copy of the file.")
	return resealAll(ctx, in, box)
}

func resealAll(ctx context.Context, in *installation, _ *seal.Box) error {
	install := in.store.Install("keys reseal")
	// What others sealed with the old key while the first walk went past is found by the second.
	sealed := 0
	for range 3 {
		r, err := install.Reseal(ctx)
		if err != nil {
			return err
		}
		sealed += r.Resealed
		if r.Old > 0 {
			continue
		}
		fmt.Fprintf(in.out, "%d of %d sealed values were sealed anew.\n", sealed, r.Values)
		return lost(r)
	}
	return errors.New("other processes go on sealing with an older key: give them the new key file, or start them again, and run allin keys reseal")
}

// lost is an error when values are there that no key opens.
func lost(r models.SealReport) error {
	if r.Lost == 0 {
		return nil
	}
	return fmt.Errorf("%d values open with no key in the key file: %s. Put the key file back that they were sealed with, or connect those accounts again",
		r.Lost, strings.Join(r.Closed, ", "))
}

// settle is how long before a look others may have taken the old key into hand.
const settle = 2 * time.Second

func dropKeys(ctx context.Context, in *installation, box *seal.Box) error {
	if err := resealAll(ctx, in, box); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settle):
	}
	install := in.store.Install("keys drop")
	r, err := install.CheckSealed(ctx)
	if err != nil {
		return err
	}
	if r.Old > 0 {
		return fmt.Errorf("%d values were just sealed with an older key, so none was dropped: give every process the new key file, and try again", r.Old)
	}
	n, err := box.Drop()
	if err != nil {
		return err
	}
	if n == 0 {
		_, err = fmt.Fprintln(in.out, "There is one key only: nothing was dropped.")
		return err
	}
	if err := install.NoteKeys(ctx, "keys.dropped", map[string]any{"dropped": n}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(in.out, "Older keys dropped: %d. Backups made before the last rotation open only with the key file of that time.\n", n)
	return err
}

func signAnew(ctx context.Context, in *installation, _ *seal.Box) error {
	install := in.store.Install("keys sign")
	kid, err := install.RotateSigningKey(ctx)
	if err != nil {
		return err
	}
	if err := install.NoteKeys(ctx, "keys.signing_rotated", map[string]any{"key": kid}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(in.out, "Key %s signs access tokens from now on. What the key before it signed holds for another 20 minutes at most.\n", kid)
	return err
}
