package models

import (
	"context"
	"crypto/ed25519"

	"github.com/google/uuid"
)

// Signer, Sign and Audience let tests make tokens that are wrong in one point only.
func (in *Install) Signer(ctx context.Context) (string, ed25519.PrivateKey, error) {
	return in.signer(ctx)
}

func (in *Install) Sign(ctx context.Context, user, family, organization uuid.UUID) (string, error) {
	return in.sign(ctx, user, family, organization)
}

func (s *Store) Audience() string { return s.audience() }

// ForgetSigningKeys makes the process read its keys anew.
func (s *Store) ForgetSigningKeys() { *s.signing = signing{} }
