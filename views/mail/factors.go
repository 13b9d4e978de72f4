package mail

import (
	"fmt"

	"github.com/allin-platform/allin/models"
)

// factorChanged tells that how somebody signs in has changed.
func factorChanged(l models.FactorChanged) sheet {
	what, now := factor(l)
	told := what + " on " + moment(l.At, l.Zone) + "."
	return sheet{
		Subject:   what,
		Preheader: told,
		Lines: filled(told, now,
			"If it was not you, choose a new password at once, then look at how one can sign in to your account and remove what is not yours."),
		Button: link{"See how you sign in", l.Security},
		Small:  []string{"This is told to everybody whose way to sign in to AllIN changes. If it was you, there is nothing to do."},
	}
}

// factor says what happened, and what is different now.
func factor(l models.FactorChanged) (what, now string) {
	const out = "You were signed out everywhere else."
	switch {
	case l.What == "totp" && l.On:
		return "An authenticator app was added to your account", out
	case l.What == "totp":
		return "The authenticator app was removed from your account", out
	case l.What == "passkey" && l.On:
		return fmt.Sprintf("The passkey “%s” was added to your account", l.Which), out
	case l.What == "passkey":
		return fmt.Sprintf("The passkey “%s” was removed from your account", l.Which), out
	case l.What == "recovery codes":
		return "New recovery codes were made for your account", "The old ones no longer work."
	case l.What == "identity" && l.On:
		return "Sign-in with " + provider(l.Which) + " was linked to your account", "You can sign in with it from now on."
	case l.What == "identity":
		return "Sign-in with " + provider(l.Which) + " was unlinked from your account", "You can no longer sign in with it."
	}
	return "How you sign in was changed", ""
}

// provider is what people call the one with that key.
func provider(key string) string {
	switch key {
	case "google":
		return "Google"
	case "github":
		return "GitHub"
	}
	return "your provider"
}
