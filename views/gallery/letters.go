package gallery

import (
	"encoding/json"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/mail"
)

const sampleOrigin = "https://allin.example"

// Letters is a sample of every mail; views/mail is tested with them.
var Letters = []models.Letter{
	models.NoticeLetter{Title: "Not sent to Mastodon", Body: "Mastodon refused the post: the picture has no description, and this server wants one. Add it and send the post again.",
		About: "Posts that were not sent", Organization: "Nordlicht Studio", Href: sampleOrigin + "/notifications/0190c0de-0000-7000-8000-000000000001",
		Settings: sampleOrigin + "/settings/notifications", Unsubscribe: sampleOrigin + "/unsubscribe/sample"},
	models.DigestLetter{Daily: true, More: 2, Href: sampleOrigin + "/notifications", Settings: sampleOrigin + "/settings/notifications",
		Unsubscribe: sampleOrigin + "/unsubscribe/sample", Notices: []models.DigestItem{
			{Title: "@morgenrot.example must be connected again", Body: "Bluesky ended AllIN's access. What is scheduled there waits.", Organization: "Café Morgenrot",
				When: "Tue 24 Nov, 14:03", Href: sampleOrigin + "/notifications/1"},
			{Title: "Is this post live on X?", Body: "X gave no answer. Look whether the post is there, and say so.", Organization: "Nordlicht Studio",
				When: "Tue 24 Nov, 09:30", Href: sampleOrigin + "/notifications/2"},
		}},
	models.TestLetter{Name: "Mara Lindqvist", Href: sampleOrigin + "/console/mail"},
}

// Letter writes one of the samples.
func Letter(l models.Letter) (mail.Message, error) {
	content, err := json.Marshal(l)
	if err != nil {
		return mail.Message{}, err
	}
	return mail.Render(l.Kind(), content)
}
