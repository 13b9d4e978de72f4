package models

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/internal/mail"
)

// MailSettings say how mail leaves, and who set that. What the environment
// sets is stronger than what the console keeps.
type MailSettings struct {
	mail.Settings
	WaySet  bool // the environment names the server or Mailgun
	FromSet bool // the environment names the sender
}

const mailSetting = "mail"

// MailSettings are those in force. They hold secrets.
func (in *Install) MailSettings(ctx context.Context) (s MailSettings, err error) {
	err = in.system(ctx, func(tx pgx.Tx) error {
		s, err = in.mailSettings(ctx, tx)
		return err
	})
	return s, err
}

func (s *Store) mailSettings(ctx context.Context, tx pgx.Tx) (MailSettings, error) {
	var kept mail.Settings
	if _, err := s.setting(ctx, tx, mailSetting, &kept); err != nil {
		return MailSettings{}, err
	}
	set := MailSettings{Settings: kept, WaySet: s.mail.Way() != mail.Kept, FromSet: s.mail.From != ""}
	if set.WaySet {
		set.SMTP, set.Mailgun = s.mail.SMTP, s.mail.Mailgun
	}
	if set.FromSet {
		set.From = s.mail.From
	}
	return set, nil
}

// MailSetup is how mail leaves as the console shows it, without secrets.
type MailSetup struct {
	Way             mail.Way
	WaySet, FromSet bool // by the environment
	From            string
	SMTP            mail.SMTP // Password is ""
	Mailgun         mail.Mailgun
	HasSecret       bool // a password or a key is kept
}

// MailSetup reads it.
func (c *Console) MailSetup(ctx context.Context) (MailSetup, error) {
	if err := c.demand(ReadInstallation); err != nil {
		return MailSetup{}, err
	}
	var set MailSettings
	err := c.store.system(ctx, func(tx pgx.Tx) (err error) {
		set, err = c.store.mailSettings(ctx, tx)
		return err
	})
	if err != nil {
		return MailSetup{}, err
	}
	m := MailSetup{Way: set.Way(), WaySet: set.WaySet, FromSet: set.FromSet, From: set.From, Mailgun: set.Mailgun}
	if set.SMTP != "" {
		if m.SMTP, err = mail.ParseSMTP(set.SMTP); err != nil {
			return MailSetup{}, fmt.Errorf("read mail settings: %w", err)
		}
	}
	m.HasSecret = m.SMTP.Password != "" || m.Mailgun.Key != ""
	m.SMTP.Password, m.Mailgun.Key = "", ""
	return m, nil
}

// SendBySMTP makes mail leave by the server. An empty password keeps the one
// that is there, for the same server and login only: it is shown to no other.
func (c *Console) SendBySMTP(ctx context.Context, from string, s mail.SMTP) error {
	s.Host, s.User = strings.ToLower(strings.TrimSpace(s.Host)), strings.TrimSpace(s.User)
	return c.setMail(ctx, from, func(kept mail.Settings) (mail.Settings, error) {
		if s.Host == "" {
			return kept, invalid("host", "Enter the mail server's name, for example smtp.example.com.")
		}
		if s.Port < 1 || s.Port > 65535 {
			return kept, invalid("port", "Enter a number from 1 to 65535.")
		}
		if s.User == "" {
			s.Password = ""
		}
		if s.User != "" && s.Password == "" {
			old, err := mail.ParseSMTP(kept.SMTP)
			if err != nil || old.Host != s.Host || old.Port != s.Port || old.User != s.User || old.Password == "" {
				return kept, invalid("password", "Enter the password.")
			}
			s.Password = old.Password
		}
		if _, err := mail.ParseSMTP(s.String()); err != nil {
			return kept, invalid("host", "This cannot be used: %s.", err)
		}
		return mail.Settings{SMTP: s.String()}, nil
	})
}

// SendByMailgun makes mail leave by Mailgun. An empty key keeps the one that
// is there, for the same domain and address only.
func (c *Console) SendByMailgun(ctx context.Context, from string, m mail.Mailgun) error {
	m.Domain, m.Key = strings.ToLower(strings.TrimSpace(m.Domain)), strings.TrimSpace(m.Key)
	m.API = strings.TrimRight(strings.TrimSpace(m.API), "/")
	return c.setMail(ctx, from, func(kept mail.Settings) (mail.Settings, error) {
		if m.Domain == "" || strings.ContainsAny(m.Domain, ":/@ ?#&%") {
			return kept, invalid("domain", "Enter the domain at Mailgun, for example mg.example.com.")
		}
		if !strings.HasPrefix(m.API, "https://") && !strings.HasPrefix(m.API, "http://") {
			return kept, invalid("api", "Enter an address that begins with https://.")
		}
		if m.Key == "" {
			if kept.Mailgun.Domain != m.Domain || kept.Mailgun.API != m.API || kept.Mailgun.Key == "" {
				return kept, invalid("key", "Enter the key.")
			}
			m.Key = kept.Mailgun.Key
		}
		return mail.Settings{Mailgun: m}, nil
	})
}

// KeepMails makes mail stay here, to be read in the console, and forgets the
// server and its password.
func (c *Console) KeepMails(ctx context.Context) error {
	return c.changeMail(ctx, func(kept mail.Settings) (mail.Settings, error) { return mail.Settings{From: kept.From}, nil })
}

func (c *Console) setMail(ctx context.Context, from string, change func(kept mail.Settings) (mail.Settings, error)) error {
	return c.changeMail(ctx, func(kept mail.Settings) (mail.Settings, error) {
		next, err := change(kept)
		if err != nil {
			return next, err
		}
		if c.store.mail.From != "" {
			return next, nil
		}
		a, err := mail.ParseAddress(strings.TrimSpace(from))
		if err != nil {
			return next, invalid("from", "Enter the sender, for example AllIN <post@allin.example>.")
		}
		next.From = a.String()
		return next, nil
	})
}

func (c *Console) changeMail(ctx context.Context, change func(kept mail.Settings) (mail.Settings, error)) error {
	if err := c.demand(ChangeInstallation); err != nil {
		return err
	}
	if c.store.mail.Way() != mail.Kept {
		return conflict("How mail is sent is set in the environment of this installation. Change it there.")
	}
	return c.store.system(ctx, func(tx pgx.Tx) error {
		var kept mail.Settings
		if _, err := c.store.setting(ctx, tx, mailSetting, &kept); err != nil {
			return err
		}
		next, err := change(kept)
		if err != nil {
			return err
		}
		if err := c.store.setSetting(ctx, tx, mailSetting, &c.Admin.ID, next); err != nil {
			return err
		}
		return c.audit(ctx, tx, "mail.set", "", map[string]any{
			"before": map[string]any{"way": kept.Way(), "place": kept.Place()}, "after": map[string]any{"way": next.Way(), "place": next.Place()}})
	})
}
