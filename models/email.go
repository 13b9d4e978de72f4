package models

import (
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// canonicalEmail is the one form in which an address is kept, looked for,
// counted and written to: Unicode's NFKC in lower case. Addresses that differ
// in case or in how a letter is encoded are one. A mail goes to the form that
// was looked for, never to a twin that somebody typed.
func canonicalEmail(v string) string {
	return norm.NFKC.String(strings.ToLower(norm.NFKC.String(strings.TrimSpace(v))))
}

func validEmail(v string) error {
	a, err := mail.ParseAddress(v)
	unseen := func(r rune) bool { return unicode.Is(unicode.Cf, r) || !unicode.IsPrint(r) || unicode.IsSpace(r) }
	if err != nil || a.Address != v || len(v) > 254 || strings.ContainsFunc(v, unseen) ||
		!strings.Contains(v[strings.LastIndex(v, "@")+1:], ".") && !strings.HasSuffix(v, "@localhost") {
		return invalid("email", "Enter an e-mail address, for example ann@example.com.")
	}
	return nil
}
