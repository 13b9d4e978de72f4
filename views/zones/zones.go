// Package zones lists the time zones that people choose from.
package zones

import (
	_ "embed"
	"strings"

	"github.com/allin-platform/allin/views/ui"
)

// list has a zone for each place of the IANA's zone.tab (2025b), and UTC.
//
//go:embed zones.txt
var list string

var names = strings.Fields(list)

// Choices are all zones for a select. A current one of an older name, which
// stands for one on the list, stays to be chosen.
func Choices(current string) []ui.Choice {
	choices := make([]ui.Choice, 0, len(names)+1)
	known := current == ""
	for _, name := range names {
		known = known || name == current
		choices = append(choices, ui.Choice{Value: name, Label: Label(name)})
	}
	if !known {
		choices = append([]ui.Choice{{Value: current, Label: Label(current)}}, choices...)
	}
	return choices
}

// Label is a zone's name as people read it: "Europe / Berlin".
func Label(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "_", " "), "/", " / ")
}
