//go:build ignore

// generate makes list.bin of a JSON list of passwords:
//
//	npm pack @zxcvbn-ts/language-common && tar xzf zxcvbn-ts-language-common-*.tgz
//	go run generate.go -from package/src/passwords.json -to list.bin
package main

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"log"
	"os"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// shortest is the fewest characters that an entry must have: shorter ones say
// nothing about a longer password that holds them.
const shortest = 4

func main() {
	from := flag.String("from", "passwords.json", "the `file` with the list")
	to := flag.String("to", "list.bin", "the `file` to write")
	flag.Parse()
	text, err := os.ReadFile(*from)
	if err != nil {
		log.Fatal(err)
	}
	var words []string
	if err := json.Unmarshal(text, &words); err != nil {
		log.Fatal(err)
	}
	var keys []string
	for _, w := range words {
		w = strings.ToLower(norm.NFKC.String(w))
		if len([]rune(w)) < shortest {
			continue
		}
		sum := sha256.Sum256([]byte(w))
		keys = append(keys, string(sum[:4]))
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if err := os.WriteFile(*to, []byte(strings.Join(keys, "")), 0o644); err != nil {
		log.Fatal(err)
	}
}
