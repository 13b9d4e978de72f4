package mastodon

import (
	"strconv"
	"strings"
	"time"

	"github.com/allin-platform/allin/networks"
)

// The options of a post.
const (
	optionWarning    = "spoiler_text"
	optionVisibility = "visibility"
	optionSensitive  = "sensitive"
	optionLanguage   = "language"
)

// Rules implements networks.Network, with the limits that the account's
// server told, or else with Mastodon's defaults.
func (c *Client) Rules(a networks.Account) networks.Rules {
	number := func(name string, otherwise int64) int64 {
		if n, err := strconv.ParseInt(a.Limits[name], 10, 64); err == nil && n > 0 {
			return n
		}
		return otherwise
	}
	seconds := func(name string, otherwise int64) time.Duration {
		return time.Duration(number(name, otherwise)) * time.Second
	}
	types := strings.Fields(a.Limits[limitTypes])
	if len(types) == 0 {
		types = []string{"image/jpeg", "image/png", "image/gif", "image/webp", "video/mp4", "video/webm", "video/quicktime"}
	}
	files := int(number(limitMedia, 4))
	image := networks.FileRule{
		Max: files, MaxBytes: number(limitImageBytes, 16<<20), MaxPixels: number(limitImagePixels, 33177600),
		Types: beginning(types, "image/"),
	}
	moving := networks.FileRule{
		Max: 1, MaxBytes: number(limitVideoBytes, 99<<20), MaxPixels: number(limitVideoPixels, 8294400),
		Types: beginning(types, "video/"),
	}
	gif := image
	gif.Max, gif.Types = 1, beginning(types, "image/gif")
	mixed := a.Limits[limitSoftware] == "gotosocial" // takes any files together
	if mixed {
		gif.Max, moving.Max = files, files
	}
	return networks.Rules{
		Text: networks.TextRule{
			Max: int(number(limitText, 500)), Unit: "characters",
			Count: Counter{PerURL: int(number(limitPerURL, 23)), Graphemes: honoursKeys(a)}.Count,
		},
		Media: networks.MediaRules{
			Max: files, Mixed: mixed, AltMax: int(number(limitAlt, 1500)),
			Image: closed(image), GIF: closed(gif), Video: closed(moving),
		},
		Thread: 50,
		Poll: &networks.PollRule{
			MinChoices: 2, MaxChoices: int(number(limitChoices, 4)), ChoiceMax: int(number(limitChoice, 50)),
			MinDuration: seconds(limitPollMin, 300), MaxDuration: seconds(limitPollMax, 2629746),
			Multiple: true,
		},
		Options: options(),
		Source:  "the server's own /api/v2/instance; Mastodon's documentation of July 2026 where it does not tell",
		Date:    "2026-11-22",
	}
}

// beginning returns the types that begin with prefix.
func beginning(types []string, prefix string) []string {
	var out []string
	for _, t := range types {
		if strings.HasPrefix(t, prefix) {
			out = append(out, t)
		}
	}
	return out
}

// closed makes a rule without any type one that takes no file at all.
func closed(r networks.FileRule) networks.FileRule {
	if len(r.Types) == 0 {
		r.Max = 0
	}
	return r
}

func options() []networks.Option {
	return []networks.Option{
		{
			Name: optionVisibility, Label: "Who can see it",
			Choices: []networks.Choice{
				{Value: "public", Label: "Everyone"},
				{Value: "unlisted", Label: "Everyone, but not in public timelines"},
				{Value: "private", Label: "Followers only"},
			},
		},
		{
			Name: optionWarning, Label: "Content warning", Max: 500, CountsText: true,
			Help: "Shown instead of the post until somebody asks for it. It counts as part of the text.",
		},
		{
			Name: optionSensitive, Label: "Media",
			Help: "Sensitive media are blurred until somebody asks for them.",
			Choices: []networks.Choice{
				{Value: "no", Label: "Shown"},
				{Value: "yes", Label: "Marked as sensitive"},
			},
		},
		{
			Name: optionLanguage, Label: "Language", Max: 12,
			Help: "The language's code, such as en or de. Empty: the account's own.",
		},
	}
}
