// Package ui holds the pieces that pages are built of: buttons, fields,
// badges, menus, dialogs. Each takes a small struct of its own and knows
// nothing of posts or people beyond what stands in it. Looks are in
// static/src/css, behaviour in static/src/js, keyed by data- attributes;
// views/gallery shows every piece in every state.
package ui

import (
	"hash/fnv"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sprite is where the icons are served; a symbol's name follows the "#".
const sprite = "/static/sprite.svg#"

// initials returns up to two letters that stand for a name.
func initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	if len(words) == 0 {
		return "?"
	}
	first, _ := utf8.DecodeRuneInString(words[0])
	letters := string(unicode.ToUpper(first))
	if len(words) > 1 {
		last, _ := utf8.DecodeRuneInString(words[len(words)-1])
		letters += string(unicode.ToUpper(last))
	}
	return letters
}

// hue picks one of eight tones for a name, always the same one.
func hue(name string) string {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	return strconv.Itoa(int(sum.Sum32() % 8))
}

// Plural is a number of things: "1 post", "3 posts".
func Plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

// or returns the first string that is not empty.
func or(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
