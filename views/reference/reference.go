// Package reference holds the page that explains the interface for programs.
package reference

import "strings"

// Params is the page.
type Params struct {
	Origin string
	Groups []Group
	Rates  []Rate
}

// Group is the operations on one kind of thing.
type Group struct {
	Name       string
	Operations []Operation
}

// Operation is one thing that a program may ask for.
type Operation struct {
	ID, Method, Path string
	Summary, More    string
	Access           string // what opens it
	Parameters       []Field
	Body             []Field
	Status           string // of the answer
	Answer           []Field
	Example          string // of an answer, in JSON
	Errors           []string
	Curl             string
}

// Field is a parameter, or a field of what is sent or answered.
type Field struct {
	Name, Type string
	Required   bool
	Rules      []string
	Text       string
	In         string // "path" or "query"; "" in a body
}

// Rate is how often somebody may ask in a minute.
type Rate struct{ Who, Most string }

// rules are what a value has to keep to, as a sentence.
func (f Field) rules() string {
	text := strings.Join(f.Rules, ", ")
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// errors is the statuses of problems in a line.
func (o Operation) errors() string { return strings.Join(o.Errors, ", ") }

// label names a group in the table of contents.
func (g Group) label() string { return strings.ToUpper(g.Name[:1]) + g.Name[1:] }
