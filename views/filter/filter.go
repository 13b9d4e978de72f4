// Package filter draws the row of filters above calendar and list, and writes
// filters into addresses.
package filter

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/ui"
)

// Params is a row of filters. It is a form of method get, so that it works
// without script; with script each change is sent at once and swaps Target.
type Params struct {
	Action   string      // "/calendar"
	Target   string      // "#calendar"
	Keep     [][2]string // what else stands in the address: view, date, tab
	Accounts []models.Account
	Filter   models.Filter
}

// Query is the filter as it stands in an address.
func Query(f models.Filter) url.Values {
	v := url.Values{}
	for _, id := range f.Accounts {
		v.Add("account", id.String())
	}
	for _, s := range f.States {
		v.Add("state", string(s))
	}
	if f.Search != "" {
		v.Set("q", f.Search)
	}
	return v
}

// Address is the path with the filter and what else stands in the address.
func Address(path string, f models.Filter, more ...[2]string) string {
	v := Query(f)
	for _, pair := range more {
		if pair[1] != "" {
			v.Set(pair[0], pair[1])
		}
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

func (p Params) chosen(id uuid.UUID) bool { return slices.Contains(p.Filter.Accounts, id) }

func (p Params) wanted(s models.State) bool { return slices.Contains(p.Filter.States, s) }

// statesWords is what the menu of states says on its button.
func (p Params) statesWords() string {
	switch n := len(p.Filter.States); n {
	case 0:
		return "Any state"
	case 1:
		return ui.State(p.Filter.States[0]).Word()
	default:
		return strconv.Itoa(n) + " states"
	}
}

// fit is how many accounts stand in the row; the others are in a menu.
const fit = 6

// row are the accounts beside each other: the chosen ones and the first.
func (p Params) row() []models.Account {
	if len(p.Accounts) <= fit {
		return p.Accounts
	}
	var list []models.Account
	for i, a := range p.Accounts {
		if i < fit-1 || p.chosen(a.ID) {
			list = append(list, a)
		}
	}
	return list
}

// rest are the accounts in the menu.
func (p Params) rest() []models.Account {
	if len(p.Accounts) <= fit {
		return nil
	}
	var list []models.Account
	for i, a := range p.Accounts {
		if i >= fit-1 && !p.chosen(a.ID) {
			list = append(list, a)
		}
	}
	return list
}
