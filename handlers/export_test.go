package handlers

// Routes lists every route as "METHOD path" with its door's kind, for the
// tests that knock at each.
func (s *Server) Routes() map[string]string {
	list := map[string]string{}
	for _, r := range s.table {
		list[r.method+" "+r.path] = r.door.kind
	}
	return list
}

// OwnPath and Stretch are tested by themselves.
var (
	OwnPath = ownPath
	Stretch = stretch
	ASCII   = ascii
)
