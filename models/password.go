package models

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/allin-platform/allin/internal/commonpass"
)

// Cost of argon2id: OWASP's second recommended setting, 19 MiB and two passes.
const (
	argonTime    = 2
	argonMemory  = 19 * 1024 // KiB
	argonThreads = 1
	argonKey     = 32
)

// hashing bounds how many passwords are hashed at once, for each takes its
// memory, and gives that memory back to the machine when a while has passed
// without any: a small server should stay small.
type hashing struct {
	slots chan struct{}
	idle  *time.Timer
}

func newHashing() *hashing {
	return &hashing{make(chan struct{}, max(1, runtime.NumCPU())), time.AfterFunc(math.MaxInt64, debug.FreeOSMemory)}
}

func (h *hashing) run(ctx context.Context, fn func()) error {
	select {
	case h.slots <- struct{}{}:
		defer func() {
			<-h.slots
			h.idle.Reset(2 * time.Second)
		}()
		fn()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hash returns the password's argon2id hash in PHC form.
func (h *hashing) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	var key []byte
	err := h.run(ctx, func() {
		key = argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, argonKey)
	})
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		b.EncodeToString(salt), b.EncodeToString(key)), nil
}

// nobodysHash is checked when there is no other, so that the answer takes as long.
const nobodysHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

var errHashFormat = errors.New("stored password hash is not argon2id in PHC form")

// check reports whether password is the one behind hash. Where there is no
// hash it takes as long, and none is right.
func (h *hashing) check(ctx context.Context, hash, password string) (bool, error) {
	if hash == "" {
		_, err := h.check(ctx, nobodysHash, password)
		return false, err
	}
	if len(password) > 4*maxPassword {
		password = password[:4*maxPassword] // no longer one was ever accepted
	}
	f := strings.Split(hash, "$")
	if len(f) != 6 || f[1] != "argon2id" {
		return false, errHashFormat
	}
	var version int
	var memory, passes uint32
	var threads uint8
	if _, err := fmt.Sscanf(f[2], "v=%d", &version); err != nil {
		return false, errHashFormat
	}
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil {
		return false, errHashFormat
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(f[4])
	want, err2 := base64.RawStdEncoding.DecodeString(f[5])
	if err1 != nil || err2 != nil {
		return false, errHashFormat
	}
	var got []byte
	err := h.run(ctx, func() {
		got = argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(len(want)))
	})
	if err != nil {
		return false, fmt.Errorf("check password: %w", err)
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// Passwords may have these many characters.
const (
	minPassword = 8
	maxPassword = 128
)

// validPassword checks a new password. about is what others know of the
// person: address, name, organization; none of it may be the password.
func validPassword(field, p string, about ...string) error {
	switch n := utf8.RuneCountInString(p); {
	case n < minPassword:
		return invalid(field, "The password needs at least %d characters.", minPassword)
	case n > maxPassword:
		return invalid(field, "The password may have at most %d characters.", maxPassword)
	case guessable(p, append(about, "allin")):
		return invalid(field, "This password is easy to guess for who knows you or AllIN. Choose another, such as a short sentence.")
	case commonpass.Has(p):
		return invalid(field, "Many people use this password, or one much like it, so it is tried first. Choose another, such as a short sentence.")
	}
	return nil
}

// guessable reports whether the password is one of the words that others know,
// or an address's part before the @, whatever the case, spaces, digits and signs.
func guessable(password string, about []string) bool {
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if !unicode.IsLetter(r) {
				return -1
			}
			return r
		}, strings.ToLower(norm.NFKC.String(s)))
	}
	p := letters(password)
	for _, a := range about {
		local, _, _ := strings.Cut(a, "@")
		for _, word := range append(strings.Fields(a), a, local) {
			if w := letters(word); len(w) > 2 && (p == w || p == w+w) || word != "" && strings.EqualFold(password, word) {
				return true
			}
		}
	}
	return false
}
