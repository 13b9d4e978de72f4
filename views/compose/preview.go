package compose

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

// run is a stretch of a text: plain, or what networks make a link of.
type run struct {
	Text string
	Link bool
}

// links are what networks colour: addresses, mentions, hashtags.
var links = regexp.MustCompile(`https?://[^\s<>"]+[^\s<>".,;:!?')\]]|(?:^|[^\pL\pN_/@.])(?:@[\pL\pN_][\pL\pN_.\-]*(?:@[\pL\pN\-]+(?:\.[\pL\pN\-]+)+)?|#[\pL\pN_]*[\pL_][\pL\pN_]*)`)

// runs parts a text into what is coloured and what is not.
func runs(text string) []run {
	var list []run
	plain := func(s string) {
		if s != "" {
			list = append(list, run{Text: s})
		}
	}
	end := 0
	for _, at := range links.FindAllStringIndex(text, -1) {
		start := at[0] + strings.IndexAny(text[at[0]:at[1]], "h@#")
		stop := at[0] + len(strings.TrimRight(text[at[0]:at[1]], ".-"))
		plain(text[end:start])
		list = append(list, run{Text: text[start:stop], Link: true})
		end = stop
	}
	plain(text[end:])
	return list
}

// previewPart is a post as the network would show it.
type previewPart struct {
	Text  string
	Media []models.Media
	Last  bool
}

func previewParts(r models.AccountReview) []previewPart {
	list := make([]previewPart, len(r.Content.Parts))
	for i, one := range r.Content.Parts {
		list[i] = previewPart{Text: one.Text, Last: i == len(r.Content.Parts)-1}
		for _, id := range one.Media {
			if m, ok := r.Media[id]; ok {
				list[i].Media = append(list[i].Media, m)
			}
		}
	}
	return list
}

// grid is how many pictures stand in the grid, at most four.
func grid(media []models.Media) string { return strconv.Itoa(min(len(media), 4)) }

// warning is the text that a network shows instead of the post until it is
// asked for: an option that counts as part of the text.
func warning(r models.AccountReview) string {
	for _, o := range r.Rules.Options {
		if o.CountsText && len(o.Choices) == 0 {
			if text := r.Options.Get(o.Name); strings.TrimSpace(text) != "" {
				return text
			}
		}
	}
	return ""
}

// saidOptions are the settings that are not the default, in words.
func saidOptions(r models.AccountReview) []string {
	var list []string
	for _, o := range r.Rules.Options {
		value := r.Options.Get(o.Name)
		for i, c := range o.Choices {
			if i > 0 && c.Value == value {
				list = append(list, o.Label+": "+c.Label)
			}
		}
	}
	return list
}

func handle(r models.AccountReview) string { return r.Look.HandlePrefix + r.Account.Handle }

// actionIcon is the sprite's symbol for an icon under a post.
func actionIcon(action string) string {
	switch action {
	case "reply", "repeat", "heart", "chart", "bookmark", "share", "more":
		return action
	}
	return "circle"
}

func isVideo(m models.Media) bool { return m.Kind == networks.Video }

func mediaPath(id uuid.UUID, size string) string { return "/media/" + id.String() + "/" + size }
