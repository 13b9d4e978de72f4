package handlers

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/settings"
)

// auditShown is how many entries a page of the log has, auditPiece how many
// are read at once for an export.
const (
	auditShown = 50
	auditPiece = 1000
)

func (s *Server) showAudit(c *fiber.Ctx, ws *models.Workspace) error {
	ctx := c.UserContext()
	chosen, f, problems := auditFilter(c, ws)
	before, err := strconv.ParseInt(c.Query("before", "0"), 10, 64)
	if err != nil || before < 0 {
		return errNotThere
	}
	p := settings.AuditParams{Filter: chosen, Errors: problems, Newest: before == 0, Zone: ws.Zone()}
	if p.People, p.Acts, err = ws.AuditChoices(ctx); err != nil {
		return err
	}
	if p.Lines, err = ws.AuditLog(ctx, f, before, auditShown+1); err != nil {
		return err
	}
	if len(p.Lines) > auditShown {
		p.Lines = p.Lines[:auditShown]
		older := url.Values{"before": {strconv.FormatInt(p.Lines[auditShown-1].Seq, 10)}}
		for name, values := range chosen {
			older[name] = values
		}
		p.Older = "/settings/audit?" + older.Encode()
	}
	status := fiber.StatusOK
	if len(problems) > 0 {
		status = fiber.StatusUnprocessableEntity
	}
	return s.show(c, ws, screen{area: layout.Settings, title: "Audit log", status: status, part: settings.Audit(p),
		page: func(f layout.Frame) templ.Component { return settings.AuditPage(f, p) }})
}

// auditFilter reads which entries are wanted; days are those of the reader's zone.
func auditFilter(c *fiber.Ctx, ws *models.Workspace) (chosen url.Values, f models.AuditFilter, problems map[string]string) {
	chosen, problems = url.Values{}, map[string]string{}
	for _, name := range []string{"person", "act", "from", "to"} {
		if v := c.Query(name); v != "" {
			chosen.Set(name, v)
		}
	}
	if id, err := uuid.Parse(chosen.Get("person")); err == nil {
		f.Actor = id
	}
	f.Act = chosen.Get("act")
	f.From, f.To = dayOf(c, "from", 0, ws.Zone(), problems), dayOf(c, "to", 1, ws.Zone(), problems)
	return chosen, f, problems
}

// dayOf reads the day in a field of a filter: its beginning in the zone, moved
// by days. What is no day is told in problems and filters nothing.
func dayOf(c *fiber.Ctx, field string, days int, zone string, problems map[string]string) time.Time {
	text := c.Query(field)
	if text == "" {
		return time.Time{}
	}
	loc, err := models.LoadZone(zone)
	if err != nil {
		loc = time.UTC
	}
	at, err := time.ParseInLocation(time.DateOnly, text, loc)
	if err != nil {
		problems[field] = "Choose a date, for example 2026-12-24."
		return time.Time{}
	}
	return at.AddDate(0, 0, days)
}

// exportAudit streams the entries that are wanted through write. Between two
// readings no transaction is open, however slowly the browser takes them.
func (s *Server) exportAudit(c *fiber.Ctx, ws *models.Workspace, format string, write func(w *bufio.Writer) (line func(models.AuditLine) error, end func() error)) error {
	_, f, problems := auditFilter(c, ws)
	for _, problem := range problems {
		return &models.Error{Code: models.Invalid, Message: problem, Fields: problems}
	}
	first, err := ws.AuditLog(c.UserContext(), f, 0, auditPiece) // asks for the permission, while there is still an answer to give
	if err != nil {
		return err
	}
	if err := ws.NoteAuditExport(c.UserContext(), format); err != nil {
		return err
	}
	s.security(c, "audit log exported", slog.String("organization", ws.Organization.ID.String()))
	s.stream(c, "an export of the audit log", func(ctx context.Context, w *bufio.Writer) error {
		line, end := write(w)
		return streamAudit(ctx, ws, f, first, line, end)
	})
	return nil
}

func streamAudit(ctx context.Context, ws *models.Workspace, f models.AuditFilter, list []models.AuditLine, line func(models.AuditLine) error, end func() error) error {
	for {
		for _, l := range list {
			if err := line(l); err != nil {
				return err
			}
		}
		if err := end(); err != nil {
			return err
		}
		if len(list) < auditPiece {
			return nil
		}
		var err error
		if list, err = ws.AuditLog(ctx, f, list[len(list)-1].Seq, auditPiece); err != nil {
			return err
		}
	}
}

func (s *Server) exportAuditCSV(c *fiber.Ctx, ws *models.Workspace) error {
	download(c, "text/csv; charset=utf-8", "audit.csv")
	return s.exportAudit(c, ws, "csv", func(w *bufio.Writer) (func(models.AuditLine) error, func() error) {
		table := newSheet(w)
		header := table.row("number", "time", "who", "who_kind", "who_id", "act", "what", "object", "details", "address", "browser")
		return func(l models.AuditLine) error {
				if header != nil {
					return header
				}
				details, err := json.Marshal(l.Details)
				if err != nil {
					return err
				}
				return table.row(number(strconv.FormatInt(l.Seq, 10)), l.At.UTC().Format(time.RFC3339Nano), l.Actor, string(l.ActorKind), actorID(l), l.Act,
					l.Words(), l.Object, string(details), l.Address, l.Agent)
			}, func() error {
				if table.Flush(); table.Error() != nil {
					return table.Error()
				}
				return w.Flush()
			}
	})
}

func actorID(l models.AuditLine) string {
	if l.ActorID == nil {
		return ""
	}
	return l.ActorID.String()
}

// exportedLine is an entry as a line of JSON.
type exportedLine struct {
	Number  int64          `json:"number"`
	ID      uuid.UUID      `json:"id"`
	Time    time.Time      `json:"time"`
	Who     string         `json:"who"`
	WhoKind string         `json:"who_kind"`
	WhoID   string         `json:"who_id,omitempty"`
	Act     string         `json:"act"`
	What    string         `json:"what"`
	Object  string         `json:"object"`
	Details map[string]any `json:"details"`
	Address string         `json:"address"`
	Browser string         `json:"browser"`
}

func (s *Server) exportAuditLines(c *fiber.Ctx, ws *models.Workspace) error {
	download(c, "application/jsonl; charset=utf-8", "audit.jsonl")
	return s.exportAudit(c, ws, "jsonl", func(w *bufio.Writer) (func(models.AuditLine) error, func() error) {
		out := json.NewEncoder(w)
		return func(l models.AuditLine) error {
			return out.Encode(exportedLine{Number: l.Seq, ID: l.ID, Time: l.At.UTC(), Who: l.Actor, WhoKind: string(l.ActorKind), WhoID: actorID(l),
				Act: l.Act, What: l.Words(), Object: l.Object, Details: l.Details, Address: l.Address, Browser: l.Agent})
		}, w.Flush
	})
}
