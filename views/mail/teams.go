package mail

import (
	"fmt"

	"github.com/allin-platform/allin/models"
)

// invitation invites somebody into an organization.
func invitation(l models.Invitation) sheet {
	return sheet{
		Subject: fmt.Sprintf("%s invites you to %s", l.Inviter, l.Organization),
		Lines: []string{
			fmt.Sprintf("%s would like you to join %s on AllIN, with the role %s. AllIN is where the team writes, plans and publishes its social media posts.",
				l.Inviter, l.Organization, l.Role),
			fmt.Sprintf("Join with the account that you have on AllIN, or make one on the way. The invitation holds until %s.", moment(l.ExpiresAt, l.Zone)),
		},
		Button: link{"Look at the invitation", l.Link},
		Small: []string{
			"The link is meant for you alone: please do not pass it on. You are not a member of anything until you accept.",
			fmt.Sprintf("If you do not know %s, or did not expect this, decline on the page or do nothing.", l.Inviter),
		},
	}
}
