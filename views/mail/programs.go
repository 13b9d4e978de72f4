package mail

import "github.com/allin-platform/allin/models"

// refreshReused tells that a program was signed out because its token was used twice.
func refreshReused(l models.RefreshReused) sheet {
	from := ""
	if l.Address != "" {
		from = ", from the address " + l.Address
	}
	return sheet{
		Subject: "A program of yours was signed out",
		Lines: []string{
			"A program that was signed in to your account on AllIN, such as an app or a script, was signed out.",
			"Its sign-in was used a second time on " + moment(l.At, l.Zone) + from + ". That happens when somebody has copied it.",
			"If you do not know why, change your password, then look at where you are signed in and sign out what is not yours.",
		},
		Button: link{"See where you are signed in", l.Devices},
		Small:  []string{"If the program is yours and you know why this happened, sign in there again: there is nothing else to do."},
	}
}
