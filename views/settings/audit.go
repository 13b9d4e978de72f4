package settings

import (
	"net/url"
	"strings"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// AuditParams is a page of an organization's audit log.
type AuditParams struct {
	Lines  []models.AuditLine
	People []models.AuditActor // to choose from
	Acts   []string
	Filter url.Values // person, act, from, to: as chosen
	Errors map[string]string
	Older  string // address of the entries before these; "" at the end
	Newest bool   // this is the first page
	Zone   string // the reader's
}

func (p AuditParams) people() []ui.Choice {
	list := []ui.Choice{{Label: "Everybody"}}
	for _, one := range p.People {
		list = append(list, ui.Choice{Value: one.ID.String(), Label: one.Name})
	}
	return list
}

func (p AuditParams) acts() []ui.Choice {
	list := []ui.Choice{{Label: "Everything"}}
	for _, act := range p.Acts {
		list = append(list, ui.Choice{Value: act, Label: models.AuditTitle(act)})
	}
	return list
}

// address is a page of the log with the same filter.
func (p AuditParams) address(path string) string {
	if query := p.Filter.Encode(); query != "" {
		return path + "?" + query
	}
	return path
}

// actor names who did it.
func actor(l models.AuditLine) string {
	switch {
	case l.Actor != "":
		return l.Actor
	case l.ActorKind == models.ActorSystem:
		return "AllIN"
	case l.ActorKind == models.ActorGuest:
		return "Somebody with the link"
	case l.ActorKind == models.ActorKey:
		return "A program"
	}
	return "A former member"
}

// origin says from where it was done.
func origin(l models.AuditLine) string {
	switch {
	case l.Address == "" && l.Agent == "" && l.ActorKind == models.ActorSystem:
		return "by AllIN itself"
	case l.Address == "" && l.Agent == "":
		return "on the machine that AllIN runs on"
	}
	return strings.TrimPrefix(l.Address+", "+ui.Browser(l.Agent), ", ")
}
