package mail

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Way is how mail leaves.
type Way string

// The ways.
const (
	Kept      Way = ""        // it does not: it is read in the console
	BySMTP    Way = "smtp"    // by a mail server
	ByMailgun Way = "mailgun" // by Mailgun's API
)

// Settings say how mail leaves, and from whom.
type Settings struct {
	From    string `json:"from"` // "AllIN <post@allin.example>"
	SMTP    string `json:"smtp"` // as ParseSMTP reads it
	Mailgun Mailgun
}

// Mailgun is an account there.
type Mailgun struct {
	Domain string `json:"domain"` // that mail is sent from
	Key    string `json:"key"`    // for sending, of the domain or the account
	API    string `json:"api"`    // base address; "": the one in the United States
}

// Mailgun's own base addresses.
const (
	MailgunUS = "https://api.mailgun.net"
	MailgunEU = "https://api.eu.mailgun.net"
)

// Way tells which one the settings name.
func (s Settings) Way() Way {
	switch {
	case s.SMTP != "":
		return BySMTP
	case s.Mailgun.Domain != "" && s.Mailgun.Key != "":
		return ByMailgun
	}
	return Kept
}

// Place names the server or domain that mail leaves by, without a secret.
func (s Settings) Place() string {
	switch s.Way() {
	case BySMTP:
		if server, err := ParseSMTP(s.SMTP); err == nil {
			return server.addr()
		}
	case ByMailgun:
		return s.Mailgun.Domain
	}
	return ""
}

// Security is how a connection to a mail server is encrypted.
type Security string

// The kinds of encryption.
const (
	TLS      Security = "tls"      // from the first byte
	StartTLS Security = "starttls" // after a greeting; without it nothing is sent
	None     Security = "none"     // not at all: for a server on the same machine or network
)

// SMTP is a mail server and who signs in there.
type SMTP struct {
	Host     string
	Port     int
	Security Security
	User     string // "": nobody signs in
	Password string
}

func (s SMTP) addr() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// ports are those that are usual for each kind of encryption.
var ports = map[Security]int{TLS: 465, StartTLS: 587, None: 25}

// ParseSMTP reads smtps://user:password@host:465 (TLS from the first byte),
// smtp://user:password@host:587 (STARTTLS), or smtp://host:25?tls=none. A
// password is sent without encryption to this very machine only. Errors do
// not repeat the address, which may hold a password.
func ParseSMTP(address string) (SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return SMTP{}, errors.New("write smtps://user:password@host:465 or smtp://user:password@host:587, with special characters in the password percent-encoded")
	}
	s := SMTP{Host: strings.ToLower(u.Hostname()), Security: StartTLS, User: u.User.Username()}
	s.Password, _ = u.User.Password()
	switch tls := u.Query().Get("tls"); {
	case u.Scheme == "smtps" && tls == "":
		s.Security = TLS
	case u.Scheme == "smtp" && tls == "none":
		s.Security = None
	case tls != "":
		return SMTP{}, errors.New("after the question mark only tls=none is known, and only with smtp://")
	}
	s.Port = ports[s.Security]
	if p := u.Port(); p != "" {
		if s.Port, err = strconv.Atoi(p); err != nil || s.Port < 1 || s.Port > 65535 {
			return SMTP{}, errors.New("write a port from 1 to 65535 after the host")
		}
	}
	if s.Security == None && s.User != "" && !loopback(s.Host) {
		return SMTP{}, errors.New("without encryption the password could be read on the way: use smtps:// or smtp:// without tls=none")
	}
	return s, nil
}

// String is the address that ParseSMTP reads.
func (s SMTP) String() string {
	u := url.URL{Scheme: "smtp", Host: s.addr()}
	if s.User != "" {
		u.User = url.UserPassword(s.User, s.Password)
	}
	switch s.Security {
	case TLS:
		u.Scheme = "smtps"
	case None:
		u.RawQuery = "tls=none"
	}
	return u.String()
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
