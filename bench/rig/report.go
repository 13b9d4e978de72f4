package rig

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Report is what a bench found: pairs for its last line, and the promises that
// were broken.
type Report struct {
	pairs  []string
	broken []string
}

// Add adds a pair to the last line.
func (r *Report) Add(key string, value any) {
	switch v := value.(type) {
	case float64:
		value = fmt.Sprintf("%.3g", v)
		if v >= 100 || v <= -100 {
			value = fmt.Sprintf("%.0f", v)
		}
	case time.Duration:
		value = v.Round(time.Millisecond)
	}
	r.pairs = append(r.pairs, fmt.Sprintf("%s=%v", key, value))
}

// Demand notes a broken promise unless ok.
func (r *Report) Demand(ok bool, format string, args ...any) {
	if !ok {
		r.broken = append(r.broken, fmt.Sprintf(format, args...))
	}
}

// Line is the pairs with spaces between.
func (r *Report) Line() string { return strings.Join(r.pairs, " ") }

// Broken lists the promises that were not kept.
func (r *Report) Broken() []string { return r.broken }

// Main runs a bench until it ends or is interrupted, prints its line and exits
// with 1 when it failed or broke a promise.
func Main(name string, run func(ctx context.Context) (*Report, error)) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	report, err := run(ctx)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	for _, b := range report.Broken() {
		fmt.Fprintln(os.Stderr, "broken promise:", b)
	}
	fmt.Println(report.Line())
	if len(report.Broken()) > 0 {
		os.Exit(1)
	}
}

// Seed is the given one, or one that was never used.
func Seed(given uint64) uint64 {
	if given != 0 {
		return given
	}
	return rand.Uint64N(1 << 32)
}

// Rand returns a source of randomness that the seed decides.
func Rand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0xa111)) }

// Percentile returns the value below which the share p of the values lies.
func Percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return s[min(len(s)-1, int(p*float64(len(s))))]
}

// Milliseconds is d as a number.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Flags returns the flag set of a bench, whose usage goes to w.
func Flags(name, about string, w io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(w)
	f.Usage = func() {
		fmt.Fprintf(w, "%s\n\n", about)
		f.PrintDefaults()
	}
	return f
}
