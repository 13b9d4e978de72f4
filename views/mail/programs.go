package mail

import "github.com/allin-platform/allin/models"

// refreshReused tells that a program was signed out because its token was used twice.
func refreshReused(l models.RefreshReused) sheet {
	who := "somebody"
	if l.Address != "" {
		who += " at " + l.Address
	}
	return sheet{
		Subject: "A program of yours was signed out",
		Lines: []string{
			"On " + moment(l.At, l.Zone) + " " + who + " used a refresh token of yours that had been used before, as happens when it has been copied. " +
				"That program was signed out everywhere.",
			"If you do not know why, change your password.",
		},
		Button: link{"Look at your devices", l.Devices},
	}
}
