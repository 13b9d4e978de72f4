// Package static holds what the browser gets besides pages: styles, scripts,
// fonts and icons. `make assets` builds them into dist, from where they are
// compiled in. Addresses carry a hash of the content, so that browsers may
// keep every file for ever and still never show an old one.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"sync"
)

//go:embed all:dist
var dist embed.FS

// Prefix is the path that all files are served below.
const Prefix = "/static/"

// How long browsers may keep a file: for ever under the address that URL
// gives, and else only to ask whether it has changed.
const (
	Immutable  = "public, max-age=31536000, immutable"
	Revalidate = "no-cache"
)

// File is one file as it is served.
type File struct {
	Body []byte
	Type string // media type
	ETag string // strong, quoted
	Hash string // the v of its address

	url  string
	gzip func() []byte
}

// Gzip is the body compressed, or nil where that would save nothing. It is
// compressed once, when first asked for.
func (f *File) Gzip() []byte { return f.gzip() }

// CacheControl is how long a browser may keep the file that it asked for with
// the hash v.
func (f *File) CacheControl(v string) string {
	if v == f.Hash {
		return Immutable
	}
	return Revalidate
}

// Files are files by their names.
type Files map[string]*File

// built reads the compiled-in files when first needed.
var built = sync.OnceValue(func() Files {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // dist is a valid name
	}
	files, err := Read(sub)
	if err != nil {
		panic(err) // what is compiled in can be read
	}
	return files
})

// Open finds a built file by its name, such as "app.css".
func Open(name string) (*File, bool) { return built().Open(name) }

// URL is the address of a built file, such as "/static/app.css?v=0a1b…". For a
// file that was not built it has no hash and leads nowhere.
func URL(name string) string { return built().URL(name) }

// Open finds a file by its name. It allocates nothing.
func (fs Files) Open(name string) (*File, bool) {
	f, ok := fs[name]
	return f, ok
}

// URL is the address of a file.
func (fs Files) URL(name string) string {
	if f, ok := fs[name]; ok {
		return f.url
	}
	return Prefix + name
}

// Read reads all files of a folder but those whose names begin with a dot.
// Style sheets come to name other files by their addresses with hashes, so
// that each is loaded once, whoever asks for it.
func Read(fsys fs.FS) (Files, error) {
	files := Files{}
	var sheets []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		body, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if path.Ext(name) == ".css" {
			sheets = append(sheets, name)
		}
		files[name] = newFile(name, body)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading static files: %w", err)
	}
	for _, name := range sheets {
		files[name] = newFile(name, files.rewrite(name, files[name].Body))
	}
	return files, nil
}

func newFile(name string, body []byte) *File {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:6])
	f := &File{Body: body, Type: mediaType(name), ETag: `"` + hash + `"`, Hash: hash, url: Prefix + name + "?v=" + hash}
	f.gzip = sync.OnceValue(func() []byte { return compress(f) })
	return f
}

// reference finds url(…) in a style sheet.
var reference = regexp.MustCompile(`url\((["']?)([\w./-]+)(["']?)\)`)

// rewrite gives the files that a style sheet names their full addresses. A
// sheet that another sheet names keeps its plain name: its hash is not known.
func (fs Files) rewrite(sheet string, body []byte) []byte {
	return reference.ReplaceAllFunc(body, func(match []byte) []byte {
		m := reference.FindSubmatch(match)
		name := path.Join(path.Dir(sheet), string(m[2]))
		f, ok := fs[name]
		if !ok || path.Ext(name) == ".css" {
			return match
		}
		return []byte("url(" + string(m[1]) + f.url + string(m[3]) + ")")
	})
}

// types are the media types of what is built; the system's own table differs
// from machine to machine.
var types = map[string]string{
	".css":         "text/css; charset=utf-8",
	".gif":         "image/gif",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".jpg":         "image/jpeg",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff2":       "font/woff2",
}

func mediaType(name string) string {
	if t, ok := types[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}

// compress returns the file's body compressed, or nil.
func compress(f *File) []byte {
	textual := strings.HasPrefix(f.Type, "text/") || strings.HasSuffix(f.Type, "json") || strings.HasSuffix(f.Type, "xml")
	if !textual {
		return nil
	}
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := z.Write(f.Body); err != nil || z.Close() != nil || buf.Len() >= len(f.Body) {
		return nil
	}
	return buf.Bytes()
}
