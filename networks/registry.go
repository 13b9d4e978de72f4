package networks

import (
	"fmt"
	"slices"
)

// Registry holds the networks of one process. Real networks and their
// imitations stand side by side: an account says which of the two it is on.
type Registry struct {
	order   []string
	real    map[string]Network
	sandbox map[string]Network
}

// NewRegistry returns a registry of the given networks, in the order in which
// people see them. sandbox holds the imitations; it may be empty.
func NewRegistry(real, sandbox []Network) *Registry {
	r := &Registry{real: map[string]Network{}, sandbox: map[string]Network{}}
	add := func(to map[string]Network, list []Network) {
		for _, n := range list {
			key := n.Info().Key
			to[key] = n
			if !slices.Contains(r.order, key) {
				r.order = append(r.order, key)
			}
		}
	}
	add(r.real, real)
	add(r.sandbox, sandbox)
	return r
}

// Get returns the network with that key, or its imitation.
func (r *Registry) Get(key string, sandbox bool) (Network, error) {
	from := r.real
	if sandbox {
		from = r.sandbox
	}
	if n, ok := from[key]; ok {
		return n, nil
	}
	return nil, &Error{Kind: Operator, Message: fmt.Sprintf("This installation does not run the network %q.", key)}
}

// Keys returns the networks' keys in the order in which people see them.
func (r *Registry) Keys() []string { return slices.Clone(r.order) }

// Info returns what is known of a network, and whether there is one.
func (r *Registry) Info(key string) (Info, bool) {
	for _, from := range []map[string]Network{r.real, r.sandbox} {
		if n, ok := from[key]; ok {
			return n.Info(), true
		}
	}
	return Info{}, false
}

// HasSandbox reports whether the network's imitation runs here.
func (r *Registry) HasSandbox(key string) bool { _, ok := r.sandbox[key]; return ok }
