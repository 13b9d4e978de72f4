package main

import (
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/allin-platform/allin/handlers"
	"github.com/allin-platform/allin/views/console"
)

// about is what the console tells of how this process was started.
func (in *installation) about() handlers.Installation {
	a := handlers.Installation{Epoch: in.epochFile()}
	a.Places = [][2]string{{"Data folder", absolute(in.config.Data)}, {"Uploads", absolute(filepath.Join(in.config.Data, "media"))},
		{"Database at", in.databasePlace()}, {"Keys", in.keyPlace()}, {"Reached under", in.config.Origin}}
	for _, f := range in.config.Facts() {
		a.Facts = append(a.Facts, console.Fact{Name: f.Name, Value: f.Value, Doc: f.Doc, Given: f.Given})
	}
	return a
}

func absolute(path string) string {
	if a, err := filepath.Abs(path); err == nil {
		return a
	}
	return path
}

// databasePlace is where the database is, without its password.
func (p *program) databasePlace() string {
	url := p.config.DatabaseURL.Reveal()
	if url == "" {
		return "AllIN’s own, in the data folder"
	}
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return "as DATABASE_URL says"
	}
	return c.Database + " at " + c.Host
}

func (p *program) keyPlace() string {
	if p.config.SecretKey != "" {
		return "ALLIN_SECRET_KEY in the environment"
	}
	return absolute(p.config.KeyFile)
}
