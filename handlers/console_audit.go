package handlers

import (
	"bufio"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	consoleviews "github.com/allin-platform/allin/views/console"
	"github.com/allin-platform/allin/views/layout"
)

// auditAsked reads the filter of a request. What cannot be read is told at its
// field and filters nothing.
func auditAsked(c *fiber.Ctx, con *models.Console) consoleviews.AuditParams {
	p := consoleviews.AuditParams{From: c.Query("from"), Until: c.Query("until"), Organization: c.Query("organization"), Errors: map[string]string{}}
	p.Filter = models.ConsoleAuditFilter{Person: strings.TrimSpace(c.Query("q")), Act: c.Query("act"), Cursor: c.Query("after")}
	if p.Organization != "" {
		var err error
		if p.Filter.Organization, err = uuid.Parse(p.Organization); err != nil {
			p.Errors["organization"] = "There is no organization with this id."
		}
	}
	p.Filter.From = dayOf(c, "from", 0, con.Admin.TimeZone, p.Errors)
	p.Filter.Until = dayOf(c, "until", 1, con.Admin.TimeZone, p.Errors)
	return p
}

func (s *Server) showConsoleAudit(c *fiber.Ctx, con *models.Console) error {
	p := auditAsked(c, con)
	return s.auditScreen(c, con, p)
}

func (s *Server) auditScreen(c *fiber.Ctx, con *models.Console, p consoleviews.AuditParams) error {
	var err error
	if p.Page, err = con.Audit(c.UserContext(), p.Filter); err != nil {
		return err
	}
	if p.Acts, err = con.AuditActs(c.UserContext()); err != nil {
		return err
	}
	p.Viewer = s.viewer(c, con)
	status := fiber.StatusOK
	if len(p.Errors) > 0 {
		status = fiber.StatusUnprocessableEntity
	}
	return s.showConsole(c, screen{title: "Audit log", status: status, part: consoleviews.Audit(p),
		page: func(f layout.Frame) templ.Component { return consoleviews.AuditPage(f, p) }})
}

func (s *Server) verifyConsoleAudit(c *fiber.Ctx, con *models.Console) error {
	rows, broken, err := con.VerifyAudit(c.UserContext())
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		s.config.Log.Error("the audit log does not hold together", "places", len(broken), "id", of(c).id)
	}
	return s.auditScreen(c, con, consoleviews.AuditParams{Verified: &consoleviews.Verified{Rows: rows, Broken: broken}})
}

// exportConsoleAudit sends all that the filter finds as a file, line by line.
func (s *Server) exportConsoleAudit(c *fiber.Ctx, con *models.Console) error {
	p := auditAsked(c, con)
	if len(p.Errors) > 0 {
		return s.auditScreen(c, con, p)
	}
	p.Filter.Cursor = ""
	format, kind := "csv", "text/csv; charset=utf-8"
	if c.Query("format") == "jsonl" {
		format, kind = "jsonl", "application/jsonl; charset=utf-8"
	}
	s.security(c, "audit log exported")
	download(c, kind, "audit-"+s.config.Now().UTC().Format("2006-01-02-150405")+"."+format)
	s.stream(c, "an export of the installation's audit log", func(ctx context.Context, w *bufio.Writer) error {
		return writeConsoleAudit(ctx, w, con, p.Filter, format)
	})
	return nil
}

func writeConsoleAudit(ctx context.Context, w *bufio.Writer, con *models.Console, f models.ConsoleAuditFilter, format string) error {
	if format == "jsonl" {
		out := json.NewEncoder(w)
		return con.ExportAudit(ctx, f, format, func(l models.ConsoleAuditLine) error { return out.Encode(consoleLine(l)) })
	}
	table := newSheet(w)
	if err := table.row("at", "actor_kind", "actor_id", "actor", "act", "object", "organization_id", "organization", "details",
		"address", "agent", "chain", "seq", "id"); err != nil {
		return err
	}
	err := con.ExportAudit(ctx, f, format, func(l models.ConsoleAuditLine) error {
		e := consoleLine(l)
		return table.row(e.At, string(e.ActorKind), e.ActorID, e.Actor, e.Act, e.Object, e.OrganizationID, e.Organization, string(e.Details),
			e.Address, e.Agent, e.Chain.String(), number(strconv.FormatInt(e.Seq, 10)), e.ID.String())
	})
	table.Flush()
	if err != nil {
		return err
	}
	return table.Error()
}

// consoleAuditLine is a line of the log as programs read it.
type consoleAuditLine struct {
	At             string           `json:"at"`
	ActorKind      models.ActorKind `json:"actor_kind"`
	ActorID        string           `json:"actor_id,omitempty"`
	Actor          string           `json:"actor,omitempty"`
	Act            string           `json:"act"`
	Object         string           `json:"object,omitempty"`
	OrganizationID string           `json:"organization_id,omitempty"`
	Organization   string           `json:"organization,omitempty"`
	Details        json.RawMessage  `json:"details"`
	Address        string           `json:"address,omitempty"`
	Agent          string           `json:"agent,omitempty"`
	Chain          uuid.UUID        `json:"chain"`
	Seq            int64            `json:"seq"`
	ID             uuid.UUID        `json:"id"`
}

func consoleLine(l models.ConsoleAuditLine) consoleAuditLine {
	text := func(id *uuid.UUID) string {
		if id == nil {
			return ""
		}
		return id.String()
	}
	return consoleAuditLine{At: l.At.UTC().Format(time.RFC3339Nano), ActorKind: l.ActorKind, ActorID: text(l.ActorID), Actor: l.ActorName, Act: l.Act,
		Object: l.Object, OrganizationID: text(l.Organization), Organization: l.OrganizationName, Details: l.Details, Address: l.Address,
		Agent: l.Agent, Chain: l.Chain, Seq: l.Seq, ID: l.ID}
}
