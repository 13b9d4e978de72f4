// Command storm has AllIN publish while its processes are killed at random and
// the networks lose answers, and compares what AllIN says came out with what
// the networks really accepted. Its other modes look at single promises.
//
//	go run ./bench/storm --posts 10000 --kills 200 --networks x,mastodon,bluesky
//	go run ./bench/storm --blind              X may not be read: a person decides
//	go run ./bench/storm --no-ledger          the control: a plain worker, no ledger
//	go run ./bench/storm --postgres-crashes 6 --posts 3000 --kills 40
//	go run ./bench/storm --stops 10 --posts 3000 --kills 0
//	go run ./bench/storm --rush | --partly | --thread | --tokens | --restart
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/allin-platform/allin/bench/rig"
	"github.com/allin-platform/allin/networks/sandbox"
)

type options struct {
	posts, kills, accounts int
	crashes, stops         int
	networks               []string
	blind, noLedger        bool
	timed                  bool   // promises of time are demanded too
	mode                   string // "" for the storm itself
	seed                   uint64
}

// The times of the storm are the product's, scaled. A call may be accepted until
// hang after it began, also when its caller is long dead; a call that is not
// answered is given up after callTimeout; and settle is longer than both and
// what a network needs to show it.
const (
	callTimeout = 2500 * time.Millisecond
	hang        = 2 * time.Second
	lease       = 3500 * time.Millisecond
	settle      = 4 * time.Second
)

// scaled are the settings of AllIN's processes in all modes but --restart.
func scaled() []string {
	return []string{"ALLIN_CALL_TIMEOUT=" + callTimeout.String(), "ALLIN_LEASE=" + lease.String(), "ALLIN_SETTLE=" + settle.String()}
}

func main() {
	if playRole() {
		return
	}
	rig.Main("storm", func(ctx context.Context) (*rig.Report, error) {
		o, err := parse(os.Args[1:])
		if err != nil {
			return nil, err
		}
		return run(ctx, o)
	})
}

// playRole does the work of a process that a bench has started in a role.
func playRole() bool {
	var engine rig.Engine
	role, err := rig.RoleOf(&engine)
	switch role {
	case "":
		return false
	case rig.EngineRole:
		err = errors.Join(err, engine.Run())
	case renewRole:
		err = renewAtOnce()
	default:
		err = errors.New("no such role")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		os.Exit(1)
	}
	return true
}

// modes are the promises that are looked at alone.
var modes = map[string]struct {
	about string
	run   func(context.Context, options) (*rig.Report, error)
}{
	"rush":    {"three processes, all posts due at once: one call for each", rush},
	"partly":  {"six accounts, two refuse, one is unclear, a kill; then one retry of what failed", partly},
	"thread":  {"threads of ten on each network, killed at every step", thread},
	"tokens":  {"an expired rotating token used by a hundred at once; kills between rotation and commit", tokens},
	"restart": {"how soon all goes on after a kill, with the product's real times", restart},
}

func parse(args []string) (options, error) {
	o := options{timed: true}
	f := rig.Flags("storm", "Kills AllIN while it publishes and compares what it says with what really went out.", os.Stderr)
	f.IntVar(&o.posts, "posts", 0, "`posts` to publish; 0: as many as the mode's promise names")
	f.IntVar(&o.kills, "kills", 200, "how often a process is `killed`")
	f.IntVar(&o.accounts, "accounts", 300, "`accounts` that the posts are spread over")
	f.IntVar(&o.crashes, "postgres-crashes", 0, "how often PostgreSQL is `killed` as well")
	f.IntVar(&o.stops, "stops", 0, "how often a process is `stopped` for longer than its claims hold, and goes on")
	f.BoolVar(&o.blind, "blind", false, "X's posts may not be read")
	f.BoolVar(&o.noLedger, "no-ledger", false, "the control: a plain worker of the same queue in place of AllIN")
	f.Uint64Var(&o.seed, "seed", 0, "`seed` of what is random; 0: a new one")
	names := f.String("networks", "x,mastodon,bluesky", "`networks` to publish to")
	chosen := map[string]*bool{}
	for name, m := range modes {
		chosen[name] = f.Bool(name, false, m.about)
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for name, on := range chosen {
		if *on && o.mode != "" {
			return o, fmt.Errorf("--%s and --%s are two runs", o.mode, name)
		}
		if *on {
			o.mode = name
		}
	}
	o.networks, o.seed = strings.Split(*names, ","), rig.Seed(o.seed)
	if o.posts == 0 {
		o.posts = 10000
		if o.mode != "" {
			o.posts = 1000
		}
	}
	if o.posts < 1 || o.kills < 0 || o.accounts < 1 {
		return o, errors.New("there must be a post and an account")
	}
	return o, nil
}

func run(ctx context.Context, o options) (*rig.Report, error) {
	if m, ok := modes[o.mode]; ok {
		return m.run(ctx, o)
	}
	if o.noLedger {
		return control(ctx, o)
	}
	return storm(ctx, o)
}

// faults are those of the storm: three ways in which an answer is lost or
// unclear though the post was accepted, and a refusal for the moment.
func faults(seed uint64) sandbox.FaultPlan {
	return sandbox.FaultPlan{
		Seed:           seed,
		Rates:          map[sandbox.Fault]float64{sandbox.ResetAfter: 0.03, sandbox.ErrorAfter: 0.03, sandbox.Hang: 0.03, sandbox.Limited: 0.02},
		HangSeconds:    hang.Seconds(),
		LimitedSeconds: 1,
	}
}

// conditions ends every line: how it was measured.
func conditions(report *rig.Report, o options, began time.Time) {
	report.Add("quotas", "off")
	report.Add("limits", "off")
	report.Add("fsync", "on")
	report.Add("networks", strings.Join(o.networks, ","))
	report.Add("seconds", time.Since(began).Seconds())
	report.Add("seed", o.seed)
}
