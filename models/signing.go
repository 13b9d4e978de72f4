package models

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/seal"
)

// How the keys are kept in a process.
const (
	signingAge     = 30 * time.Second // they are read again when they are older
	signingPause   = 5 * time.Second  // and, when a key is unknown, at most this often
	signingOverlap = 20 * time.Minute // a retired key verifies as long as anything that it signed can live
)

// signingLock keeps two processes from making the first key at once.
const signingLock int64 = 0x616c6c696e09

// signing is the process's copy of the keys that access tokens are signed with.
type signing struct {
	mu     sync.Mutex
	keys   map[string]ed25519.PrivateKey
	newest string // the one that signs
	read   time.Time
}

// signer returns the key that signs, with its id.
func (in *Install) signer(ctx context.Context) (string, ed25519.PrivateKey, error) {
	g := in.signing
	g.mu.Lock()
	defer g.mu.Unlock()
	if in.now().Sub(g.read) > signingAge {
		if err := in.readSigningKeys(ctx); err != nil {
			return "", nil, err
		}
	}
	return g.newest, g.keys[g.newest], nil
}

// verifier returns the public half of a key that is in use, nil for any other.
func (in *Install) verifier(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	g := in.signing
	g.mu.Lock()
	defer g.mu.Unlock()
	age := in.now().Sub(g.read)
	if _, known := g.keys[kid]; age > signingAge || !known && age > signingPause {
		if err := in.readSigningKeys(ctx); err != nil {
			return nil, err
		}
	}
	key, known := g.keys[kid]
	if !known {
		return nil, nil
	}
	return key.Public().(ed25519.PublicKey), nil
}

// readSigningKeys reads the keys that are in use, and makes the first.
func (in *Install) readSigningKeys(ctx context.Context) error {
	keys, newest := map[string]ed25519.PrivateKey{}, ""
	err := in.system(ctx, func(tx pgx.Tx) error {
		var err error
		if keys, newest, err = in.signingKeys(ctx, tx); err != nil || newest != "" {
			return err
		}
		if _, err = tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, signingLock); err != nil {
			return err
		}
		// Another process may have made it meanwhile.
		if keys, newest, err = in.signingKeys(ctx, tx); err != nil || newest != "" {
			return err
		}
		kid, key, err := in.addSigningKey(ctx, tx)
		newest, keys[kid] = kid, key
		return err
	})
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	in.signing.keys, in.signing.newest, in.signing.read = keys, newest, in.now()
	return nil
}

func (in *Install) signingKeys(ctx context.Context, tx pgx.Tx) (map[string]ed25519.PrivateKey, string, error) {
	keys, newest := map[string]ed25519.PrivateKey{}, ""
	rows, err := tx.Query(ctx, `select kid, sealed, retired_at is null from signing_keys
		where retired_at is null or retired_at > now() order by created_at, kid`)
	if err != nil {
		return nil, "", err
	}
	var kid string
	var sealed []byte
	var signs bool
	_, err = pgx.ForEachRow(rows, []any{&kid, &sealed, &signs}, func() error {
		seed, err := in.box.Unseal(sealed, signingAD(kid))
		if err != nil {
			return fmt.Errorf("open signing key %s: %w", kid, err)
		}
		keys[kid] = ed25519.NewKeyFromSeed(seed)
		if signs {
			newest = kid
		}
		return nil
	})
	return keys, newest, err
}

func (in *Install) addSigningKey(ctx context.Context, tx pgx.Tx) (string, ed25519.PrivateKey, error) {
	id, seed := make([]byte, 8), make([]byte, ed25519.SeedSize)
	rand.Read(id)
	rand.Read(seed)
	kid := hex.EncodeToString(id)
	if _, err := tx.Exec(ctx, `insert into signing_keys (kid, sealed, created_at) values ($1, $2, clock_timestamp())`,
		kid, in.box.Seal(seed, signingAD(kid))); err != nil {
		return "", nil, fmt.Errorf("keep signing key: %w", err)
	}
	return kid, ed25519.NewKeyFromSeed(seed), nil
}

func signingAD(kid string) []byte { return seal.At("signing_keys", "sealed", "", kid) }

// RotateSigningKey makes a new key sign access tokens. The old ones verify for
// another 20 minutes, which is longer than what they signed lives. It returns
// the new key's id.
func (in *Install) RotateSigningKey(ctx context.Context) (string, error) {
	var kid string
	err := in.system(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from signing_keys where retired_at < now()`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update signing_keys set retired_at = now() + $1::interval where retired_at is null`, signingOverlap); err != nil {
			return err
		}
		var err error
		kid, _, err = in.addSigningKey(ctx, tx)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("rotate signing keys: %w", err)
	}
	in.signing.mu.Lock()
	in.signing.read = time.Time{}
	in.signing.mu.Unlock()
	return kid, nil
}
