package console

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// AuditParams is a part of the audit log.
type AuditParams struct {
	Viewer
	Page         models.ConsoleAuditPage
	Filter       models.ConsoleAuditFilter
	From, Until  string // as days, as they were typed
	Organization string // id or ""
	Acts         []string
	Errors       map[string]string
	Verified     *Verified
}

// Verified is what a look at the whole log found.
type Verified struct {
	Rows   int
	Broken []models.BrokenAudit
}

func (p AuditParams) address(path, after string, more ...string) string {
	pairs := append([]string{"q", p.Filter.Person, "organization", p.Organization, "act", p.Filter.Act, "from", p.From, "until", p.Until, "after", after}, more...)
	return address(path, pairs...)
}

func (p AuditParams) filtered() bool { return p.address("", "") != "" }

func (p AuditParams) acts() []ui.Choice {
	list := []ui.Choice{{Value: "", Label: "Any act"}}
	noun := ""
	for _, act := range p.Acts {
		if n, _, _ := strings.Cut(act, "."); n != noun {
			noun = n
			list = append(list, ui.Choice{Value: n, Label: "All of " + n})
		}
		list = append(list, ui.Choice{Value: act, Label: act})
	}
	return list
}

func chain(l models.ConsoleAuditLine) string {
	switch {
	case l.OrganizationName != "":
		return l.OrganizationName
	case l.Organization != nil:
		return "Organization " + first(l.Organization.String())
	case l.Chain == uuid.Nil:
		return "Installation"
	}
	return "Own matters"
}

func actor(l models.ConsoleAuditLine) string {
	switch {
	case l.ActorName != "":
		return l.ActorName
	case l.ActorKind == models.ActorSystem:
		return "AllIN"
	case l.ActorID != nil:
		return string(l.ActorKind) + " " + first(l.ActorID.String())
	}
	return string(l.ActorKind)
}

// details writes what is known beside the act: "before: ADMIN, after: USER".
func details(l models.ConsoleAuditLine) string {
	var m map[string]any
	if json.Unmarshal(l.Details, &m) != nil {
		return ""
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s: %v", strings.ReplaceAll(k, "_", " "), m[k]))
	}
	return strings.Join(parts, ", ")
}
