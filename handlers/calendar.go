package handlers

import (
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/calendar"
	"github.com/allin-platform/allin/views/layout"
)

// filter is what the address narrows a calendar or a list to. What makes no
// sense narrows nothing.
func filter(c *fiber.Ctx) models.Filter {
	var f models.Filter
	args := c.Context().QueryArgs()
	for _, v := range args.PeekMulti("account") {
		if id, err := uuid.ParseBytes(v); err == nil && len(f.Accounts) < 100 {
			f.Accounts = append(f.Accounts, id)
		}
	}
	for _, v := range args.PeekMulti("state") {
		if state := models.State(v); slices.Contains(models.FilterStates, state) && len(f.States) < len(models.FilterStates) {
			f.States = append(f.States, state)
		}
	}
	f.Search = short(c.Query("q"), 200)
	return f
}

// short is the beginning of v, at most most characters.
func short(v string, most int) string {
	if r := []rune(v); len(r) > most {
		return string(r[:most])
	}
	return v
}

// today is the date that the member's calendar shows.
func (s *Server) today(ws *models.Workspace) string {
	wall, err := models.WallOf(s.config.Now(), ws.Zone())
	if err != nil {
		return s.config.Now().UTC().Format(time.DateOnly)
	}
	return wall.Date
}

func (s *Server) showCalendar(c *fiber.Ctx, ws *models.Workspace) error {
	p := calendar.Params{View: calendar.Month, Date: c.Query("date"), Now: s.config.Now(), WeekStart: ws.Member.WeekStart,
		Filter: filter(c), Publish: ws.May(models.PublishPosts), Write: ws.May(models.WriteDrafts)}
	perDay := calendar.PerDay
	if c.Query("view") == string(calendar.Week) {
		p.View, perDay = calendar.Week, 0
	}
	if p.Date == "" {
		p.Date = s.today(ws)
	}
	from, days, err := calendar.Range(p.View, p.Date, p.WeekStart)
	if err != nil {
		return noSuchDay(p.Date)
	}
	ctx := c.UserContext()
	if p.Calendar, err = ws.Calendar(ctx, from, days, perDay, p.Filter); err != nil {
		return err
	}
	if p.Accounts, err = ws.Accounts(ctx); err != nil {
		return err
	}
	if p.Frame, err = s.frame(c, ws, layout.Calendar, "Calendar"); err != nil {
		return err
	}
	p.Frame.Title = calendar.Title(p)
	if wantsPart(c) {
		return html(c, fiber.StatusOK, calendar.Calendar(p))
	}
	return html(c, fiber.StatusOK, calendar.Page(p))
}

func noSuchDay(date string) error {
	return &models.Error{Code: models.NotFound, Message: "There is no day called “" + short(date, 40) + "”. Days are written like 2026-12-24."}
}

// showDay shows one day with all its posts.
func (s *Server) showDay(c *fiber.Ctx, ws *models.Workspace) error {
	p := calendar.DayParams{Zone: ws.Zone(), Now: s.config.Now(), Filter: filter(c),
		Publish: ws.May(models.PublishPosts), Write: ws.May(models.WriteDrafts)}
	date := c.Query("date")
	if date == "" {
		date = s.today(ws)
	}
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return noSuchDay(date)
	}
	cal, err := ws.Calendar(c.UserContext(), date, 1, 0, p.Filter)
	if err != nil {
		return err
	}
	p.Day = cal.Days[0]
	if p.Accounts, err = ws.Accounts(c.UserContext()); err != nil {
		return err
	}
	if wantsPart(c) {
		p.Frame = s.thin(c)
		if forPanel(c) {
			return html(c, fiber.StatusOK, calendar.DayPanel(p))
		}
		return html(c, fiber.StatusOK, calendar.Day(p)) // it renews itself
	}
	if p.Frame, err = s.frame(c, ws, layout.Calendar, date); err != nil {
		return err
	}
	return html(c, fiber.StatusOK, calendar.DayPage(p))
}
