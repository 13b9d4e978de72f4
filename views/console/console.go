// Package console holds the pages of those who look after the installation:
// what it is doing, who is on it, and how it is set.
package console

import (
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// OverviewParams is the installation at a glance.
type OverviewParams struct {
	Version  string
	Overview models.Overview
}

// pages are the console's, in the order of its tabs.
var pages = []ui.TabParams{
	{Text: "Overview", Href: "/console"},
	{Text: "Mail", Href: "/console/mail"},
}

func tabs(current string) []ui.TabParams {
	list := append([]ui.TabParams(nil), pages...)
	for i := range list {
		list[i].Current = list[i].Text == current
	}
	return list
}
