package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/allin-platform/allin/internal/media"
	"github.com/allin-platform/allin/internal/seal"
	"github.com/allin-platform/allin/migrations"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/models/tenant"
)

// doctor checks the installation and prints a line for each check. It mends
// nothing, and is an error when something has to be.
func doctor(ctx context.Context, p *program) error {
	in := &installation{program: p}
	defer in.close()
	failed := 0
	tell := func(list ...models.Finding) {
		for _, f := range list {
			if f.Verdict == models.CheckFail {
				failed++
			}
			fmt.Fprintf(p.out, "%-5s %-18s %s\n", f.Verdict, f.What, f.Text)
		}
	}
	tell(examineData(p.config.Data), examineOrigin(p.config.Origin), examineCookie(p.config.Origin))
	keys := p.examineKeys()
	tell(keys)
	tell(in.examineStore(ctx, keys.Verdict != models.CheckFail)...)
	if failed > 0 {
		return fmt.Errorf("%d of these must be mended", failed)
	}
	return nil
}

// Free space below which people are told, in bytes.
const (
	littleSpace = 1 << 30
	noSpace     = 100 << 20
)

func examineData(dir string) models.Finding {
	const what = "data folder"
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return models.Found(models.CheckFail, what, "cannot be written to: %v. Make it, and give it to the user that runs AllIN.", err)
	}
	f.Close()
	os.Remove(f.Name())
	files, err := media.Open(filepath.Join(dir, "media"))
	if err != nil {
		return models.Found(models.CheckFail, what, "%v", err)
	}
	free, _, err := files.Space()
	switch mb := free / 1e6; {
	case err != nil:
		return models.Found(models.CheckWarn, what, "can be written to; how much is free is not known: %v", err)
	case free < noSpace:
		return models.Found(models.CheckFail, what, "%d MB are free: make room, or uploads and the database stop", mb)
	case free < littleSpace:
		return models.Found(models.CheckWarn, what, "%d MB are free: make room", mb)
	default:
		return models.Found(models.CheckOK, what, "%s can be written to, %d MB are free", absolute(dir), mb)
	}
}

// loopback reports that an address leads to this machine only.
func loopback(u *url.URL) bool {
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

func examineOrigin(origin string) models.Finding {
	const what = "origin"
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Host == "":
		return models.Found(models.CheckFail, what, "%q is no address: set ALLIN_ORIGIN to what people type, such as https://allin.example", origin)
	case u.Scheme == "https":
		return models.Found(models.CheckOK, what, "%s", origin)
	case loopback(u):
		return models.Found(models.CheckOK, what, "%s, for this machine only", origin)
	}
	return models.Found(models.CheckFail, what, "%s is not https, so passwords and sessions travel in the open: put a proxy with a certificate in front, and set ALLIN_ORIGIN to its https address", origin)
}

func examineCookie(origin string) models.Finding {
	const what = "session cookie"
	u, err := url.Parse(origin)
	switch {
	case err == nil && u.Scheme == "https":
		return models.Found(models.CheckOK, what, "__Host-allin: from this host only, and by https only")
	case err == nil && loopback(u):
		return models.Found(models.CheckOK, what, "allin, without Secure, which is right on this machine only")
	}
	return models.Found(models.CheckFail, what, "cannot be Secure while the origin is not https: whoever listens on the way can take a session over")
}

// examineKeys opens the keys without making any.
func (p *program) examineKeys() models.Finding {
	const what = "keys"
	var err error
	if p.config.SecretKey == "" {
		if _, err = os.Stat(p.config.KeyFile); errors.Is(err, os.ErrNotExist) {
			return models.Found(models.CheckFail, what, "there is no file %s. If AllIN has run before, put it back from your copy: without it no account's token opens. A first start makes one.", p.config.KeyFile)
		}
	}
	if err == nil {
		p.box, err = p.keys()
	}
	if err != nil {
		return models.Found(models.CheckFail, what, "%v", err)
	}
	if p.box.Len() == 1 {
		return models.Found(models.CheckOK, what, "1 key in %s", p.keyPlace())
	}
	return models.Found(models.CheckOK, what, "%d keys in %s; allin keys drop forgets the older ones", p.box.Len(), p.keyPlace())
}

// patience is how long a database is waited for that does not answer.
const patience = 5 * time.Second

// examineStore looks into the database, as far as it can be opened.
func (in *installation) examineStore(ctx context.Context, keys bool) []models.Finding {
	if _, err := os.Stat(filepath.Join(in.config.Data, "postgres")); in.config.DatabaseURL == "" && errors.Is(err, os.ErrNotExist) {
		return []models.Finding{models.Found(models.CheckFail, "database", "there is none yet: allin serve makes one at its first start, or set DATABASE_URL")}
	}
	dsn, migrate, err := in.database(ctx)
	if err != nil {
		return []models.Finding{models.Found(models.CheckFail, "database", "%v", err)}
	}
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if in.db, err = tenant.Open(soon, dsn, tenant.Options{MaxConns: 4}); err != nil {
		return []models.Finding{models.Found(models.CheckFail, "database", "%v. See that it runs, and that DATABASE_URL is right.", unreachable(err))}
	}
	have, want, err := tenant.Pending(ctx, migrate, migrations.Files)
	switch {
	case err != nil:
		return []models.Finding{models.Found(models.CheckFail, "migrations", "%v", err)}
	case have < want:
		return []models.Finding{models.Found(models.CheckFail, "migrations", "the schema is at %d and should be at %d: run allin migrate, or start allin serve. The rest cannot be looked at before.", have, want)}
	case have > want:
		return []models.Finding{models.Found(models.CheckFail, "migrations", "the schema is at %d and this program knows %d: it is older than the database. Use the newer program.", have, want)}
	}
	list := []models.Finding{models.Found(models.CheckOK, "migrations", "the schema is at %d, the newest", have)}
	if !keys {
		// Everything but what is sealed can be looked at with any key.
		made, err := seal.NewKeys()
		if err == nil {
			in.box, err = seal.Parse(made)
		}
		if err != nil {
			return append(list, models.Found(models.CheckFail, "keys", "%v", err))
		}
	}
	if in.store, in.files, err = in.openStore(in.db, nil); err != nil {
		return append(list, models.Found(models.CheckFail, "data folder", "%v", err))
	}
	install := in.store.Install("doctor")
	list = append(list, install.ExamineDatabase(ctx)...)
	list = append(list, install.ExamineAudit(ctx))
	if keys {
		list = append(list, install.ExamineSealed(ctx))
		list = append(list, install.ExamineApps(ctx)...)
	}
	return list
}

// unreachable is the last cause of an error that a connection failed with.
func unreachable(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	return err
}
