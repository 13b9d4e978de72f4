package handlers

import (
	"context"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
	"github.com/allin-platform/allin/views/accounts"
	"github.com/allin-platform/allin/views/layout"
)

func (s *Server) listAccounts(c *fiber.Ctx, ws *models.Workspace) error {
	list, err := ws.Accounts(c.UserContext())
	if err != nil {
		return err
	}
	p := accounts.Params{CSRF: s.csrf(c), Accounts: list, Manage: ws.May(models.ManageAccounts), Zone: ws.Zone(), Now: s.config.Now(),
		SandboxURL: s.config.SandboxURL}
	if p.Rules, err = ws.AccountRules(c.UserContext()); err != nil {
		return err
	}
	if p.Manage {
		p.Networks = s.choices(c.UserContext())
	}
	return s.show(c, ws, screen{area: layout.Accounts, title: "Accounts", part: accounts.List(p),
		page: func(f layout.Frame) templ.Component { return accounts.Page(f, p) }})
}

// choices are the networks that an account can be connected on. One whose
// credentials are missing says so before anybody is sent away.
func (s *Server) choices(ctx context.Context) []accounts.Choice {
	registry := s.config.Store.Networks()
	var list []accounts.Choice
	for _, key := range registry.Keys() {
		info, _ := registry.Info(key)
		choice := accounts.Choice{Key: key, Name: info.Name, Sandbox: registry.HasSandbox(key)}
		n, err := registry.Get(key, false)
		if err == nil && info.Connect.SiteLabel == "" {
			// Such a network calls nobody here: what is looked for is configured.
			_, err = s.install.App(ctx, n, "", s.callback(key))
		}
		if err != nil {
			choice.Missing = networks.AsError(err).Message
		}
		list = append(list, choice)
	}
	return list
}

func (s *Server) reconnectAccount(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	account, err := ws.Account(c.UserContext(), id)
	if err != nil {
		return err
	}
	t, err := s.target(ws, account.Network, account.Sandbox, account)
	if err != nil {
		return err
	}
	if !t.info.Connect.Consent {
		return c.Redirect(t.form(), fiber.StatusSeeOther)
	}
	return s.askConsent(c, ws, t, account.Site)
}

// revokeWithin is how long the network may take to hear that an account is
// disconnected. Here it is, whatever the network says.
const revokeWithin = 5 * time.Second

func (s *Server) disconnectAccount(c *fiber.Ctx, ws *models.Workspace) error {
	id, err := idParam(c, "id")
	if err != nil {
		return err
	}
	account, err := ws.Account(c.UserContext(), id)
	if err != nil {
		return err
	}
	left, err := ws.Disconnect(c.UserContext(), id)
	if err != nil {
		return err
	}
	s.security(c, "account disconnected")
	news := account.NetworkName + " @" + account.Handle + " is disconnected."
	if left.Token.Access != "" {
		if err := s.revoke(c.UserContext(), left, account.Sandbox); err != nil {
			s.config.Log.Info("revoke at the network", "network", account.Network, "account", id, "error", err)
			news += " " + account.NetworkName + " could not be told: remove AllIN in its settings too."
		}
	}
	return s.goTo(c, "/accounts", "good", news)
}

func (s *Server) revoke(ctx context.Context, a networks.Account, sandbox bool) error {
	ctx, cancel := context.WithTimeout(ctx, revokeWithin)
	defer cancel()
	n, err := s.config.Store.Networks().Get(a.Network, sandbox)
	if err != nil {
		return err
	}
	app, err := s.install.App(ctx, n, a.Site, "")
	if err != nil {
		return err
	}
	return n.Revoke(ctx, a, app)
}
