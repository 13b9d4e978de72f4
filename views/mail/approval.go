package mail

import (
	"fmt"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// reviewAsked asks a client, who has no account, for a word on a post.
func reviewAsked(l models.ReviewAsked) sheet {
	var when, words string
	if l.When != "" {
		when = fmt.Sprintf("It is to go out on %s (%s).", l.When, ui.ZoneName(l.WhenZone))
	}
	if l.Words != "" {
		words = fmt.Sprintf("%s writes: %s", l.Sender, l.Words)
	}
	return sheet{
		Subject: fmt.Sprintf("%s asks you to look at a post of %s", l.Sender, l.Organization),
		Lines: filled(
			fmt.Sprintf("%s of %s asks you to look at a post before it goes out, and to say yes or what should change.", l.Sender, l.Organization),
			fmt.Sprintf("“%s”", l.Excerpt), when, words),
		Button: link{"Look at the post", l.Link},
		Small: []string{
			fmt.Sprintf("You need no account. The link is open until %s; whoever has it can decide in your name, so do not pass it on.", moment(l.Expires, l.Zone)),
			fmt.Sprintf("%s writes and plans its posts with AllIN, which sent this mail. If you do not know %s, do nothing.", l.Organization, l.Sender),
		},
	}
}
