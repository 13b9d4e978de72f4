// Package problem holds the pages that people see when something did not work.
package problem

// Params is what went wrong.
type Params struct {
	Status  int
	Title   string
	Message string // what happened and what to do next
	ID      string // of the request, for the log; "" where nobody has to look
	Href    string // where to go on; "" is the calendar
	Word    string // on the button that leads there
	Nowhere bool   // whoever sees this has no place here: there is no button
}

func (p Params) href() string {
	if p.Href == "" {
		return "/"
	}
	return p.Href
}

func (p Params) word() string {
	if p.Word == "" {
		return "To the calendar"
	}
	return p.Word
}
