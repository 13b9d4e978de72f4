package mail_test

import (
	"strings"
	"testing"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/gallery"
)

func TestTimesAreInTheReadersZone(t *testing.T) {
	at := time.Date(2026, time.November, 25, 23, 30, 0, 0, time.UTC)
	for zone, want := range map[string]string{
		"Europe/Berlin": "26 November 2026 at 00:30 (Berlin time)",
		"Asia/Kolkata":  "26 November 2026 at 05:00 (Kolkata time)",
		"UTC":           "25 November 2026 at 23:30 (UTC)",
		"":              "25 November 2026 at 23:30 (UTC)",
		"Nowhere/Land":  "25 November 2026 at 23:30 (UTC)",
	} {
		for _, l := range []models.Letter{
			models.NewSignInLetter{At: at, Zone: zone},
			models.FactorChanged{What: "totp", At: at, Zone: zone},
			models.Invitation{ExpiresAt: at, Zone: zone},
			models.ReviewAsked{Expires: at, Zone: zone},
			models.RefreshReused{At: at, Zone: zone},
			models.PasswordChangedLetter{At: at, Zone: zone},
			models.EmailChangedLetter{At: at, Zone: zone},
		} {
			m, err := gallery.Letter(l)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(strings.Fields(m.Text), " "), want) {
				t.Errorf("%s for %q does not say %q:\n%s", l.Kind(), zone, want, m.Text)
			}
		}
	}
}

func TestChangesOfFactorsInWords(t *testing.T) {
	for _, c := range []struct {
		letter models.FactorChanged
		want   string
	}{
		{models.FactorChanged{What: "totp", On: true}, "An authenticator app was added to your account"},
		{models.FactorChanged{What: "totp"}, "The authenticator app was removed from your account"},
		{models.FactorChanged{What: "passkey", Which: "Key", On: true}, "The passkey “Key” was added to your account"},
		{models.FactorChanged{What: "passkey", Which: "Key"}, "The passkey “Key” was removed from your account"},
		{models.FactorChanged{What: "recovery codes", On: true}, "New recovery codes were made for your account"},
		{models.FactorChanged{What: "identity", Which: "google", On: true}, "Sign-in with Google was linked to your account"},
		{models.FactorChanged{What: "identity", Which: "github"}, "Sign-in with GitHub was unlinked from your account"},
		{models.FactorChanged{What: "identity", Which: "oidc"}, "Sign-in with your provider was unlinked from your account"},
		{models.FactorChanged{What: "of another version"}, "How you sign in was changed"},
	} {
		m, err := gallery.Letter(c.letter)
		if err != nil {
			t.Fatal(err)
		}
		if m.Subject != c.want {
			t.Errorf("%+v: subject %q, want %q", c.letter, m.Subject, c.want)
		}
	}
}
