package gallery

import (
	"encoding/json"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/mail"
)

const (
	sampleOrigin = "https://allin.example"
	sampleToken  = "sample-0pVv1kq3Zy7TgH2mXc9dRbLw5sNfJeUaQoKi" // as long as a real one
)

var sampleMoment = time.Date(2026, time.November, 25, 14, 4, 0, 0, time.UTC)

// Letters is a sample of every mail; views/mail is tested with them.
var Letters = []models.Letter{
	models.NoticeLetter{Title: "Not sent to Mastodon", Body: "Mastodon refused the post: the picture has no description, and this server wants one. Add it and send the post again.",
		About: "Posts that were not sent", Organization: "Nordlicht Studio", Href: sampleOrigin + "/notifications/0190c0de-0000-7000-8000-000000000001",
		Settings: sampleOrigin + "/settings/notifications", Unsubscribe: sampleOrigin + "/unsubscribe/sample"},
	models.DigestLetter{Daily: true, Zone: "Europe/Berlin", More: 2, Href: sampleOrigin + "/notifications", Settings: sampleOrigin + "/settings/notifications",
		Unsubscribe: sampleOrigin + "/unsubscribe/sample", Notices: []models.DigestItem{
			{Title: "@morgenrot.example must be connected again", Body: "Bluesky ended AllIN's access. What is scheduled there waits.", Organization: "Café Morgenrot",
				When: "Tue 24 Nov, 14:03", Href: sampleOrigin + "/notifications/1"},
			{Title: "Is this post live on X?", Body: "X gave no answer. Look whether the post is there, and say so.", Organization: "Nordlicht Studio",
				When: "Tue 24 Nov, 09:30", Href: sampleOrigin + "/notifications/2"},
		}},
	models.TestLetter{Name: "Mara Lindqvist", Href: sampleOrigin + "/console/mail"},

	models.SignUpLetter{URL: sampleOrigin + "/sign-up/" + sampleToken},
	models.AccountExistsLetter{SignIn: sampleOrigin + "/sign-in", Reset: sampleOrigin + "/reset/" + sampleToken},
	models.ResetLetter{URL: sampleOrigin + "/reset/" + sampleToken},
	models.NoAccountLetter{SignIn: sampleOrigin + "/sign-in"},
	models.PasswordChangedLetter{At: sampleMoment, Zone: "Europe/Berlin", Reset: sampleOrigin + "/forgot", Devices: sampleOrigin + "/settings/devices"},
	models.ConfirmEmailLetter{URL: sampleOrigin + "/email/confirm/" + sampleToken},
	models.EmailTakenLetter{SignIn: sampleOrigin + "/sign-in"},
	models.EmailChangedLetter{At: sampleMoment, Zone: "Europe/Berlin", To: "m…@lindqvist.example", Undo: sampleOrigin + "/email/undo/" + sampleToken},
	models.NewSignInLetter{At: sampleMoment, Zone: "Europe/Berlin", Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0",
		Address: "2001:db8:85a3:8d3:1319:8a2e:370:7348", Devices: sampleOrigin + "/settings/devices", Reset: sampleOrigin + "/forgot"},

	factor("totp", "", true), factor("totp", "", false),
	factor("passkey", "Mara's laptop", true), factor("passkey", "Mara's laptop", false),
	factor("recovery codes", "", true),
	factor("identity", "github", true), factor("identity", "oidc", false),

	models.Invitation{Organization: "Nordlicht Studio", Inviter: "Mara Lindqvist", Role: models.Editor.Name(), Link: sampleOrigin + "/invitations/" + sampleToken,
		ExpiresAt: sampleMoment.AddDate(0, 0, 7), Zone: "Europe/Berlin"},

	models.ReviewAsked{Organization: "Nordlicht Studio", Sender: "Mara Lindqvist", Excerpt: "Ferry timetable for Advent: the last boat leaves at nine in the evening.",
		When: "Saturday 5 December 2026 at 09:00", WhenZone: "Europe/Berlin", Words: "The picture is the one from the pier, as you wished.",
		Link: sampleOrigin + "/review/" + sampleToken, Expires: sampleMoment.AddDate(0, 0, 14), Zone: "Europe/Berlin"},

	models.RefreshReused{At: sampleMoment, Zone: "Europe/Berlin", Address: "2001:db8:85a3:8d3:1319:8a2e:370:7348", Devices: sampleOrigin + "/settings/devices"},
}

// factor is a letter about a change of how somebody signs in.
func factor(what, which string, on bool) models.FactorChanged {
	return models.FactorChanged{What: what, Which: which, On: on, At: sampleMoment, Zone: "Europe/Berlin",
		Security: sampleOrigin + "/settings/security"}
}

// Letter writes one of the samples.
func Letter(l models.Letter) (mail.Message, error) {
	content, err := json.Marshal(l)
	if err != nil {
		return mail.Message{}, err
	}
	return mail.Render(l.Kind(), content)
}
