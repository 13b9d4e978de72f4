package networks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

var linkLike = regexp.MustCompile(`(?i)\b(?:https?://|www\.)\S+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/\S*)?`)

// Fingerprint names what a part says, in a way that survives what networks do
// to a text on its way: links are shortened, white space is folded, markup is
// taken out by the caller. Two parts with one fingerprint look alike to a reader.
func Fingerprint(text string, media int) string {
	text = norm.NFC.String(text)
	text = linkLike.ReplaceAllString(text, "")
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) && r != '\u200d'
	}), " ")
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", text, media))
	return hex.EncodeToString(sum[:16])
}
