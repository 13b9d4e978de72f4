// Package commonpass knows passwords that many people use and that whoever
// guesses tries first.
//
// The list is the one of @zxcvbn-ts/language-common, made from published
// breaches and sorted by how often each was found. What is embedded are the
// first four bytes of each entry's SHA-256, in order: 4 bytes an entry,
// searched where they lie in the program, so that the process keeps no copy.
// One word in 86,000 looks like an entry and is none: its owner chooses another.
package commonpass

//go:generate go run generate.go -from passwords.json -to list.bin

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"sort"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// list is made by generate.go from @zxcvbn-ts/language-common 4.1.3 (MIT,
// https://github.com/zxcvbn-ts/zxcvbn), src/passwords.json, on 2026-11-25.
//
//go:embed list.bin
var list string

// width is how much of each hash is kept.
const width = 4

// most is how many characters around a common password make it no better.
const most = 4

// Has reports whether password is a common one, or one in other case, repeated,
// or with a few digits and signs around it: "Password1!".
func Has(password string) bool {
	p := strings.ToLower(norm.NFKC.String(password))
	word := repeated(p)
	if len([]rune(word)) < most || known(p) || known(word) {
		return true
	}
	letters := []rune(word)
	for head := 0; head <= most && head < len(letters) && (head == 0 || !unicode.IsLetter(letters[head-1])); head++ {
		for tail := 0; tail <= most && head+tail < len(letters) && (tail == 0 || !unicode.IsLetter(letters[len(letters)-tail])); tail++ {
			if core := letters[head : len(letters)-tail]; len(core) >= most && known(string(core)) {
				return true
			}
		}
	}
	return false
}

// repeated returns the shortest text that p is a repetition of; p itself when
// it is none.
func repeated(p string) string {
	if p == "" {
		return p
	}
	if i := strings.Index((p + p)[1:], p) + 1; len(p)%i == 0 {
		return p[:i]
	}
	return p
}

func known(word string) bool {
	want := key(word)
	n := len(list) / width
	at := func(i int) uint32 { return binary.BigEndian.Uint32([]byte(list[i*width : i*width+width])) }
	i := sort.Search(n, func(i int) bool { return at(i) >= want })
	return i < n && at(i) == want
}

func key(word string) uint32 {
	sum := sha256.Sum256([]byte(word))
	return binary.BigEndian.Uint32(sum[:width])
}
