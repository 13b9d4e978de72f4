package api

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
)

// Problem is an error as RFC 9457 has it.
type Problem struct {
	Type      string            `json:"type" example:"about:blank"`
	Title     string            `json:"title" doc:"What kind of problem it is." example:"This needs another look"`
	Status    int               `json:"status" example:"422"`
	Detail    string            `json:"detail" doc:"What happened, and what to do next." example:"Choose one of the five roles."`
	Code      string            `json:"code" doc:"The kind for programs: invalid, not_found, conflict, forbidden, unauthenticated, limited, upstream or internal." example:"invalid"`
	Fields    map[string]string `json:"fields,omitempty" doc:"A sentence for each field that is wrong, by its name."`
	RequestID string            `json:"request_id" doc:"Under which the request stands in the log." example:"5f1c0c9e2f0a4b7d"`
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is for huma.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// told turns what an operation returned into what is answered.
func (a *API) told(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	c, _ := ctx.Value(fiberKey{}).(*fiber.Ctx)
	return a.config.Problem(c, err)
}

// refuse answers before an operation has begun.
func (a *API) refuse(c *fiber.Ctx, err error) {
	p := a.config.Problem(c, err)
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"status":500}`)
	}
	if p.Status == fiber.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, `Bearer realm="AllIN"`)
	}
	c.Status(p.Status)
	c.Set(fiber.HeaderContentType, problemType)
	c.Response().SetBody(body)
}

// ownProblems gives what huma itself refuses, such as an unknown field, the
// form of every other problem.
func (a *API) ownProblems(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	e := &models.Error{Code: models.Invalid, Message: sentence(m.Detail), Fields: map[string]string{}}
	for _, d := range m.Errors {
		if name := field(d.Location); name != "" {
			e.Fields[name] = sentence(d.Message)
		}
	}
	if m.Status == fiber.StatusUnprocessableEntity {
		e.Message = "Some of this needs another look."
	}
	if m.Status >= 500 {
		return a.config.Problem(humafiber.Unwrap(ctx), errors.New(m.Detail)), nil
	}
	p := a.config.Problem(humafiber.Unwrap(ctx), e)
	p.Status = m.Status // it has been sent
	return p, nil
}

// field is the name of the field at a place such as "body.role".
func field(location string) string {
	for _, part := range []string{"body.", "query.", "path.", "header."} {
		if name, ok := strings.CutPrefix(location, part); ok {
			return name
		}
	}
	return location
}

// sentence makes one of a library's words.
func sentence(words string) string {
	words = strings.TrimSpace(words)
	if words == "" {
		return "This cannot be taken."
	}
	if !strings.HasSuffix(words, ".") {
		words += "."
	}
	return strings.ToUpper(words[:1]) + words[1:]
}
