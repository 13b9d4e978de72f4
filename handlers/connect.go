package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/url"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/markbates/goth"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/views/accounts"
	"github.com/allin-platform/allin/views/layout"
)

// target is what somebody is connecting to.
type target struct {
	network networks.Network
	info    networks.Info
	sandbox bool
	account *models.Account // to be reconnected; nil for a new one
}

// callback is where the network sends people back to.
func (s *Server) callback(network string) string {
	return s.config.Origin + "/accounts/callback/" + network
}

// form is the address of the page that asks what the network needs.
func (t target) form() string {
	q := url.Values{}
	if t.sandbox {
		q.Set("sandbox", "1")
	}
	if t.account != nil {
		q.Set("account", t.account.ID.String())
	}
	path := "/accounts/connect/" + url.PathEscape(t.info.Key)
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}

// target finds the network, and asks whether the person may connect at all.
func (s *Server) target(ws *models.Workspace, key string, sandbox bool, account *models.Account) (target, error) {
	if !ws.May(models.ManageAccounts) {
		return target{}, &models.Error{Code: models.Forbidden,
			Message: "Your role here is " + ws.Role.Name() + ", which may not connect accounts. Ask somebody whose role is " + models.Admin.Name() + " or higher."}
	}
	n, err := s.config.Store.Networks().Get(key, sandbox)
	if err != nil {
		return target{}, &models.Error{Code: models.NotFound, Message: networks.AsError(err).Message, Err: err}
	}
	return target{network: n, info: n.Info(), sandbox: sandbox, account: account}, nil
}

// asked is the target that a request to the connect form names.
func (s *Server) asked(c *fiber.Ctx, ws *models.Workspace) (target, error) {
	key, sandbox := c.Params("network"), c.Query("sandbox") == "1"
	if c.Query("account") == "" {
		return s.target(ws, key, sandbox, nil)
	}
	id, err := uuid.Parse(c.Query("account"))
	if err != nil {
		return target{}, errNotThere
	}
	account, err := ws.Account(c.UserContext(), id)
	if err != nil {
		return target{}, err
	}
	if account.Network != key {
		return target{}, errNotThere
	}
	return s.target(ws, key, account.Sandbox, account)
}

func (s *Server) showConnect(c *fiber.Ctx, ws *models.Workspace) error {
	t, err := s.asked(c, ws)
	if err != nil {
		return err
	}
	return s.connectForm(c, ws, fiber.StatusOK, t, accounts.ConnectParams{})
}

func (s *Server) connectForm(c *fiber.Ctx, ws *models.Workspace, status int, t target, p accounts.ConnectParams) error {
	p.CSRF, p.Action, p.Info, p.Sandbox, p.Account = s.csrf(c), t.form(), t.info, t.sandbox, t.account
	p.SandboxURL = s.config.SandboxURL
	for _, f := range t.info.Connect.Fields {
		if f.Secret {
			delete(p.Values, f.Name)
		}
	}
	if t.account != nil && p.Site == "" {
		p.Site = t.account.Site
	}
	// A network with one address of its own calls nobody here: its credentials are configured.
	if site, err := t.network.Site(p.Site); err == nil && site == "" && p.Message == "" {
		if _, err := s.install.App(c.UserContext(), t.network, "", s.callback(t.info.Key)); err != nil {
			p.Missing = networks.AsError(err).Message
		}
	}
	return s.show(c, ws, screen{area: layout.Accounts, title: "Connect " + t.info.Name, status: status, part: accounts.Connect(p),
		page: func(f layout.Frame) templ.Component { return accounts.ConnectPage(f, p) }})
}

// connectAccount begins to connect: it sends the person to the network, or
// signs in there with what they typed.
func (s *Server) connectAccount(c *fiber.Ctx, ws *models.Workspace) error {
	t, err := s.asked(c, ws)
	if err != nil {
		return err
	}
	p := accounts.ConnectParams{Site: c.FormValue("site"), Values: map[string]string{}}
	for _, f := range t.info.Connect.Fields {
		p.Values[f.Name] = c.FormValue("field-" + f.Name)
	}
	named := p.Site
	if t.account != nil {
		named = t.account.Site
	}
	site, err := t.network.Site(named)
	if err != nil {
		p.Errors = map[string]string{"site": err.Error()} // a sentence for the person: see Network.Site
		if isNetworkError(err) {
			p.Errors["site"] = networks.AsError(err).Message
		}
		return s.connectForm(c, ws, fiber.StatusUnprocessableEntity, t, p)
	}
	if t.info.Connect.Consent {
		err = s.askConsent(c, ws, t, site)
	} else {
		err = s.signInThere(c, ws, t, site, p.Values)
	}
	return s.refusedThere(c, ws, t, p, err)
}

func isNetworkError(err error) bool {
	var e *networks.Error
	return errors.As(err, &e)
}

// refusedThere shows the form again with what the network said, and with what
// was typed but for secrets, which no page sends back.
func (s *Server) refusedThere(c *fiber.Ctx, ws *models.Workspace, t target, p accounts.ConnectParams, err error) error {
	var known *models.Error
	switch {
	case err == nil:
		return nil
	case isNetworkError(err):
		p.Message = networks.AsError(err).Message
		s.config.Log.Info("connect", "network", t.info.Key, "id", of(c).id, "error", err)
	case errors.As(err, &known) && (known.Code == models.Conflict || known.Code == models.Invalid):
		p.Message = known.Message
	default:
		return err
	}
	return s.connectForm(c, ws, fiber.StatusUnprocessableEntity, t, p)
}

// askConsent keeps what is needed when the person comes back and sends them
// away. The page of ours in between is there because the answer to a form may
// not lead to another site: the policy of our pages forbids it.
func (s *Server) askConsent(c *fiber.Ctx, ws *models.Workspace, t target, site string) error {
	ctx := c.UserContext()
	app, err := s.install.App(ctx, t.network, site, s.callback(t.info.Key))
	if err != nil {
		return err
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	var address string
	err = ws.BeginConnect(ctx, se.row, func(state string) (models.Connecting, error) {
		going, err := t.network.Provider(app, site, s.callback(t.info.Key)).BeginAuth(state)
		if err != nil {
			return models.Connecting{}, err
		}
		if address, err = going.GetAuthURL(); err != nil {
			return models.Connecting{}, err
		}
		conn := models.Connecting{Network: t.info.Key, Sandbox: t.sandbox, Site: site, Session: going.Marshal()}
		if t.account != nil {
			conn.Account = &t.account.ID
		}
		return conn, nil
	})
	if err != nil {
		return err
	}
	if wantsPart(c) {
		c.Set("HX-Redirect", address)
		return c.SendStatus(fiber.StatusNoContent)
	}
	c.Set("Refresh", "0; url="+address)
	p := accounts.LeavingParams{Network: t.info.Name, Address: address, Sandbox: t.sandbox}
	return s.bare(c, fiber.StatusOK, "To "+t.info.Name, func(whole layout.Page) templ.Component { return accounts.LeavingPage(whole, p) }, nil)
}

// signInThere connects an account with what was typed on our own page.
func (s *Server) signInThere(c *fiber.Ctx, ws *models.Workspace, t target, site string, values map[string]string) error {
	provider := t.network.Provider(networks.App{}, site, s.callback(t.info.Key))
	going, err := provider.BeginAuth("")
	if err != nil {
		return err
	}
	params := url.Values{}
	for name, value := range values {
		params.Set(name, value)
	}
	conn := models.Connection{Network: t.info.Key, Sandbox: t.sandbox, Site: site}
	if t.account != nil {
		conn.Account = &t.account.ID
	}
	return s.keep(c, ws, t.network, provider, going, params, conn)
}

// finishConnect is where the network sends people back to.
func (s *Server) finishConnect(c *fiber.Ctx, _ *models.Person) error {
	ctx := c.UserContext()
	se, err := s.session(c)
	if err != nil {
		return err
	}
	params, err := url.ParseQuery(string(c.Request().URI().QueryString()))
	if err != nil {
		return &models.Error{Code: models.Invalid, Message: "The network's answer could not be read. Start again."}
	}
	ws, began, err := s.install.EndConnect(ctx, se.row, c.Params("network"), params.Get("state"))
	if err != nil {
		s.security(c, "connect refused", slog.String("network", c.Params("network")))
		return err
	}
	var account *models.Account
	if began.Account != nil {
		if account, err = ws.Account(ctx, *began.Account); err != nil {
			return err
		}
	}
	t, err := s.target(ws, began.Network, began.Sandbox, account)
	if err != nil {
		return err
	}
	p := accounts.ConnectParams{Site: began.Site}
	app, err := s.install.App(ctx, t.network, began.Site, s.callback(began.Network))
	if err != nil {
		return s.refusedThere(c, ws, t, p, err)
	}
	provider := t.network.Provider(app, began.Site, s.callback(began.Network))
	going, err := provider.UnmarshalSession(began.Session)
	if err != nil {
		return err
	}
	conn := models.Connection{Network: began.Network, Sandbox: began.Sandbox, Site: began.Site, Account: began.Account}
	return s.refusedThere(c, ws, t, p, s.keep(c, ws, t.network, provider, going, params, conn))
}

// keep finishes the sign-in at the network and keeps the account.
func (s *Server) keep(c *fiber.Ctx, ws *models.Workspace, n networks.Network, provider goth.Provider, going goth.Session,
	params url.Values, conn models.Connection) error {
	user, err := authorize(provider, going, params)
	if err != nil {
		return atNetwork(n.Info().Name, err)
	}
	conn.Token = networks.Token{Access: user.AccessToken, Refresh: user.RefreshToken, Expires: user.ExpiresAt}
	conn.Token.Scopes, _ = user.RawData["scopes"].([]string)
	conn.Profile, err = describe(c.UserContext(), n, user, conn)
	if err != nil {
		return atNetwork(n.Info().Name, err)
	}
	account, err := ws.KeepConnection(c.UserContext(), conn)
	if err != nil {
		return err
	}
	s.security(c, "account connected", slog.String("network", conn.Network), slog.String("account", account.ID.String()))
	return s.goTo(c, "/accounts", "good", account.NetworkName+" @"+account.Handle+" is connected.")
}

func authorize(provider goth.Provider, going goth.Session, params url.Values) (goth.User, error) {
	if _, err := going.Authorize(provider, params); err != nil {
		return goth.User{}, err
	}
	return provider.FetchUser(going)
}

func describe(ctx context.Context, n networks.Network, user goth.User, conn models.Connection) (networks.Profile, error) {
	return n.Describe(ctx, networks.Account{Network: conn.Network, Site: conn.Site, RemoteID: user.UserID, Handle: user.NickName, Token: conn.Token})
}

// atNetwork puts a failed sign-in at a network into words, where the network's
// own client has not done so.
func atNetwork(name string, err error) error {
	if isNetworkError(err) {
		return err
	}
	return &networks.Error{Kind: networks.Unavailable, Err: err,
		Message: name + " did not finish the sign-in, so nothing was connected. Try again in a moment."}
}
