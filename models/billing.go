package models

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

// usageMonths is how many months the page of usage goes back, this one included.
const usageMonths = 12

// Usage is what an organization has, and what it published month by month.
type Usage struct {
	Accounts, Members int   // as of now
	Files             int   // in the media library
	MediaBytes        int64 // of all of them
	Months            []MonthUsage
}

// MonthUsage is what was published in a month of the organization's time zone.
type MonthUsage struct {
	Month    time.Time // its first day
	Networks []NetworkUsage
}

// NetworkUsage is what was published on one network.
type NetworkUsage struct {
	Network, Name string
	Posts         int // on real accounts
	Sandbox       int // on imitated ones
	Priced        bool
	Cost          int64 // estimated, of Posts: millionths of a US dollar
}

// Posts is how many posts went out on real accounts in the month.
func (m MonthUsage) Posts() int {
	n := 0
	for _, u := range m.Networks {
		n += u.Posts
	}
	return n
}

// Cost is what the networks took, in millionths of a US dollar.
func (m MonthUsage) Cost() int64 {
	var n int64
	for _, u := range m.Networks {
		n += u.Cost
	}
	return n
}

// Usage counts what the organization has and published.
func (w *Workspace) Usage(ctx context.Context) (*Usage, error) {
	if err := w.Role.demand(ManageBilling); err != nil {
		return nil, err
	}
	loc, err := LoadZone(w.Organization.TimeZone)
	if err != nil {
		return nil, err
	}
	now := w.store.now().In(loc)
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, loc)
	u := &Usage{}
	err = w.rows(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `select (select count(*) from social_accounts where state <> 'disconnected'), (select count(*) from memberships),
			(select count(*) from media), (select coalesce(sum(bytes), 0)::bigint from media)`).
			Scan(&u.Accounts, &u.Members, &u.Files, &u.MediaBytes); err != nil {
			return err
		}
		u.Months, err = w.months(ctx, tx, first.AddDate(0, 1-usageMonths, 0))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count usage: %w", err)
	}
	if len(u.Months) == 0 || !u.Months[0].Month.Equal(first) {
		u.Months = append([]MonthUsage{{Month: first}}, u.Months...)
	}
	return u, nil
}

// months counts what was published since from, the newest month first. Texts
// are looked at only where the network takes more for some than for others.
func (w *Workspace) months(ctx context.Context, tx pgx.Tx, from time.Time) ([]MonthUsage, error) {
	var priced []string
	for _, key := range w.store.networks.Keys() {
		if info, _ := w.store.networks.Info(key); info.Price != nil {
			priced = append(priced, key)
		}
	}
	rows, err := tx.Query(ctx, `
		select date_trunc('month', d.published_at at time zone $1), d.network, a.sandbox, count(*),
			coalesce(sum(greatest(t.parts, 1)), 0)::bigint, coalesce(sum(t.linked), 0)::bigint
		from deliveries d join social_accounts a on a.id = d.account_id
		left join lateral (
			select count(*) as parts, count(*) filter (where part->>'text' ~* 'https?://') as linked
			from jsonb_array_elements(coalesce(d.draft->'content'->'parts', '[]')) part
		) t on d.network = any($3) and not a.sandbox
		where d.published_at >= $2 and d.state = 'published' group by 1, 2, 3 order by 1 desc, 2, 3`, w.Organization.TimeZone, from, priced)
	if err != nil {
		return nil, err
	}
	var list []MonthUsage
	var month time.Time
	var network string
	var sandbox bool
	var posts int
	var parts, linked int64
	_, err = pgx.ForEachRow(rows, []any{&month, &network, &sandbox, &posts, &parts, &linked}, func() error {
		at := time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, from.Location())
		if len(list) == 0 || !list[len(list)-1].Month.Equal(at) {
			list = append(list, MonthUsage{Month: at})
		}
		m := &list[len(list)-1]
		if len(m.Networks) == 0 || m.Networks[len(m.Networks)-1].Network != network {
			m.Networks = append(m.Networks, w.networkUsage(network))
		}
		u := &m.Networks[len(m.Networks)-1]
		if sandbox {
			u.Sandbox = posts
			return nil
		}
		u.Posts, u.Cost = posts, w.cost(network, parts, linked)
		return nil
	})
	for _, m := range list {
		slices.SortFunc(m.Networks, func(a, b NetworkUsage) int { return cmp.Compare(a.Name, b.Name) })
	}
	return list, err
}

func (w *Workspace) networkUsage(key string) NetworkUsage {
	u := NetworkUsage{Network: key, Name: key}
	if info, ok := w.store.networks.Info(key); ok {
		u.Name, u.Priced = info.Name, info.Price != nil
	}
	return u
}

func (w *Workspace) cost(network string, parts, linked int64) int64 {
	info, _ := w.store.networks.Info(network)
	if info.Price == nil {
		return 0
	}
	return (parts-linked)*info.Price.Post + linked*info.Price.WithLink
}

// InvoiceDetails is what stands on an invoice for the organization.
type InvoiceDetails struct{ Company, Address, VATID, Email string }

// InvoiceDetails returns them, empty where nobody has entered any.
func (w *Workspace) InvoiceDetails(ctx context.Context) (InvoiceDetails, error) {
	var d InvoiceDetails
	if err := w.Role.demand(ManageBilling); err != nil {
		return d, err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `select company, address, vat_id, email from invoice_details`).Scan(&d.Company, &d.Address, &d.VATID, &d.Email)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return d, fmt.Errorf("read invoice details: %w", err)
	}
	return d, nil
}

func (d *InvoiceDetails) tidy() error {
	d.Company, d.Address = strings.TrimSpace(d.Company), strings.TrimSpace(strings.ReplaceAll(d.Address, "\r\n", "\n"))
	d.VATID, d.Email = strings.TrimSpace(d.VATID), strings.TrimSpace(d.Email)
	for _, f := range []struct {
		name, value string
		most        int
	}{{"company", d.Company, 200}, {"address", d.Address, 1000}, {"vat_id", d.VATID, 50}} {
		if utf8.RuneCountInString(f.value) > f.most {
			return invalid(f.name, "Enter at most %d characters.", f.most)
		}
	}
	if d.Email != "" {
		return validEmail(d.Email)
	}
	return nil
}

// ChangeInvoiceDetails keeps them.
func (w *Workspace) ChangeInvoiceDetails(ctx context.Context, d InvoiceDetails) error {
	if err := w.Role.demand(ManageBilling); err != nil {
		return err
	}
	if err := d.tidy(); err != nil {
		return err
	}
	err := w.rows(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into invoice_details (company, address, vat_id, email) values ($1, $2, $3, $4)
			on conflict (organization_id) do update set company = $1, address = $2, vat_id = $3, email = $4, updated_at = now()`,
			d.Company, d.Address, d.VATID, d.Email); err != nil {
			return err
		}
		return w.audit(ctx, tx, "invoice_details.changed", "organization "+w.Organization.ID.String(), nil)
	})
	if err != nil {
		return fmt.Errorf("change invoice details: %w", err)
	}
	return nil
}
