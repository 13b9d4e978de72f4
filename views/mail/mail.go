// Package mail writes the mails: what a letter of package models says in
// words, as HTML and as plain text. A message is described once, as a sheet,
// and both come from it.
//
// To add a letter: a struct in models with a Kind method, a function here that
// makes a sheet of it (in the file of its area), a line in letters, and a
// sample in views/gallery/letters.go. A test finds letters that were forgotten.
package mail

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// letters are all that can be written, by the kind that stands in a mail's row.
var letters = map[string]func(content []byte) (sheet, error){
	models.NoticeLetter{}.Kind(): written(notice),
	models.DigestLetter{}.Kind(): written(digest),
	models.TestLetter{}.Kind():   written(test),

	models.SignUpLetter{}.Kind():          written(signUp),
	models.AccountExistsLetter{}.Kind():   written(accountExists),
	models.ResetLetter{}.Kind():           written(reset),
	models.NoAccountLetter{}.Kind():       written(noAccount),
	models.PasswordChangedLetter{}.Kind(): written(passwordChanged),
	models.ConfirmEmailLetter{}.Kind():    written(confirmEmail),
	models.EmailTakenLetter{}.Kind():      written(emailTaken),
	models.EmailChangedLetter{}.Kind():    written(emailChanged),
	models.NewSignInLetter{}.Kind():       written(newSignIn),

	models.FactorChanged{}.Kind(): written(factorChanged),

	models.Invitation{}.Kind(): written(invitation),

	models.ReviewAsked{}.Kind(): written(reviewAsked),

	models.RefreshReused{}.Kind(): written(refreshReused),
}

// Message is a mail in words.
type Message struct {
	Subject    string
	HTML, Text string
	// Unsubscribe is where one click ends mails of this kind; "" for those
	// that somebody asked for.
	Unsubscribe string
}

// ErrUnknown is a letter that this version cannot write: another version of
// AllIN posted it.
var ErrUnknown = errors.New("no words for this kind of mail")

// Render writes the letter of that kind.
func Render(kind string, content []byte) (Message, error) {
	write, ok := letters[kind]
	if !ok {
		return Message{}, fmt.Errorf("%w: %q", ErrUnknown, kind)
	}
	s, err := write(content)
	if err != nil {
		return Message{}, fmt.Errorf("read a letter of kind %q: %w", kind, err)
	}
	html, err := s.html()
	if err != nil {
		return Message{}, fmt.Errorf("write a letter of kind %q: %w", kind, err)
	}
	return Message{Subject: oneLine(s.Subject), HTML: html, Text: s.text(), Unsubscribe: s.Unsubscribe}, nil
}

// Known reports whether there are words for the kind.
func Known(kind string) bool { return letters[kind] != nil }

// written is the function that decodes a letter and hands it to words.
func written[L models.Letter](words func(L) sheet) func([]byte) (sheet, error) {
	return func(content []byte) (sheet, error) {
		var l L
		if err := json.Unmarshal(content, &l); err != nil {
			return sheet{}, err
		}
		return words(l), nil
	}
}

// moment is a time in words, in the zone of whoever reads it. A mail is kept
// and passed on, so it says which zone that is.
func moment(t time.Time, zone string) string {
	loc, err := models.LoadZone(zone)
	if err != nil {
		loc, zone = time.UTC, "UTC"
	}
	return t.In(loc).Format("2 January 2006 at 15:04") + " (" + ui.ZoneName(zone) + ")"
}

// oneLine keeps a subject short and on its line.
func oneLine(s string) string {
	const most = 150
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
