package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/allin-platform/allin/internal/config"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if k, v, _ := strings.Cut(p, "="); k == name {
				return v
			}
		}
		return ""
	}
}

func load(t *testing.T, args []string, pairs ...string) config.Config {
	t.Helper()
	c, err := config.Load(args, env(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := load(t, nil)
	want := map[string]any{
		"127.0.0.1:3000": c.Listen, "./data": c.Data, "http://127.0.0.1:3000": c.Origin,
		"127.0.0.1:3001": c.SandboxListen, "http://127.0.0.1:3001": c.SandboxURL, "data/keyset.json": c.KeyFile,
		"true": c.Sandbox && c.Demo && c.XLookup && c.Limits, "32": c.Workers, "20": c.DBConns, "text": c.LogFormat, "INFO": c.LogLevel,
		"30s 1m30s 3m0s 1h0m0s 12h0m0s 336h0m0s": fmt.Sprint(c.CallTimeout, " ", c.Lease, " ", c.Settle, " ", c.MissedAfter, " ", c.SessionIdle, " ", c.SessionLifetime),
	}
	for w, got := range want {
		if fmt.Sprint(got) != w {
			t.Errorf("got %v, want %v", got, w)
		}
	}
}

func TestWhatFollowsFromOtherKeys(t *testing.T) {
	for name, c := range map[string]struct{ got, want string }{
		"origin on all addresses":    {load(t, nil, "ALLIN_LISTEN=0.0.0.0:80").Origin, "http://localhost:80"},
		"origin without host":        {load(t, nil, "ALLIN_LISTEN=:80").Origin, "http://localhost:80"},
		"origin on IPv6":             {load(t, nil, "ALLIN_LISTEN=[::1]:80").Origin, "http://[::1]:80"},
		"origin is cut":              {load(t, nil, "ALLIN_ORIGIN=https://Allin.Example/").Origin, "https://allin.example"},
		"any port":                   {load(t, nil, "ALLIN_LISTEN=127.0.0.1:0").Origin, ""},
		"sandbox on any port":        {load(t, nil, "ALLIN_LISTEN=127.0.0.1:0").SandboxListen, "127.0.0.1:0"},
		"sandbox's own address":      {load(t, nil, "ALLIN_SANDBOX_LISTEN=127.0.0.1:9").SandboxURL, "http://127.0.0.1:9"},
		"sandbox elsewhere":          {load(t, nil, "ALLIN_SANDBOX_URL=http://web:3001/").SandboxURL, "http://web:3001"},
		"key file in the data":       {load(t, nil, "ALLIN_DATA=/srv/a").KeyFile, "/srv/a/keyset.json"},
		"migrations by the login":    {load(t, nil, "DATABASE_URL=postgres://a@b/c").MigrateURL.Reveal(), "postgres://a@b/c"},
		"a flag beats the variable":  {load(t, []string{"--listen", "127.0.0.1:9"}, "ALLIN_LISTEN=127.0.0.1:8").Listen, "127.0.0.1:9"},
		"arguments stay":             {strings.Join(load(t, []string{"--sandbox=off", "--demo=off", "a", "b"}).Args, ","), "a,b"},
		"nobody demos on your own":   {fmt.Sprint(load(t, nil, "DATABASE_URL=postgres://a@b/c").Demo), "false"},
		"nor runs a sandbox":         {fmt.Sprint(load(t, nil, "DATABASE_URL=postgres://a@b/c").Sandbox), "false"},
		"unless told to":             {fmt.Sprint(load(t, nil, "DATABASE_URL=postgres://a@b/c", "ALLIN_SANDBOX=on", "ALLIN_DEMO=on").Demo), "true"},
		"no sandbox, no demo":        {fmt.Sprint(load(t, nil, "ALLIN_SANDBOX=off").Demo), "false"},
		"proxies as networks":        {fmt.Sprint(load(t, nil, "ALLIN_TRUSTED_PROXIES=10.1.2.3/8, ::1").TrustedProxies), "[10.0.0.0/8 ::1/128]"},
		"private hosts":              {fmt.Sprint(load(t, nil, "ALLIN_PRIVATE_HOSTS=Masto.lan,10.0.0.5:8080").PrivateHosts), "[masto.lan 10.0.0.5:8080]"},
		"an empty value is no value": {load(t, nil, "ALLIN_LISTEN= ").Listen, "127.0.0.1:3000"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", name, c.got, c.want)
		}
	}
}

func TestBadValues(t *testing.T) {
	for value, want := range map[string]string{
		"ALLIN_LISTEN=3000":                         "host:port",
		"ALLIN_LISTEN=127.0.0.1:99999":              "port from 0 to 65535",
		"ALLIN_ORIGIN=allin.example":                "https://",
		"ALLIN_ORIGIN=https://a.example/path":       "cannot live below a path",
		"ALLIN_SANDBOX=maybe":                       "on or off",
		"ALLIN_WORKERS=0":                           "from 1 to 2000",
		"ALLIN_WORKERS=many":                        "whole number",
		"ALLIN_LEASE=90":                            "such as 30s",
		"ALLIN_CALL_TIMEOUT=10m":                    "to 1m15s",
		"ALLIN_LOG_LEVEL=loud":                      "debug or info or warn or error",
		"ALLIN_LOG_FORMAT=xml":                      "text or json",
		"ALLIN_TRUSTED_PROXIES=proxy":               "10.0.0.0/8",
		"ALLIN_PRIVATE_HOSTS=https://a":             "without https://",
		"ALLIN_PRIVATE_HOSTS=*.lan":                 "without *",
		"ALLIN_X_API=ftp://x":                       "https://",
		"ALLIN_MAIL_FROM=nobody":                    "post@allin.example",
		"ALLIN_MAILGUN_API=api.mailgun.net":         "https://",
		"ALLIN_CORS_ORIGINS=https://a.example/x":    "origins such as",
		"ALLIN_CORS_ORIGINS=*":                      "origins such as",
		"REDIS_URL=http://:hunter2@redis":           "redis://:password@host",
		"DATABASE_URL=mysql://root:hunter2@db/x":    "postgres://user",
		"DATABASE_URL=postgres://a:hunter2%zz@db/x": "percent-encoded",
	} {
		name, v, _ := strings.Cut(value, "=")
		_, err := config.Load(nil, env(value))
		switch {
		case err == nil:
			t.Errorf("%s was taken", value)
		case !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v, want it to say %q", value, err, want)
		case strings.HasSuffix(name, "_URL") && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("the error shows the password: %v", err)
		case !strings.HasSuffix(name, "_URL") && !strings.Contains(err.Error(), v):
			t.Errorf("%s: the error does not repeat the value: %v", value, err)
		}
	}
}

func TestValuesThatDoNotFitTogether(t *testing.T) {
	for _, pairs := range [][]string{
		{"ALLIN_LEASE=20s"},
		{"ALLIN_SETTLE=1m"},
		{"ALLIN_SESSION_IDLE=48h", "ALLIN_SESSION_LIFETIME=24h"},
		{"ALLIN_DEMO=on", "ALLIN_SANDBOX=off"},
		{"ALLIN_SANDBOX_LISTEN=127.0.0.1:3000"},
		{"ALLIN_SMTP_URL=smtps://mail.example", "ALLIN_MAILGUN_DOMAIN=mg.example", "ALLIN_MAILGUN_KEY=k", "ALLIN_MAIL_FROM=a@b.example"},
		{"ALLIN_MAILGUN_DOMAIN=mg.example", "ALLIN_MAIL_FROM=a@b.example"},
		{"ALLIN_MAIL_FROM=", "ALLIN_SMTP_URL=smtps://mail.example"},
		{"ALLIN_SMTP_URL=smtp://a:b@mail.example?tls=none", "ALLIN_MAIL_FROM=a@b.example"},
	} {
		if _, err := config.Load(nil, env(pairs...)); err == nil || !strings.Contains(err.Error(), strings.Split(pairs[0], "=")[0]) {
			t.Errorf("%v: %v", pairs, err)
		}
	}
}

func TestEveryBadValueIsNamed(t *testing.T) {
	_, err := config.Load(nil, env("ALLIN_WORKERS=x", "ALLIN_LEASE=y"))
	if err == nil || !strings.Contains(err.Error(), "ALLIN_WORKERS") || !strings.Contains(err.Error(), "ALLIN_LEASE") {
		t.Errorf("error: %v", err)
	}
}

func TestFlags(t *testing.T) {
	if _, err := config.Load([]string{"--help"}, env()); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("--help: %v", err)
	}
	for _, arg := range []string{"--nonsense", "--x-client-secret=s", "--database-url=postgres://a@b/c"} {
		if _, err := config.Load([]string{arg}, env()); err == nil || !strings.Contains(err.Error(), "environment") {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

func TestSecretsAreNeverShown(t *testing.T) {
	c := load(t, nil, "DATABASE_URL=postgres://a:hunter2@b/c", "DATABASE_MIGRATE_URL=postgres://a:hunter2@b/c",
		"ALLIN_X_CLIENT_SECRET=hunter2", "ALLIN_SECRET_KEY=hunter2", "ALLIN_WORKERS=7",
		"ALLIN_MAIL_FROM=a@b.example", "ALLIN_SMTP_URL=smtps://a:hunter2@mail.example")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "pointer", &c, "one", c.XClientSecret)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + string(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		shown += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c) + fmt.Sprintf(verb, c.XClientSecret)
	}
	if strings.Contains(shown, "hunter2") || strings.Contains(shown, fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("a secret is shown: %s", shown)
	}
	if !strings.Contains(c.String(), "ALLIN_WORKERS=7 ") || !strings.Contains(c.String(), "ALLIN_SETTLE=3m ") || !strings.Contains(c.String(), "DATABASE_URL=set") {
		t.Errorf("String says %q", c.String())
	}
	if c.DatabaseURL.Reveal() != "postgres://a:hunter2@b/c" {
		t.Error("the secret itself is lost")
	}
}

func TestWarnings(t *testing.T) {
	got := config.Warnings([]string{"HOME=/", "ALLIN_LISTEN=x", "ALLIN_LISTN=x", "ALLIN_ZZZZZZZZZZ=1", "ALLIN_TEST_X=1", "ALLIN_NO_SKIP=1"})
	if len(got) != 2 || !strings.Contains(got[0], "did you mean ALLIN_LISTEN?") || strings.Contains(got[1], "did you mean") {
		t.Errorf("warnings: %q", got)
	}
}

func TestHelpAndManualNameEveryKey(t *testing.T) {
	var help, manual strings.Builder
	if err := errors.Join(config.Help(&help), config.Markdown(&manual)); err != nil {
		t.Fatal(err)
	}
	flags := map[string]bool{}
	for _, k := range config.Keys() {
		if !strings.Contains(help.String(), k.Name) || !strings.Contains(manual.String(), "`"+k.Name+"`") {
			t.Errorf("%s is missing", k.Name)
		}
		if flags[k.Flag()] {
			t.Errorf("two keys have the flag --%s", k.Flag())
		}
		flags[k.Flag()] = true
	}
}

func TestOpen(t *testing.T) {
	for origin, want := range map[string]bool{"https://allin.example": false, "http://allin.example": true, "http://10.0.0.1:3000": true, "http://127.0.0.1:3000": false,
		"http://[::1]:3000": false, "http://localhost:3000": false} {
		if got := (config.Config{Origin: origin}).Open(); got != want {
			t.Errorf("%s: %v", origin, got)
		}
	}
}
