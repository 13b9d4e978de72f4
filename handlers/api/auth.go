package api

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
)

// Tokens are what a program gets.
type Tokens struct {
	AccessToken  string    `json:"access_token" doc:"Goes into the header Authorization, behind Bearer."`
	TokenType    string    `json:"token_type" example:"Bearer"`
	ExpiresIn    int       `json:"expires_in" doc:"Seconds that the access token is good for." example:"600"`
	RefreshToken string    `json:"refresh_token,omitempty" doc:"Is spent once, at /auth/refresh, for the next pair."`
	RefreshUntil time.Time `json:"refresh_until" doc:"When the program has to sign in again, however often it refreshes."`
	Organization string    `json:"organization,omitempty" format:"uuid" doc:"The organization that the access token is for; absent when the person is in none."`
}

type tokensOut struct{ Body Tokens }

func tokensOf(t *models.Tokens) *tokensOut {
	out := &tokensOut{Tokens{AccessToken: t.Access, TokenType: "Bearer", ExpiresIn: int(t.AccessLife / time.Second), RefreshToken: t.Refresh,
		RefreshUntil: t.Expires.UTC()}}
	if t.Organization != uuid.Nil {
		out.Body.Organization = t.Organization.String()
	}
	return out
}

// Me is who a token or a key acts for.
type Me struct {
	ID           string       `json:"id" format:"uuid"`
	Name         string       `json:"name" example:"Ann Miller"`
	Email        string       `json:"email" example:"ann@example.com"`
	TimeZone     string       `json:"time_zone" example:"Europe/Berlin"`
	By           string       `json:"by" enum:"token,key" doc:"By what this request came."`
	Scopes       []string     `json:"scopes,omitempty" nullable:"false" doc:"Of the key."`
	Organization string       `json:"organization,omitempty" format:"uuid" doc:"That the token or key is for."`
	Memberships  []Membership `json:"memberships" nullable:"false" doc:"The person's organizations. A key sees its own only."`
}

// Membership is an organization of the person's.
type Membership struct {
	Organization string `json:"organization" format:"uuid"`
	Name         string `json:"name" example:"Harbour Coffee"`
	Role         string `json:"role" enum:"OWNER,ADMIN,EDITOR,MEMBER,VIEWER"`
}

// Session is a place where the person is signed in.
type Session struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind" enum:"browser,program"`
	Current   bool      `json:"current" doc:"The one that asks."`
	Address   string    `json:"address" doc:"From which it was opened or refreshed last." example:"203.0.113.7"`
	Agent     string    `json:"agent" doc:"What the browser or program calls itself." example:"curl/8.5.0"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at"`
}

func (a *API) auth() {
	const tag = "auth"
	open(a, operation{id: "create-token", method: post, path: "/auth/token", tag: tag, errors: []int{401, 403},
		summary: "Sign in a program",
		more:    "Gives an access token and a refresh token for an e-mail address and a password. Tries are counted together with those on the sign-in page."},
		a.createToken)
	open(a, operation{id: "refresh-token", method: post, path: "/auth/refresh", tag: tag, errors: []int{401},
		summary: "Get the next pair of tokens",
		more:    "Spends a refresh token. The same one sent again within ten seconds gets the same next refresh token; later, everything that this sign-in gave is taken back and the person is told."},
		a.refreshToken)
	open(a, operation{id: "revoke-token", method: post, path: "/auth/revoke", tag: tag, status: 204,
		summary: "Sign a program out",
		more:    "Ends all tokens of the sign-in that this refresh token belongs to, at once. It answers alike when there is nothing to end."},
		a.revokeToken)
	byToken(a, operation{id: "switch-organization", method: post, path: "/auth/switch", tag: tag, errors: []int{403, 404},
		summary: "Go on in another organization",
		more:    "Gives an access token for another organization of the person's. The refresh token stays and gives tokens for that organization from now on."},
		a.switchOrganization)
	byPerson(a, operation{id: "get-me", method: get, path: "/auth/me", tag: tag, summary: "Who this token or key acts for"}, a.getMe)
	byToken(a, operation{id: "list-sessions", method: get, path: "/auth/sessions", tag: tag, errors: []int{403}, summary: "Where the person is signed in",
		more: "Browsers and programs, the newest use first."}, a.listSessions)
	byToken(a, operation{id: "end-session", method: remove, path: "/auth/sessions/{id}", tag: tag, status: 204, errors: []int{403, 404},
		summary: "Sign the person out somewhere"}, a.endSession)
}

type createTokenIn struct {
	Body struct {
		Email        string `json:"email" minLength:"1" maxLength:"254" example:"ann@example.com"`
		Password     string `json:"password" minLength:"1" maxLength:"512" example:"correct horse battery"`
		Code         string `json:"code,omitempty" maxLength:"40" doc:"Of the authenticator app, or a recovery code, where the account has a second factor." example:"123456"`
		Organization string `json:"organization,omitempty" format:"uuid" doc:"That the token is for; without it, the first of the person's."`
	}
}

func (a *API) createToken(ctx context.Context, in *createTokenIn) (*tokensOut, error) {
	who, err := a.config.Install.SignInProgram(ctx, in.Body.Email, in.Body.Password, in.Body.Code)
	if c, ok := ctx.Value(fiberKey{}).(*fiber.Ctx); ok {
		a.config.Tried(c, err)
	}
	if err != nil {
		if models.CodeOf(err) == models.Invalid {
			return nil, &models.Error{Code: models.Unauthenticated, Message: "The address, the password or the code is wrong."}
		}
		return nil, err
	}
	organization, err := idOr(in.Body.Organization)
	if err != nil {
		return nil, err
	}
	t, err := a.config.Install.OpenFamily(ctx, who, organization)
	if err != nil {
		return nil, err
	}
	return tokensOf(t), nil
}

type refreshIn struct {
	Body struct {
		RefreshToken string `json:"refresh_token" minLength:"1" maxLength:"200"`
	}
}

func (a *API) refreshToken(ctx context.Context, in *refreshIn) (*tokensOut, error) {
	t, err := a.config.Install.Refresh(ctx, in.Body.RefreshToken)
	if err != nil {
		return nil, err
	}
	return tokensOf(t), nil
}

func (a *API) revokeToken(ctx context.Context, in *refreshIn) (*struct{}, error) {
	return nil, a.config.Install.EndFamily(ctx, in.Body.RefreshToken)
}

type switchIn struct {
	Body struct {
		Organization string `json:"organization" format:"uuid"`
	}
}

func (a *API) switchOrganization(ctx context.Context, who *models.Caller, in *switchIn) (*tokensOut, error) {
	organization, err := id(in.Body.Organization)
	if err != nil {
		return nil, err
	}
	t, err := a.config.Install.SwitchOrganization(ctx, who, organization)
	if err != nil {
		return nil, err
	}
	return tokensOf(t), nil
}

type meOut struct{ Body Me }

func (a *API) getMe(ctx context.Context, who *models.Caller, _ *struct{}) (*meOut, error) {
	list, err := who.Person.Memberships(ctx)
	if err != nil {
		return nil, err
	}
	u := who.Person.User
	me := Me{ID: u.ID.String(), Name: u.Name, Email: u.Email, TimeZone: u.TimeZone, By: "token", Memberships: []Membership{}}
	if who.Organization != uuid.Nil {
		me.Organization = who.Organization.String()
	}
	if who.Key != uuid.Nil {
		me.By = "key"
	}
	for _, s := range who.Scopes {
		me.Scopes = append(me.Scopes, string(s))
	}
	for _, m := range list {
		if who.Key == uuid.Nil || m.OrganizationID == who.Organization {
			me.Memberships = append(me.Memberships, Membership{m.OrganizationID.String(), m.Name, string(m.Role)})
		}
	}
	return &meOut{me}, nil
}

type sessionsOut struct {
	Body struct {
		Items []Session `json:"items" nullable:"false"`
	}
}

func (a *API) listSessions(ctx context.Context, who *models.Caller, _ *struct{}) (*sessionsOut, error) {
	list, err := who.Person.Devices(ctx, "")
	if err != nil {
		return nil, err
	}
	out := &sessionsOut{}
	out.Body.Items = []Session{}
	for _, d := range list {
		s := Session{ID: d.ID, Kind: "browser", Current: d.ID == who.Family.String(), Address: d.IP, Agent: d.Agent,
			CreatedAt: d.CreatedAt.UTC(), SeenAt: d.SeenAt.UTC()}
		if d.Program {
			s.Kind = "program"
		}
		out.Body.Items = append(out.Body.Items, s)
	}
	return out, nil
}

type sessionIn struct {
	ID string `path:"id" maxLength:"64" doc:"From the list."`
}

func (a *API) endSession(ctx context.Context, who *models.Caller, in *sessionIn) (*struct{}, error) {
	return nil, who.Person.RevokeDevice(ctx, in.ID)
}

// id reads an id. What cannot be one names nothing.
func id(text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return uuid.Nil, &models.Error{Code: models.NotFound, Message: "There is nothing with this id. It may have been deleted, or belong to another organization."}
	}
	return id, nil
}

// idOr is id where none need be given.
func idOr(text string) (uuid.UUID, error) {
	if text == "" {
		return uuid.Nil, nil
	}
	return id(text)
}
