// Command signin measures whether the time of an answer tells that an address
// has an account: signing in with a wrong password, asking to sign up and
// asking for a new password, for one that is known and for others that are not,
// in turns.
//
//	go run ./bench/signin --samples 200
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/allin-platform/allin/bench/rig"
	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/models"
)

// mostGap is how far the medians may lie apart.
const mostGap = 5 * time.Millisecond

// warm is how many answers prepare statements and are not counted.
const warm = 6

func main() {
	rig.Main("signin", func(ctx context.Context) (*rig.Report, error) {
		f := rig.Flags("signin", "Measures whether the time of an answer tells that an address has an account.", os.Stderr)
		samples := f.Int("samples", 200, "`times` that each is asked for each kind of address")
		if err := f.Parse(os.Args[1:]); err != nil {
			return nil, err
		}
		if *samples < 1 {
			return nil, errors.New("there must be a sample at least")
		}
		return measure(ctx, *samples)
	})
}

func measure(ctx context.Context, samples int) (*rig.Report, error) {
	r, err := rig.New(ctx, rig.Options{Name: "signin", Progress: os.Stderr})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	ws, err := r.Organization(ctx, "Known")
	if err != nil {
		return nil, err
	}
	if err := r.Store.Install("bench").SetSignUpPolicy(ctx, models.SignUpOpen); err != nil {
		return nil, err
	}
	origin, err := serve(ctx, r)
	if err != nil {
		return nil, err
	}
	report := &rig.Report{}
	for _, path := range []string{"/sign-in", "/sign-up", "/forgot"} {
		r.Say("asking %s", path)
		var known, unknown []time.Duration
		for i := range samples + warm {
			// In turns, and each first as often: what the machine does meanwhile
			// falls on both.
			first, second := ws.Member.Email, fmt.Sprintf("nobody%d@example.com", i)
			if i%2 == 1 {
				first, second = second, first
			}
			k, err := ask(ctx, origin+path, first)
			if err != nil {
				return nil, err
			}
			u, err := ask(ctx, origin+path, second)
			if err != nil {
				return nil, err
			}
			if i%2 == 1 {
				k, u = u, k
			}
			if i >= warm {
				known, unknown = append(known, k), append(unknown, u)
			}
		}
		k, u := median(known), median(unknown)
		fmt.Printf("path=%s known_ms=%.2f unknown_ms=%.2f gap_ms=%.2f\n", path, ms(k), ms(u), ms((k - u).Abs()))
		report.Add(strings.Trim(path, "/")+"_gap_ms", ms((k - u).Abs()))
		report.Demand((k-u).Abs() <= mostGap, "%s: the medians lie %s apart, promised are %s at most", path, (k - u).Abs(), mostGap)
	}
	report.Add("samples", samples)
	report.Add("limits", "off")
	return report, nil
}

// serve starts the web server on a free port.
func serve(ctx context.Context, r *rig.Rig) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	origin := "http://" + l.Addr().String()
	s, err := handlers.New(handlers.Config{Store: r.Store, Log: slog.New(slog.DiscardHandler), Now: time.Now, Origin: origin, Version: "bench"})
	if err != nil {
		return "", err
	}
	go s.Serve(ctx, l) // ends with the program
	return origin, nil
}

// ask posts the form and returns how long the answer took.
func ask(ctx context.Context, address, email string) (time.Duration, error) {
	form := url.Values{"email": {email}, "password": {"not the password"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	begun := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return 0, err
	}
	took := time.Since(begun)
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusUnprocessableEntity {
		return 0, fmt.Errorf("%s answers %d", address, resp.StatusCode)
	}
	return took, nil
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
