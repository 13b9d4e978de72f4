package bluesky

import (
	"time"

	"github.com/rivo/uniseg"

	"github.com/allin-platform/allin/networks"
)

// Names of the options, as in networks.Options.Values.
const (
	optionLanguage = "language"
	optionLabel    = "label"
)

// maxImage is what every server takes. The lexicon allows twice as much since
// 2026, but a server of an older version refuses the post, and only after the
// picture was uploaded.
const maxImage = 1_000_000

// Rules implements networks.Network. They are the same on every account:
// lexicons app.bsky.feed.post, embed.images and embed.video.
func (n *Network) Rules(networks.Account) networks.Rules {
	return networks.Rules{
		Text: networks.TextRule{Max: 300, Unit: "characters", Count: uniseg.GraphemeClusterCount, MaxBytes: 3000},
		Media: networks.MediaRules{
			Max:    4,
			AltMax: 2000,
			Image:  networks.FileRule{Max: 4, Types: []string{"image/jpeg", "image/png", "image/webp"}, MaxBytes: maxImage},
			// Shown as a still picture.
			GIF: networks.FileRule{Max: 4, Types: []string{"image/gif"}, MaxBytes: maxImage},
			// What a server takes without the separate video service.
			Video: networks.FileRule{Max: 1, Types: []string{"video/mp4"}, MaxBytes: 50_000_000, MaxDuration: 3 * time.Minute},
		},
		Thread: 100,
		Options: []networks.Option{
			{Name: optionLanguage, Label: "Language", Help: "Feeds and translations go by it.", Choices: languages},
			{Name: optionLabel, Label: "Content warning", Help: "Hides pictures and videos behind a warning.", Choices: []networks.Choice{
				{Value: "none", Label: "None"},
				{Value: "sexual", Label: "Suggestive"},
				{Value: "nudity", Label: "Nudity"},
				{Value: "porn", Label: "Adult content"},
				{Value: "graphic-media", Label: "Graphic media"},
			}},
		},
		Source: "https://github.com/bluesky-social/atproto/tree/main/lexicons/app/bsky",
		Date:   "2026-08-20",
	}
}

// languages are BCP 47 tags with the languages' own names.
var languages = []networks.Choice{
	{Value: "", Label: "Not stated"},
	{Value: "ar", Label: "العربية"},
	{Value: "bg", Label: "Български"},
	{Value: "ca", Label: "Català"},
	{Value: "cs", Label: "Čeština"},
	{Value: "da", Label: "Dansk"},
	{Value: "de", Label: "Deutsch"},
	{Value: "el", Label: "Ελληνικά"},
	{Value: "en", Label: "English"},
	{Value: "es", Label: "Español"},
	{Value: "et", Label: "Eesti"},
	{Value: "fa", Label: "فارسی"},
	{Value: "fi", Label: "Suomi"},
	{Value: "fr", Label: "Français"},
	{Value: "he", Label: "עברית"},
	{Value: "hi", Label: "हिन्दी"},
	{Value: "hr", Label: "Hrvatski"},
	{Value: "hu", Label: "Magyar"},
	{Value: "id", Label: "Bahasa Indonesia"},
	{Value: "it", Label: "Italiano"},
	{Value: "ja", Label: "日本語"},
	{Value: "ko", Label: "한국어"},
	{Value: "lt", Label: "Lietuvių"},
	{Value: "lv", Label: "Latviešu"},
	{Value: "nb", Label: "Norsk bokmål"},
	{Value: "nl", Label: "Nederlands"},
	{Value: "pl", Label: "Polski"},
	{Value: "pt", Label: "Português"},
	{Value: "pt-BR", Label: "Português do Brasil"},
	{Value: "ro", Label: "Română"},
	{Value: "ru", Label: "Русский"},
	{Value: "sk", Label: "Slovenčina"},
	{Value: "sl", Label: "Slovenščina"},
	{Value: "sr", Label: "Српски"},
	{Value: "sv", Label: "Svenska"},
	{Value: "th", Label: "ไทย"},
	{Value: "tr", Label: "Türkçe"},
	{Value: "uk", Label: "Українська"},
	{Value: "vi", Label: "Tiếng Việt"},
	{Value: "zh", Label: "中文"},
}
