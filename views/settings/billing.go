package settings

import (
	"fmt"
	"strconv"
	"time"

	"github.com/allin-platform/allin/models"
)

// BillingParams is what an organization uses, and what stands on its invoices.
type BillingParams struct {
	CSRF    string
	Usage   models.Usage
	Invoice models.InvoiceDetails
	Prices  []Price
	Zone    string            // of the months: the organization's
	Errors  map[string]string // by field: company, address, vat_id, email
}

// Price is what a network takes, with where that is known from.
type Price struct {
	Network        string
	Post, WithLink int64 // millionths of a US dollar
	Source, Date   string
}

// Dollars writes millionths of a US dollar: "$12.50", and parts of a cent where there are some.
func Dollars(millionths int64) string {
	if millionths%10_000 != 0 {
		return fmt.Sprintf("$%d.%03d", millionths/1_000_000, millionths%1_000_000/1_000)
	}
	return fmt.Sprintf("$%d.%02d", millionths/1_000_000, millionths%1_000_000/10_000)
}

// Size writes a number of bytes as people read it.
func Size(bytes int64) string {
	const unit = 1000
	switch {
	case bytes < unit:
		return strconv.FormatInt(bytes, 10) + " bytes"
	case bytes < unit*unit:
		return fmt.Sprintf("%.1f kB", float64(bytes)/unit)
	case bytes < unit*unit*unit:
		return fmt.Sprintf("%.1f MB", float64(bytes)/unit/unit)
	}
	return fmt.Sprintf("%.2f GB", float64(bytes)/unit/unit/unit)
}

// rows is how many lines of the table a month takes: one for each network, and a sum.
func rows(m models.MonthUsage) string {
	n := len(m.Networks)
	if n > 1 {
		n++
	}
	return strconv.Itoa(n)
}

func (p BillingParams) priceWords(one Price) string {
	read := one.Date
	if day, err := time.Parse(time.DateOnly, one.Date); err == nil {
		read = day.Format("2 Jan 2006")
	}
	return fmt.Sprintf("%s takes %s for a post and %s for one with a web address (%s, read %s). A thread is as many posts as it has parts.",
		one.Network, Dollars(one.Post), Dollars(one.WithLink), one.Source, read)
}
