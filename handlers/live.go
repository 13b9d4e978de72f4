package handlers

import (
	"log/slog"

	"github.com/gofiber/contrib/websocket"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
)

// listen opens the connection over which a page hears what has changed. A
// browser lets any site open one with our cookie; where it comes from is asked here.
func (s *Server) listen(c *fiber.Ctx, ws *models.Workspace) error {
	if !websocket.IsWebSocketUpgrade(c) {
		return fiber.ErrUpgradeRequired
	}
	if origin := c.Get(fiber.HeaderOrigin); !s.own(c, origin) {
		s.security(c, "live connection from elsewhere refused", slog.String("origin", origin))
		return errForeign
	}
	se, err := s.session(c)
	if err != nil {
		return err
	}
	who := models.Listening{Session: se.row.ID(), Organization: ws.Organization.ID, Role: ws.Role}
	return websocket.New(func(conn *websocket.Conn) { s.hub.Serve(conn, who) })(c)
}
