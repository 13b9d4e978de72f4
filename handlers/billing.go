package handlers

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/views/layout"
	"github.com/allin-platform/allin/views/settings"
)

func (s *Server) showBilling(c *fiber.Ctx, ws *models.Workspace) error {
	details, err := ws.InvoiceDetails(c.UserContext())
	if err != nil {
		return err
	}
	return s.billingPage(c, ws, fiber.StatusOK, settings.BillingParams{Invoice: details})
}

func (s *Server) billingPage(c *fiber.Ctx, ws *models.Workspace, status int, p settings.BillingParams) error {
	usage, err := ws.Usage(c.UserContext())
	if err != nil {
		return err
	}
	p.CSRF, p.Usage, p.Zone = s.csrf(c), *usage, ws.Organization.TimeZone
	for _, key := range ws.Networks().Keys() {
		if info, _ := ws.Networks().Info(key); info.Price != nil {
			p.Prices = append(p.Prices, settings.Price{Network: info.Name, Post: info.Price.Post, WithLink: info.Price.WithLink,
				Source: info.Price.Source, Date: info.Price.Date})
		}
	}
	return s.show(c, ws, screen{area: layout.Settings, title: "Billing", status: status, part: settings.Billing(p),
		page: func(f layout.Frame) templ.Component { return settings.BillingPage(f, p) }})
}

func (s *Server) changeInvoiceDetails(c *fiber.Ctx, ws *models.Workspace) error {
	p := settings.BillingParams{Invoice: models.InvoiceDetails{Company: c.FormValue("company"), Address: c.FormValue("address"),
		VATID: c.FormValue("vat_id"), Email: c.FormValue("email")}}
	err := ws.ChangeInvoiceDetails(c.UserContext(), p.Invoice)
	if e, ok := wrong(err); ok {
		p.Errors = e.Fields
		return s.billingPage(c, ws, fiber.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	return s.goTo(c, "/settings/billing", "good", "The invoice details are saved.")
}

// exportUsage sends the months as a table for spreadsheets.
func (s *Server) exportUsage(c *fiber.Ctx, ws *models.Workspace) error {
	usage, err := ws.Usage(c.UserContext())
	if err != nil {
		return err
	}
	var out bytes.Buffer
	table := newSheet(&out)
	if err := table.row("month", "network", "posts", "sandbox_posts", "cost_usd"); err != nil {
		return err
	}
	for _, m := range usage.Months {
		for _, u := range m.Networks {
			if err := table.row(m.Month.Format("2006-01"), u.Name, figure(u.Posts), figure(u.Sandbox),
				number(fmt.Sprintf("%d.%06d", u.Cost/1_000_000, u.Cost%1_000_000))); err != nil {
				return err
			}
		}
	}
	if table.Flush(); table.Error() != nil {
		return table.Error()
	}
	download(c, "text/csv; charset=utf-8", "usage.csv")
	return c.Send(out.Bytes())
}

func figure(n int) number { return number(strconv.Itoa(n)) }
