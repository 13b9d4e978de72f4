package mail

import (
	"fmt"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// notice tells of one thing that happened.
func notice(l models.NoticeLetter) sheet {
	return sheet{
		Subject: l.Title,
		Lines:   filled(l.Body),
		Button:  link{"Open in AllIN", l.Href},
		Small:   []string{fmt.Sprintf("You get this because you belong to %s on AllIN and want mail about this: %s.", l.Organization, lowerFirst(l.About))},
		Links:   []link{{"Choose what you are told", l.Settings}, {"No more mail about this", l.Unsubscribe}},

		Unsubscribe: l.Unsubscribe,
	}
}

// digest tells of several things.
func digest(l models.DigestLetter) sheet {
	n := len(l.Notices) + l.More
	s := sheet{
		Subject: fmt.Sprintf("%d new notifications", n),
		Title:   fmt.Sprintf("%d things happened", n),
		Button:  link{"See all in AllIN", l.Href},
		Small:   []string{"Several things happened within a short time, so they come in one mail."},
		Links:   []link{{"Choose what you are told", l.Settings}, {"No more notifications by mail", l.Unsubscribe}},

		Unsubscribe: l.Unsubscribe,
	}
	if l.Daily {
		s.Subject, s.Title = fmt.Sprintf("Your day on AllIN: %d notifications", n), "Since your last mail"
		s.Small = []string{"You asked for one mail a day. What you have read in the app already is left out."}
	}
	s.Small = append(s.Small, "The times are in "+ui.ZoneName(l.Zone)+".")
	if n == 1 {
		s.Subject, s.Title = l.Notices[0].Title, l.Notices[0].Title
	}
	for _, i := range l.Notices {
		s.Items = append(s.Items, item{Title: i.Title, Text: i.Body, Note: i.Organization + ", " + i.When, Href: i.Href})
	}
	if l.More > 0 {
		s.Button.Word = fmt.Sprintf("See all %d in AllIN", n)
	}
	return s
}

// test shows that mail arrives.
func test(l models.TestLetter) sheet {
	return sheet{
		Subject: "Mail from AllIN arrives",
		Lines: []string{
			"This is the test mail that you asked for. Invitations, links for new passwords and notifications come the same way.",
			"If it lay in the folder for junk, the domain it comes from has to vouch for its mails: set up SPF, DKIM and DMARC there.",
		},
		Button: link{"Open the outbox", l.Href},
		Small:  []string{fmt.Sprintf("%s asked for this mail in AllIN's console.", l.Name)},
	}
}

// filled are the strings that say something.
func filled(list ...string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}
