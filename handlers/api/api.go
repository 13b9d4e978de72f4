// Package api is AllIN's interface for programs: /api/v1, with JSON types of
// its own and a description in OpenAPI 3.1. An operation calls the same methods
// of models as a page does. It takes access tokens and API keys and no cookie,
// and one that needs an organization cannot be registered without the door that
// opens it.
package api

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humafiber"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// Prefix is where the interface begins.
const Prefix = "/api/v1"

// MaxBody is the most that an operation takes, in bytes.
const MaxBody = 64 << 10

// Config is what the interface needs.
type Config struct {
	Install *models.Install
	Origin  string // where people and programs reach AllIN
	Version string // of the program
	// Problem is an error as it is told; it is called once for each, and logs it.
	Problem func(c *fiber.Ctx, err error) *Problem
	// Met hears who asks, and may refuse.
	Met func(c *fiber.Ctx, who *models.Caller) error
	// Tried hears how a try to sign in ended.
	Tried func(c *fiber.Ctx, err error)
}

// API is the interface, mounted in a server.
type API struct {
	config Config
	huma   huma.API
	routes []Route
}

// Route is an operation as the server's table has it.
type Route struct {
	Method, Path string       // Path as Fiber writes it: "/api/v1/team/members/:id"
	Door         string       // "public", "token" or "workspace"
	Scope        models.Scope // that an API key needs; "" where keys are not taken, or are all taken
}

// New registers all operations with app.
func New(app *fiber.App, c Config) *API {
	a := &API{config: c}
	hc := huma.DefaultConfig("AllIN", c.Version)
	hc.CreateHooks, hc.DocsPath, hc.OpenAPIPath, hc.SchemasPath = nil, "", "", ""
	hc.Info.Version = "1"
	hc.Info.Description = "What programs may do in AllIN. Errors are problems as RFC 9457 has them, with a code, a sentence for each field that is wrong, and the request's id."
	hc.Servers = []*huma.Server{{URL: c.Origin}}
	hc.RejectUnknownQueryParameters = true
	hc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		tokenScheme: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "An access token from POST " + Prefix + "/auth/token. It is good for ten minutes."},
		keyScheme:   {Type: "http", Scheme: "bearer", Description: "An API key, made in the settings. It does what its scopes and its owner's role allow."},
	}
	hc.Components.Schemas.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[Problem]())
	hc.Transformers = []huma.Transformer{a.ownProblems}
	a.huma = humafiber.New(app, hc)
	a.huma.UseMiddleware(a.admit)
	a.auth()
	a.team()
	return a
}

// Names of the two ways in, as the description has them.
const (
	tokenScheme = "token"
	keyScheme   = "key"
)

// Routes lists what was registered.
func (a *API) Routes() []Route { return a.routes }

// operation is what is said of an operation when it is registered.
type operation struct {
	id, method, path string // path behind Prefix
	summary, more    string
	tag              string
	status           int // of the answer when it is done; 0: 200, or 204 where there is none
	errors           []int
}

// doorKey finds an operation's route in its description.
const doorKey = "allin.route"

func (a *API) describe(o operation, door string, scope models.Scope) huma.Operation {
	r := Route{Method: o.method, Path: Prefix + strings.NewReplacer("{", ":", "}", "").Replace(o.path), Door: door, Scope: scope}
	a.routes = append(a.routes, r)
	op := huma.Operation{OperationID: o.id, Method: o.method, Path: Prefix + o.path, Summary: o.summary, Description: o.more, Tags: []string{o.tag},
		DefaultStatus: o.status, MaxBodyBytes: MaxBody, Errors: append([]int{400, 413, 422, 429, 500}, o.errors...), Metadata: map[string]any{doorKey: r}}
	if door != public {
		op.Errors = append(op.Errors, 401)
		op.Security = []map[string][]string{{tokenScheme: {}}}
	}
	if door != public && door != tokenOnly {
		keys := []string{}
		if scope != "" {
			keys = append(keys, string(scope))
		}
		op.Security = append(op.Security, map[string][]string{keyScheme: keys})
	}
	if door == workspace {
		op.Errors = append(op.Errors, 403, 404) // the organization itself may be gone
	}
	return op
}

// The doors.
const (
	public    = "public"
	person    = "person"    // by a token or a key
	tokenOnly = "token"     // not by a key
	workspace = "workspace" // in an organization, by a token or by a key with the scope
)

// open registers an operation for anybody.
func open[I, O any](a *API, o operation, h func(ctx context.Context, in *I) (*O, error)) {
	huma.Register(a.huma, a.describe(o, public, ""), func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		return out, a.told(ctx, err)
	})
}

// byPerson registers an operation for whoever has a token or any key.
func byPerson[I, O any](a *API, o operation, h func(ctx context.Context, who *models.Caller, in *I) (*O, error)) {
	byCaller(a, a.describe(o, person, ""), h)
}

// byToken registers an operation that keys cannot do.
func byToken[I, O any](a *API, o operation, h func(ctx context.Context, who *models.Caller, in *I) (*O, error)) {
	byCaller(a, a.describe(o, tokenOnly, ""), h)
}

func byCaller[I, O any](a *API, op huma.Operation, h func(ctx context.Context, who *models.Caller, in *I) (*O, error)) {
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, callerOf(ctx), in)
		return out, a.told(ctx, err)
	})
}

// inWorkspace registers an operation on what an organization has.
func inWorkspace[I, O any](a *API, o operation, scope models.Scope, h func(ctx context.Context, ws *models.Workspace, in *I) (*O, error)) {
	huma.Register(a.huma, a.describe(o, workspace, scope), func(ctx context.Context, in *I) (*O, error) {
		ws, err := callerOf(ctx).Workspace(ctx)
		if err != nil {
			return nil, a.told(ctx, err)
		}
		out, err := h(ctx, ws, in)
		return out, a.told(ctx, err)
	})
}

type callerKey struct{}

func callerOf(ctx context.Context) *models.Caller { return ctx.Value(callerKey{}).(*models.Caller) }

type fiberKey struct{}

// admit lets in who may use the operation at all.
func (a *API) admit(ctx huma.Context, next func(huma.Context)) {
	c := humafiber.Unwrap(ctx)
	r := ctx.Operation().Metadata[doorKey].(Route)
	ctx = huma.WithValue(ctx, fiberKey{}, c)
	if r.Door == public {
		next(ctx)
		return
	}
	who, err := a.caller(ctx, c, r)
	if err != nil {
		a.refuse(c, err)
		return
	}
	whole := context.WithValue(ctx.Context(), callerKey{}, who)
	if who.Key != uuid.Nil {
		o := models.OriginOf(whole)
		o.Key = who.Key
		whole = models.WithOrigin(whole, o)
	}
	next(huma.WithContext(ctx, whole))
}

func (a *API) caller(ctx huma.Context, c *fiber.Ctx, r Route) (*models.Caller, error) {
	who, err := a.config.Install.Access(ctx.Context(), Bearer(c))
	if err != nil {
		return nil, err
	}
	if err := a.config.Met(c, who); err != nil {
		return nil, err
	}
	switch {
	case r.Door == tokenOnly && who.Key != uuid.Nil:
		return nil, &models.Error{Code: models.Forbidden, Message: "An API key cannot do this. Use an access token."}
	case r.Scope != "" && !who.Allows(r.Scope):
		return nil, &models.Error{Code: models.Forbidden, Message: fmt.Sprintf("This API key does not have the scope %s.", r.Scope)}
	}
	return who, nil
}

// Bearer is the credential in the request's header; "" where there is none.
func Bearer(c *fiber.Ctx) string {
	kind, value, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !strings.EqualFold(kind, "Bearer") || len(c.Request().Header.PeekAll(fiber.HeaderAuthorization)) != 1 {
		return ""
	}
	return strings.TrimSpace(value)
}

// Document is the description in OpenAPI, as JSON and as YAML.
func (a *API) Document() (json, yaml []byte, err error) {
	if json, err = a.huma.OpenAPI().MarshalJSON(); err != nil {
		return nil, nil, fmt.Errorf("write the description: %w", err)
	}
	if yaml, err = a.huma.OpenAPI().YAML(); err != nil {
		return nil, nil, fmt.Errorf("write the description: %w", err)
	}
	return json, yaml, nil
}

const (
	get    = http.MethodGet
	post   = http.MethodPost
	patch  = http.MethodPatch
	remove = http.MethodDelete
)
