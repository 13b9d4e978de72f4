package posts

// Refused is a form about a post as it was sent, when it was refused.
type Refused struct {
	Form   string // its id
	Values map[string]string
	Errors map[string]string // models.Error.Fields
}

// value is what the form with that id held; error what is wrong with a field of it.
func (r *Refused) value(form, field, otherwise string) string {
	if r == nil || r.Form != form {
		return otherwise
	}
	return r.Values[field]
}

func (r *Refused) error(form, field string) string {
	if r == nil || r.Form != form {
		return ""
	}
	return r.Errors[field]
}

func (r *Refused) is(form string) bool { return r != nil && r.Form == form }
