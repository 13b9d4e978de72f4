// Package config reads what the process has to know before it can ask the
// database: addresses, folders, keys and limits. It is the only package that
// looks at the environment, and one table says everything about every key.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Secret is a value that must not be shown: printing or logging it tells only
// whether there is one. Reveal returns it.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String says "set" or "not set".
func (s Secret) String() string {
	if s == "" {
		return "not set"
	}
	return "set"
}

// Format is as careful as String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is as careful as String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is as careful as String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Config is what the process was told. The table in keys.go says what each
// field means; all have their defaults filled in.
type Config struct {
	Listen string // host:port
	Data   string // folder
	Origin string // "https://allin.example", no slash at the end; "" when Listen has port 0 and none was given

	DatabaseURL Secret // "" means: a database of our own in Data
	MigrateURL  Secret // DatabaseURL when it was not given
	PGBin       string // folder, or ""
	DBConns     int
	RedisURL    Secret // "" means: sessions and limits in the database

	Sandbox       bool
	SandboxListen string // host:port
	SandboxURL    string // base address without a slash at the end; "" when SandboxListen has port 0 and none was given
	Demo          bool

	KeyFile   string // file
	SecretKey Secret // a key file's content, or ""

	XClientID     string
	XClientSecret Secret
	XLookup       bool
	XAPI          string // base address, "" means X itself
	XAuthorize    string // address, "" means X itself

	MailFrom           string // "AllIN <post@allin.example>", or ""
	SMTPURL            Secret // as mail.ParseSMTP reads it, or ""
	MailgunDomain      string
	MailgunKey         Secret
	MailgunAPI         string // base address
	GoogleClientID     string
	GoogleClientSecret Secret
	GitHubClientID     string
	GitHubClientSecret Secret
	OIDCIssuer         string // address as the provider writes it, or ""
	OIDCName           string
	OIDCClientID       string
	OIDCClientSecret   Secret

	MetricsListen string // host:port, or ""
	TraceEndpoint string // base address of a collector, or ""
	TracePercent  int

	LogLevel  slog.Level
	LogFormat string // "text" or "json"

	Workers         int // at once, per network
	CallTimeout     time.Duration
	Lease           time.Duration
	Settle          time.Duration
	MissedAfter     time.Duration
	SessionIdle     time.Duration
	SessionLifetime time.Duration

	CORSOrigins []string // "https://app.example"

	Limits         bool
	TrustedProxies []netip.Prefix
	PrivateHosts   []string // host or host:port, lower case

	// Args are the arguments that follow the flags.
	Args []string

	given map[string]bool // names that the environment or a flag gave a value
}

// Fact is one key with the value that holds. Of a secret it tells only whether
// there is one.
type Fact struct {
	Key
	Value string
	Given bool // by the environment or a flag; otherwise its default holds
}

// Facts lists all keys with what holds for them.
func (c *Config) Facts() []Fact {
	list := make([]Fact, len(table))
	for i, k := range table {
		list[i] = Fact{Key: k, Value: k.show(c), Given: c.given[k.Name]}
	}
	return list
}

// Load reads args, which are stronger, and the environment. A value that
// cannot be is an error that names its key, the value and what is allowed;
// there is one for each bad value. flag.ErrHelp means that help was asked for.
func Load(args []string, getenv func(string) string) (Config, error) {
	given := map[string]string{}
	for _, k := range table {
		if v := strings.TrimSpace(getenv(k.Name)); v != "" {
			given[k.Name] = v
		}
	}
	rest, err := readFlags(args, given)
	if err != nil {
		return Config{}, err
	}
	c := Config{Args: rest, given: map[string]bool{}}
	var bad []error
	for _, k := range table {
		v, ok := given[k.Name]
		c.given[k.Name] = ok
		if !ok {
			v = k.Default
		}
		if v == "" {
			continue
		}
		if err := k.set(&c, v); err != nil {
			bad = append(bad, k.wrong(v, err))
		}
	}
	if len(bad) == 0 {
		bad = c.complete(given)
	}
	if err := errors.Join(bad...); err != nil {
		return Config{}, err
	}
	return c, nil
}

// readFlags puts what the flags say into given and returns the other arguments.
func readFlags(args []string, given map[string]string) ([]string, error) {
	fs := flag.NewFlagSet("allin", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	for _, k := range table {
		if k.Secret {
			continue // arguments can be seen by every user of the machine
		}
		fs.Func(k.Flag(), k.Doc, func(v string) error {
			given[k.Name] = strings.TrimSpace(v)
			return nil
		})
	}
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, flag.ErrHelp
		}
		return nil, fmt.Errorf("reading the arguments: %w (allin --help lists them; secrets are set in the environment only)", err)
	}
	return fs.Args(), nil
}

// complete fills in what follows from other keys and checks what must fit
// together.
func (c *Config) complete(given map[string]string) []error {
	var bad []error
	host, port, _ := net.SplitHostPort(c.Listen)
	if c.Origin == "" && port != "0" {
		c.Origin = "http://" + net.JoinHostPort(reachable(host), port)
	}
	if c.SandboxListen == "" {
		c.SandboxListen = net.JoinHostPort(host, nextPort(port))
	}
	if host, port, _ := net.SplitHostPort(c.SandboxListen); c.SandboxURL == "" && port != "0" {
		c.SandboxURL = "http://" + net.JoinHostPort(reachable(host), port)
	}
	if c.SandboxListen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
		bad = append(bad, fmt.Errorf("ALLIN_SANDBOX_LISTEN and ALLIN_LISTEN are both %s: give the sandbox an address of its own", c.Listen))
	}
	if _, ok := given["ALLIN_SANDBOX"]; !ok {
		c.Sandbox = c.DatabaseURL == ""
	}
	if _, ok := given["ALLIN_DEMO"]; !ok {
		c.Demo = c.Sandbox && c.DatabaseURL == ""
	}
	if c.Demo && !c.Sandbox {
		bad = append(bad, errors.New("ALLIN_DEMO is on and ALLIN_SANDBOX is off: the demo's accounts live on the sandbox, so switch both on, or the demo off"))
	}
	if (c.OIDCIssuer == "") != (c.OIDCClientID == "") {
		bad = append(bad, errors.New("ALLIN_OIDC_ISSUER and ALLIN_OIDC_CLIENT_ID belong together: set both, or neither"))
	}
	if c.MigrateURL == "" {
		c.MigrateURL = c.DatabaseURL
	}
	if c.KeyFile == "" {
		c.KeyFile = filepath.Join(c.Data, "keyset.json")
	}
	if c.SMTPURL != "" && c.MailgunDomain != "" {
		bad = append(bad, errors.New("ALLIN_SMTP_URL and ALLIN_MAILGUN_DOMAIN are both set: mail leaves one way, so take one of them out"))
	}
	if (c.MailgunDomain == "") != (c.MailgunKey == "") {
		bad = append(bad, errors.New("ALLIN_MAILGUN_DOMAIN and ALLIN_MAILGUN_KEY belong together: set both, or none"))
	}
	if c.MailFrom == "" && (c.SMTPURL != "" || c.MailgunDomain != "") {
		bad = append(bad, errors.New("ALLIN_MAIL_FROM is not set: mail servers want a sender, such as AllIN <post@allin.example>"))
	}
	if c.Lease <= c.CallTimeout {
		bad = append(bad, fmt.Errorf("ALLIN_LEASE is %s and ALLIN_CALL_TIMEOUT is %s: the lease must be longer than a call can take", c.Lease, c.CallTimeout))
	}
	if c.Settle < c.Lease {
		bad = append(bad, fmt.Errorf("ALLIN_SETTLE is %s and ALLIN_LEASE is %s: an unclear outcome is looked up only after the lease has ended, so the first must not be shorter", c.Settle, c.Lease))
	}
	if c.SessionLifetime < c.SessionIdle {
		bad = append(bad, fmt.Errorf("ALLIN_SESSION_LIFETIME is %s and ALLIN_SESSION_IDLE is %s: the first must not be shorter", c.SessionLifetime, c.SessionIdle))
	}
	return bad
}

// Open reports whether people come to another machine by plain http, where
// passwords and sessions can be read on the way.
func (c Config) Open() bool {
	u, err := url.Parse(c.Origin)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback())
}

// reachable is the host under which a server that listens on host can be
// reached from this machine.
func reachable(host string) string {
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		return "localhost"
	}
	return host
}

// nextPort is the port after port; any free one after 0, and none after the last.
func nextPort(port string) string {
	n, err := strconv.Atoi(port)
	if err != nil || n == 0 || n == 65535 {
		return "0"
	}
	return strconv.Itoa(n + 1)
}

// String lists the keys that have a value, without secrets.
func (c Config) String() string {
	var b strings.Builder
	for _, k := range table {
		if v := k.show(&c); v != "" {
			fmt.Fprintf(&b, "%s=%s ", k.Name, v)
		}
	}
	return strings.TrimSpace(b.String())
}

// GoString is as careful as String.
func (c Config) GoString() string { return "config.Config{" + c.String() + "}" }

// LogValue has a field for every key, without secrets.
func (c Config) LogValue() slog.Value {
	attrs := make([]slog.Attr, 0, len(table))
	for _, k := range table {
		attrs = append(attrs, slog.String(k.Name, k.show(&c)))
	}
	return slog.GroupValue(attrs...)
}
