package console

import (
	"github.com/allin-platform/allin/models"
)

// SettingsParams is how the installation is set.
type SettingsParams struct {
	Viewer
	SignUp models.SignUpPolicy
	Kept   models.Kept
	Errors map[string]string
	Facts  []Fact
}

// Fact is something that was set before the program started.
type Fact struct {
	Name, Value, Doc string
	Given            bool // by the environment or a flag; otherwise its default holds
}

func (f Fact) value() string {
	if f.Value == "" {
		return "not set"
	}
	return f.Value
}

func (f Fact) from() string {
	if f.Given {
		return "Environment"
	}
	return "Default"
}

// policies are the answers to who may sign up, with what they mean.
var policies = []struct {
	policy     models.SignUpPolicy
	name, says string
}{
	{models.SignUpOpen, "Anybody", "Whoever finds this installation can make an account and an organization."},
	{models.SignUpInvited, "By invitation", "Only those whom a member of an organization invites."},
	{models.SignUpClosed, "Nobody", "No account is made any more, not even by invitation."},
}

func (v Viewer) kept(k models.Kept) string {
	switch {
	case k.At.IsZero():
		return "This is the default: nobody has changed it."
	case k.By == "":
		return "Set on " + v.day(k.At) + "."
	}
	return "Set on " + v.day(k.At) + " by " + k.By + "."
}

// NetworksParams is the installation's apps at the networks.
type NetworksParams struct {
	Viewer
	Apps   []models.AppCredentials
	Origin string
	// Changed is the network whose form was sent and needs another look.
	Changed  string
	ClientID string // as it was typed there
	Errors   map[string]string
}

func (p NetworksParams) redirect(key string) string { return p.Origin + "/accounts/callback/" + key }

func (p NetworksParams) clientID(a models.AppCredentials) string {
	if p.Changed == a.Network.Key {
		return p.ClientID
	}
	return a.ClientID
}

func (p NetworksParams) wrong(a models.AppCredentials, field string) string {
	if p.Changed == a.Network.Key {
		return p.Errors[field]
	}
	return ""
}

// manual is the page of the manual that tells how to make the app.
func manual(key string) string {
	return "https://github.com/allin-platform/allin/blob/main/docs/networks/" + key + ".md"
}

func none(a models.AppCredentials) string {
	if a.Network.Connect.SiteLabel != "" && a.Network.Connect.Consent {
		return "AllIN introduces itself at each server when the first account there is connected. There is nothing to set."
	}
	return "Accounts are connected with an app password of their own. There is nothing to set."
}
