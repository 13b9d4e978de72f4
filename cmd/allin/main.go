// Command allin is AllIN: a social media management platform in one program.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/allin-platform/allin/internal/config"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/networks/sandbox"
)

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "allin: "+err.Error())
		os.Exit(1)
	}
}

// command is one word after "allin".
type command struct {
	name, does string
	run        func(ctx context.Context, p *program) error
}

var commands = []command{
	{"serve", "web pages, clock and workers in one process", serve},
	{"worker", "clock and workers only: start as many as you need beside serve", worker},
	{"migrate", "bring the database to this version; --print-roles prints the SQL for its roles", migrate},
	{"sandbox", "the imitated networks alone", runSandbox},
	{"admin", "create EMAIL prints a link that makes an account for who looks after the installation; reset EMAIL one that sets a password", admin},
	{"release", "let publishing go on after a restored database was found", release},
	{"doctor", "check this installation: one line a check, and what to do", doctor},
	{"keys", "rotate: seal everything with a new key; reseal: go on with that; drop: forget older keys; sign: a new key for access tokens", changeKeys},
	{"settings", "list everything that can be set, as Markdown", printSettings},
	{"version", "print the version", printVersion},
}

// program is what every command is given.
type program struct {
	config  config.Config
	flags   []string // the command's own
	out     io.Writer
	log     *slog.Logger
	sandbox *sandbox.Server // nil where it does not run here
	box     *seal.Box       // the keys, once the store is open
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(out)
		return nil
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		own, rest := ownFlags(args[1:])
		cfg, err := config.Load(rest, getenv)
		if errors.Is(err, flag.ErrHelp) {
			usage(out)
			return nil
		}
		if err != nil {
			return err
		}
		return c.run(ctx, &program{config: cfg, flags: own, out: out, log: logger(cfg)})
	}
	usage(out)
	return fmt.Errorf("there is no command %q", args[0])
}

// ownFlags parts the flags of single commands from the settings.
func ownFlags(args []string) (own, rest []string) {
	for _, a := range args {
		if strings.TrimLeft(a, "-") == "print-roles" {
			own = append(own, strings.TrimLeft(a, "-"))
		} else {
			rest = append(rest, a)
		}
	}
	return own, rest
}

func logger(cfg config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}

func usage(out io.Writer) {
	fmt.Fprintln(out, "AllIN writes, schedules and publishes to your social networks.\n\nCommands:")
	for _, c := range commands {
		fmt.Fprintf(out, "  allin %-9s %s\n", c.name, c.does)
	}
	fmt.Fprintln(out, "\nSettings, from the environment or as flags:")
	_ = config.Help(out)
}

func printVersion(_ context.Context, p *program) error {
	_, err := fmt.Fprintln(p.out, version)
	return err
}

func printSettings(_ context.Context, p *program) error {
	return config.Markdown(p.out)
}
