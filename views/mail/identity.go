package mail

import (
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

const notYou = "If it was not you, do nothing."

// signUp has the link that finishes a sign-up.
func signUp(l models.SignUpLetter) sheet {
	return sheet{
		Subject: "Finish signing up for AllIN",
		Lines: []string{"Somebody, probably you, asked to sign up with this address for AllIN, where teams write, plan and publish their social media posts. " +
			"Follow the link to choose your name and a password."},
		Button: link{"Finish signing up", l.URL},
		Small:  []string{"The link works once, within 2 hours. If it was not you, do nothing: no account is made."},
	}
}

// accountExists answers a sign-up with an address that has an account.
func accountExists(l models.AccountExistsLetter) sheet {
	return sheet{
		Subject: "You already have an account",
		Lines: []string{
			"Somebody, probably you, asked to sign up with this address. It has an account on AllIN already, so sign in with it: " +
				"the link is at the foot of this mail.",
			"If you have forgotten the password, choose a new one.",
		},
		Button: link{"Choose a new password", l.Reset},
		Small:  []string{"The link for a new password works once, within 30 minutes. If it was not you, do nothing: your account stays as it is."},
		Links:  []link{{"Sign in", l.SignIn}},
	}
}

// reset has the link that sets a new password.
func reset(l models.ResetLetter) sheet {
	return sheet{
		Subject: "Choose a new password",
		Lines:   []string{"Somebody, probably you, asked for a new password for your account on AllIN. When you set it, you are signed out everywhere else."},
		Button:  link{"Choose a new password", l.URL},
		Small:   []string{"The link works once, within 30 minutes; a newer one ends it. If it was not you, do nothing: your password stays as it is."},
	}
}

// noAccount answers who asked for a new password with an address that has no account.
func noAccount(l models.NoAccountLetter) sheet {
	return sheet{
		Subject: "There is no account with this address",
		Lines: []string{"Somebody, probably you, asked for a new password, but this address has no account on AllIN. " +
			"Perhaps you signed up with another address: try that one."},
		Button: link{"Sign in", l.SignIn},
		Small:  []string{notYou},
	}
}

// passwordChanged tells that the password is another one now.
func passwordChanged(l models.PasswordChangedLetter) sheet {
	return sheet{
		Subject: "Your password was changed",
		Lines: []string{
			"The password of your account on AllIN was changed on " + moment(l.At, l.Zone) + ", and you were signed out everywhere else.",
			"If it was not you, choose a new one at once, then look at where you are signed in: that link is at the foot of this mail.",
		},
		Button: link{"Choose a new password", l.Reset},
		Small:  []string{"If it was you, there is nothing to do."},
		Links:  []link{{"See where you are signed in", l.Devices}},
	}
}

// confirmEmail has the link that makes an address the person's new one.
func confirmEmail(l models.ConfirmEmailLetter) sheet {
	return sheet{
		Subject: "Confirm your new address",
		Lines:   []string{"Somebody, probably you, wants to use this address for their account on AllIN from now on: to sign in, and to get its mails."},
		Button:  link{"Use this address", l.URL},
		Small:   []string{"The link works once, within 2 hours. If it was not you, do nothing: nothing is changed."},
	}
}

// emailTaken tells an address's owner that another account wanted it.
func emailTaken(l models.EmailTakenLetter) sheet {
	return sheet{
		Subject: "Somebody wanted to use your address",
		Lines: []string{
			"Somebody asked to use this address for another account on AllIN. It belongs to yours, so nothing was changed.",
			"If that was you, sign in with this address instead.",
		},
		Button: link{"Sign in", l.SignIn},
		Small:  []string{notYou},
	}
}

// emailChanged tells the old address that the account has another one.
func emailChanged(l models.EmailChangedLetter) sheet {
	return sheet{
		Subject: "Your address was changed",
		Lines: []string{
			"The address of your account on AllIN was changed to " + l.To + " on " + moment(l.At, l.Zone) + ". You can no longer sign in with this one.",
			"If it was not you, take the change back. Then everybody is signed out of the account, and you get a mail with a link for a new password.",
		},
		Button: link{"Take the change back", l.Undo},
		Small:  []string{"The link works once, within 7 days. If it was you, there is nothing to do."},
	}
}

// newSignIn tells of a sign-in from a browser that was never seen.
func newSignIn(l models.NewSignInLetter) sheet {
	when := moment(l.At, l.Zone)
	if l.Address != "" {
		when += ", from the address " + l.Address
	}
	return sheet{
		Subject: "New sign-in to your account",
		Lines: []string{
			"Somebody, probably you, signed in to your account on AllIN from a browser that was not used for it before.",
		},
		Items:  []item{{Title: oneLine(ui.Browser(l.Agent)), Text: when}},
		Button: link{"See where you are signed in", l.Devices},
		After:  []string{"If it was not you, choose a new password at once, with the link at the foot of this mail. That signs everybody out."},
		Small:  []string{"If it was you, there is nothing to do."},
		Links:  []link{{"Choose a new password", l.Reset}},
	}
}
