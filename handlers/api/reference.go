package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/allin-platform/allin/views/reference"
)

// Reference is the description as people read it, in the order in which the
// operations were registered.
func (a *API) Reference() []reference.Group {
	var groups []reference.Group
	for _, r := range a.routes {
		op := a.operationAt(r)
		tag := op.Tags[0]
		if len(groups) == 0 || groups[len(groups)-1].Name != tag {
			groups = append(groups, reference.Group{Name: tag})
		}
		g := &groups[len(groups)-1]
		g.Operations = append(g.Operations, a.explain(r, op))
	}
	return groups
}

func (a *API) operationAt(r Route) *huma.Operation {
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
			if op != nil && op.Metadata[doorKey] == r {
				return op
			}
		}
	}
	return nil
}

func (a *API) explain(r Route, op *huma.Operation) reference.Operation {
	o := reference.Operation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, More: op.Description, Access: access(r)}
	for _, p := range op.Parameters {
		o.Parameters = append(o.Parameters, a.fieldOf(p.Name, p.Schema, p.Required, p.Description, p.In))
	}
	curl := "curl"
	if op.Method != http.MethodGet {
		curl += " -X " + op.Method
	}
	curl += " " + a.config.Origin + strings.ReplaceAll(op.Path, "{id}", "$ID")
	if r.Door != public {
		curl += " \\\n  -H \"Authorization: Bearer $TOKEN\""
	}
	if op.RequestBody != nil {
		s := a.resolve(op.RequestBody.Content["application/json"].Schema)
		o.Body = a.fields(s)
		curl += " \\\n  -H 'Content-Type: application/json' \\\n  -d '" + example(a.sample(s), "") + "'"
	}
	o.Curl = curl
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		resp := op.Responses[status]
		if status >= "400" {
			o.Errors = append(o.Errors, status)
			continue
		}
		o.Status = status
		if m := resp.Content["application/json"]; m != nil {
			s := a.resolve(m.Schema)
			o.Answer, o.Example = a.fields(s), example(a.sample(s), "  ")
		}
	}
	return o
}

// access says what opens an operation.
func access(r Route) string {
	switch {
	case r.Door == public:
		return "open to everybody"
	case r.Door == tokenOnly:
		return "access token"
	case r.Scope != "":
		return "access token, or API key with " + string(r.Scope)
	}
	return "access token or API key"
}

func (a *API) resolve(s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return a.huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// fields lists a schema's fields, and behind a list of things those of one.
func (a *API) fields(s *huma.Schema) []reference.Field {
	var list []reference.Field
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[name]
		list = append(list, a.fieldOf(name, p, slices.Contains(s.Required, name), p.Description, ""))
		if p.Items == nil {
			continue
		}
		for _, inner := range a.fields(a.resolve(p.Items)) {
			inner.Name = name + "[]." + inner.Name
			list = append(list, inner)
		}
	}
	return list
}

func (a *API) fieldOf(name string, s *huma.Schema, required bool, doc, in string) reference.Field {
	f := reference.Field{Name: name, Type: a.kind(s), Required: required, Text: doc, In: in}
	s = a.resolve(s)
	rule := func(format string, v any) { f.Rules = append(f.Rules, fmt.Sprintf(format, v)) }
	for _, v := range s.Enum {
		rule("%v", v)
	}
	if s.MinLength != nil && *s.MinLength > 1 {
		rule("at least %d characters", *s.MinLength)
	}
	if s.MaxLength != nil {
		rule("at most %d characters", *s.MaxLength)
	}
	if s.Minimum != nil && s.Maximum != nil {
		rule("%s", strconv.FormatFloat(*s.Minimum, 'f', -1, 64)+" to "+strconv.FormatFloat(*s.Maximum, 'f', -1, 64))
	}
	if s.Default != nil {
		rule("%v unless given", s.Default)
	}
	return f
}

// kind is a schema's type in a word.
func (a *API) kind(s *huma.Schema) string {
	s = a.resolve(s)
	switch {
	case s.Type == huma.TypeArray:
		return "list of " + a.kind(s.Items) + "s"
	case s.Format == "date-time":
		return "time"
	case s.Format == "uuid":
		return "id"
	case s.Type == huma.TypeString:
		return "text"
	case s.Type == huma.TypeInteger:
		return "number"
	case s.Type == huma.TypeBoolean:
		return "yes or no"
	}
	return "object"
}

// sample makes a value that a schema allows.
func (a *API) sample(s *huma.Schema) any {
	s = a.resolve(s)
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type == huma.TypeObject:
		v := map[string]any{}
		for name, p := range s.Properties {
			v[name] = a.sample(p)
		}
		return v
	case s.Type == huma.TypeArray:
		return []any{a.sample(s.Items)}
	case s.Format == "date-time":
		return "2026-11-25T09:30:00Z"
	case s.Format == "uuid":
		return "0190d3a1-5b7c-7c3e-9d55-2f6f0a1b2c3d"
	case s.Type == huma.TypeBoolean:
		return true
	case s.Type == huma.TypeInteger:
		return 1
	}
	return "…"
}

func example(v any, indent string) string {
	var text []byte
	var err error
	if indent == "" {
		text, err = json.Marshal(v)
	} else {
		text, err = json.MarshalIndent(v, "", indent)
	}
	if err != nil {
		return "" // samples always encode
	}
	return string(text)
}
