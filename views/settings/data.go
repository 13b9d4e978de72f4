package settings

import (
	"fmt"
	"strconv"
	"time"

	"github.com/allin-platform/allin/models"
)

// DataParams is what a person may do with their data, and an owner with an organization's.
type DataParams struct {
	CSRF         string
	Exports      []models.Export
	Organization string // name of the open one; "" where there is none
	Owner        bool   // the reader may export and delete it
	Typed        string // as the organization's name, when deleting it was refused
	Closed       []models.ClosedOrganization
	Farewell     models.Farewell
	Errors       map[string]string // by field: password, organization_name, organization_password
	Zone         string            // the reader's
}

// underWay reports whether an archive is being made, so that the list is to be looked at again.
func (p DataParams) underWay() bool {
	for _, e := range p.Exports {
		if e.UnderWay() {
			return true
		}
	}
	return false
}

func exportName(e models.Export) string {
	if e.Organization == "" {
		return "Your data"
	}
	return e.Organization
}

// share is how far an archive is, between 0 and 1; "" while nobody knows.
func share(e models.Export) string {
	if e.Total == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(e.Done)/float64(e.Total), 'f', 2, 64)
}

func exportNote(e models.Export, zone string) string {
	asked := "asked for on " + at(e.CreatedAt, zone, "2 Jan, 15:04")
	switch e.State {
	case models.ExportReady:
		return size(e.Bytes) + ", " + asked + ", kept until " + at(*e.ExpiresAt, zone, "2 Jan, 15:04")
	case models.ExportFailed:
		return "Could not be made, " + asked + ". Ask for it again."
	case models.ExportWaiting:
		return "Waits for its turn, " + asked
	}
	return fmt.Sprintf("%d of %d pieces, %s", e.Done, e.Total, asked)
}

func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%d kB", max(bytes>>10, 1))
}

func goneOn(t time.Time, zone string) string { return at(t, zone, "2 January 2006, 15:04") }
