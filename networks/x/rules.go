package x

import (
	"time"

	"github.com/allin-platform/allin/networks"
)

// limitVerified is the name in networks.Limits of the account's kind of
// verification: "none", "blue" (Premium), "business", "government".
const limitVerified = "verified_type"

// Longest texts, in twitter-text's units.
const (
	textMax        = 280
	textMaxPremium = 25000
)

// Rules implements networks.Network.
func (c *Client) Rules(a networks.Account) networks.Rules {
	most := textMax
	switch a.Limits[limitVerified] {
	case "blue", "business", "government":
		most = textMaxPremium
	}
	return networks.Rules{
		Text: networks.TextRule{Max: most, Unit: "characters", Count: Count},
		Media: networks.MediaRules{
			Max:    4,
			AltMax: 1000,
			Image: networks.FileRule{
				Max: 4, MaxBytes: 5 << 20,
				Types: []string{"image/jpeg", "image/png", "image/webp", "image/gif"},
			},
			GIF: networks.FileRule{
				Max: 1, MaxBytes: 15 << 20, Types: []string{"image/gif"},
				MaxWidth: 1280, MaxHeight: 1080,
			},
			Video: networks.FileRule{
				Max: 1, MaxBytes: 512 << 20, Types: []string{"video/mp4", "video/quicktime"},
				MinWidth: 32, MinHeight: 32, MinAspect: 1.0 / 3, MaxAspect: 3,
				MinDuration: 500 * time.Millisecond, MaxDuration: 140 * time.Second,
			},
		},
		Thread: 25,
		Poll: &networks.PollRule{
			MinChoices: 2, MaxChoices: 4, ChoiceMax: 25,
			MinDuration: 5 * time.Minute, MaxDuration: 7 * 24 * time.Hour,
		},
		Options: []networks.Option{{
			Name: optionReplies, Label: "Who can reply",
			Choices: []networks.Choice{
				{Value: everyone, Label: "Everyone"},
				{Value: "following", Label: "Accounts you follow"},
				{Value: "mentionedUsers", Label: "Only accounts you mention"},
				{Value: "verified", Label: "Verified accounts"},
				{Value: "subscribers", Label: "Your subscribers"},
			},
		}},
		Source: "X's OpenAPI description 2.167 and media best practices; twitter-text configuration 3",
		Date:   "2026-08-22",
	}
}

// optionReplies is the option of who can reply to the post.
const optionReplies = "reply_settings"

// everyone is its default, which X's API has no word for.
const everyone = "everyone"
