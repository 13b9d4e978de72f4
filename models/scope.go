package models

import "slices"

// Scope is a part of the programming interface that an API key may use. A key
// never does more than its owner's role allows; its scopes can only be less.
type Scope string

// The scopes. Reading a group and changing it are two.
const (
	TeamRead  Scope = "team:read"  // members, roles and the organization
	TeamWrite Scope = "team:write" // change roles, remove members, change the organization
)

// scopes is what each scope needs: keys are given only what their owner's role
// may do at that moment.
var scopes = []struct {
	scope Scope
	needs Permission
	means string
}{
	{TeamRead, ReadPosts, "See members, roles and the organization"},
	{TeamWrite, ManagePeople, "Change roles, remove members, change the organization"},
}

// Scopes lists all scopes.
func Scopes() []Scope {
	var all []Scope
	for _, s := range scopes {
		all = append(all, s.scope)
	}
	return all
}

// Means says what the scope allows.
func (s Scope) Means() string {
	for _, one := range scopes {
		if one.scope == s {
			return one.means
		}
	}
	return string(s)
}

// Grants reports whether somebody with the role may give the scope to a key.
func (r Role) Grants(s Scope) bool {
	for _, one := range scopes {
		if one.scope == s {
			return r.May(one.needs)
		}
	}
	return false
}

// tidyScopes orders scopes as the table has them and takes out what stands there twice.
func tidyScopes(list []Scope) []Scope {
	var tidy []Scope
	for _, one := range scopes {
		if slices.Contains(list, one.scope) {
			tidy = append(tidy, one.scope)
		}
	}
	return tidy
}
