// Package migrations holds the database's schema as forward-only numbered SQL.
package migrations

import "embed"

// Files are the migrations, in goose's format.
//
//go:embed *.sql
var Files embed.FS
