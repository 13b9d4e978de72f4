package settings

import (
	"fmt"
	"strconv"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// ChoicesParams is what a person wants to be told, and when mail comes.
type ChoicesParams struct {
	CSRF    string
	Choices models.NotificationChoices
	Email   string
	Zone    string            // the reader's
	Errors  map[string]string // by field: a kind, or "hour"
}

// field is the id of a kind's control: dots would be classes in a selector.
func (p ChoicesParams) field(k models.NotificationKind) string { return "kind-" + dashes(k.Kind) }

func dashes(kind string) string {
	b := []byte(kind)
	for i, c := range b {
		if c == '.' || c == '_' {
			b[i] = '-'
		}
	}
	return string(b)
}

var reaches = []ui.Choice{{Value: string(models.ReachMail), Label: "App and mail"}, {Value: string(models.ReachApp), Label: "App only"},
	{Value: string(models.ReachOff), Label: "Off"}}

// usualHour is what the form offers to somebody who gets mail at once.
const usualHour = 8

func (p ChoicesParams) hour() string {
	if p.Choices.Digest == nil {
		return strconv.Itoa(usualHour)
	}
	return strconv.Itoa(*p.Choices.Digest)
}

func hours() []ui.Choice {
	list := make([]ui.Choice, 24)
	for h := range list {
		list[h] = ui.Choice{Value: strconv.Itoa(h), Label: fmt.Sprintf("%02d:00", h)}
	}
	return list
}
