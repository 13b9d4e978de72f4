package models

import "time"

// FactorChanged tells a person that how they sign in has changed.
type FactorChanged struct {
	What     string    // "totp", "passkey", "recovery codes" or "identity"
	Which    string    // the passkey's name or the provider's; "" otherwise
	On       bool      // it was added; otherwise taken away
	At       time.Time // when
	Zone     string    // the person's
	Security string    // address of the page where it can be looked at
}

// Kind is "factor-changed".
func (FactorChanged) Kind() string { return "factor-changed" }
