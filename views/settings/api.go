package settings

import (
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// APIParams is the page of API keys.
type APIParams struct {
	CSRF         string
	Organization string
	Role         models.Role
	Me           uuid.UUID
	Keys         []models.APIKey
	Everybody    bool // the reader sees and revokes everybody's
	Zone         string
	Now          time.Time

	Name   string
	Scopes []models.Scope
	Days   string
	Errors map[string]string // by field: name, scopes, days

	Made *models.APIKey // just now
	Key  string         // its secret, shown once
}

// offered are the scopes that the reader's role has.
func (p APIParams) offered() []models.Scope {
	var list []models.Scope
	for _, s := range models.Scopes() {
		if p.Role.Grants(s) {
			list = append(list, s)
		}
	}
	return list
}

func (p APIParams) chosen(s models.Scope) bool {
	for _, c := range p.Scopes {
		if c == s {
			return true
		}
	}
	return false
}

func keyLives() []ui.Choice {
	var list []ui.Choice
	for _, d := range models.KeyDays {
		n := strconv.Itoa(d)
		list = append(list, ui.Choice{Value: n, Label: n + " days"})
	}
	return list
}

// life tells when a key was made, used and ends.
func (p APIParams) life(k models.APIKey) string {
	used := "never used"
	if k.LastUsed != nil {
		used = "last used " + at(*k.LastUsed, p.Zone, "2 Jan 2006, 15:04")
	}
	end := "ends "
	if p.ended(k) {
		end = "ended "
	}
	return used + ", " + end + at(k.Expires, p.Zone, "2 Jan 2006")
}

func (p APIParams) ended(k models.APIKey) bool { return !k.Expires.After(p.Now) }

// owner is whose key it is, where the reader sees several people's.
func (p APIParams) owner(k models.APIKey) string {
	if k.Owner == p.Me {
		return "You"
	}
	return k.By
}
