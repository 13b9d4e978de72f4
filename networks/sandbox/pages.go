package sandbox

import (
	"bytes"
	"embed"
	"fmt"
	"hash/fnv"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed pages/sandbox.css
var stylesheet []byte

//go:embed pages/sandbox.svg
var icon []byte

// templates are read when the first page is looked at: a worker never looks at any.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(pageFiles, "pages/*.html"))
})

// pageData is what a page shows. Each page uses the fields that it needs.
type pageData struct {
	Title   string
	Text    string
	Network string // key of the network whose look the page has, or ""
	Path    string // of the base address, before all addresses on the page
	FormTo  string // origin that a form may send the person on to

	Networks []networkView
	Account  *accountView
	Threads  [][]postView
	Older    string
	Consent  *consentView
	Control  *controlView
}

type networkView struct {
	Key, Name string
	Down      bool
	Accounts  []accountView
}

type accountView struct {
	Name, Handle, Shown, URL, Avatar string
	Password                         string // app password, where the network has them
	Posts                            int
}

type consentView struct {
	Ticket, App, Action, Problem, HandleRule, Handle, Return string
	Scopes                                                   []scopeView
	Accounts                                                 []accountView
}

type scopeView struct{ Name, Words string }

func (s *Server) routePages(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", s.indexPage)
	mux.HandleFunc("GET /sandbox.css", s.asset("text/css; charset=utf-8", stylesheet))
	mux.HandleFunc("GET /sandbox.svg", s.asset("image/svg+xml", icon))
	mux.HandleFunc("GET /x/i/oauth2/authorize", s.consentPage(X))
	mux.HandleFunc("GET /mastodon/oauth/authorize", s.consentPage(Mastodon))
	mux.HandleFunc("POST /x/consent", s.consent)
	mux.HandleFunc("POST /mastodon/consent", s.consent)
	for _, n := range s.order {
		mux.HandleFunc("GET /"+n.key+"/media/{id}", s.serveMedia(n.key))
		mux.HandleFunc("GET /"+n.key+"/avatar/{handle}", s.serveAvatar(n))
	}
	mux.HandleFunc("GET /x/{handle}", s.profilePage(X))
	mux.HandleFunc("GET /x/{handle}/status/{id}", s.postPage(X))
	mux.HandleFunc("GET /mastodon/{handle}", s.profilePage(Mastodon))
	mux.HandleFunc("GET /mastodon/{handle}/{id}", s.postPage(Mastodon))
	mux.HandleFunc("GET /bluesky/profile/{handle}", s.profilePage(Bluesky))
	mux.HandleFunc("GET /bluesky/profile/{handle}/post/{id}", s.postPage(Bluesky))
}

// asset serves a file that is part of the program.
func (s *Server) asset(typ string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", typ)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}
}

// page renders a page. Nothing on it runs script; forms go to the sandbox,
// and from the consent page on to the application that asked.
func (s *Server) page(w http.ResponseWriter, r *http.Request, status int, name string, d pageData) {
	d.Path = s.path()
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name+".html", d); err != nil {
		s.cfg.Log.Error("sandbox: page", "page", name, "error", err)
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; "+
		"base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+safeOrigin(d.FormTo))
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // a reader that went away is none of our business
	}
}

// safeOrigin keeps what could end a directive out of the page's policy.
func safeOrigin(origin string) string {
	if strings.ContainsAny(origin, "; ,'\"\t\r\n") {
		return ""
	}
	return origin
}

// path is the path of the base address.
func (s *Server) path() string {
	u, err := url.Parse(s.cfg.Base)
	if err != nil {
		return ""
	}
	return u.Path
}

// local makes an address on the page's own server of one of ours, so that it
// works under whatever name the server is called by.
func (s *Server) local(address string) string {
	if rest, ok := strings.CutPrefix(address, s.cfg.Base); ok {
		return s.path() + rest
	}
	return address
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	s.page(w, r, http.StatusNotFound, "message", pageData{Title: "There is nothing here",
		Text: "The post or account is not on the sandbox. It may have been deleted."})
}

func (s *Server) accountView(a *account) accountView {
	shown := "@" + a.handle
	if a.net.key == Mastodon {
		shown += "@" + siteHost(a.net.site)
	}
	return accountView{Name: a.name, Handle: a.handle, Shown: shown, URL: s.local(s.profileURL(a)), Avatar: s.local(s.avatarURL(a)),
		Password: a.appPassword(), Posts: a.count()}
}

func (s *Server) networkViews() []networkView {
	var out []networkView
	for _, n := range s.order {
		v := networkView{Key: n.key, Name: n.name, Down: n.down.Load()}
		for _, a := range n.allAccounts() {
			v.Accounts = append(v.Accounts, s.accountView(a))
		}
		out = append(out, v)
	}
	return out
}

func (s *Server) indexPage(w http.ResponseWriter, r *http.Request) {
	s.page(w, r, http.StatusOK, "index", pageData{Title: "Sandbox", Networks: s.networkViews()})
}

// profilePosts is how many threads a profile shows at once.
const profilePosts = 30

func (s *Server) profilePage(key string) http.HandlerFunc {
	n := s.networks[key]
	return func(w http.ResponseWriter, r *http.Request) {
		a := s.pageAccount(n, r)
		if a == nil {
			s.notFound(w, r)
			return
		}
		d := pageData{Title: a.name + " on " + n.name, Network: n.key}
		view := s.accountView(a)
		d.Account = &view
		before := r.URL.Query().Get("before")
		for len(d.Threads) < profilePosts {
			list := a.page(before, "", profilePosts)
			for _, p := range list {
				before = p.ID
				if up := n.post(p.Parent); up != nil && up.acct == a {
					continue // shown below the post it answers
				}
				if d.Threads = append(d.Threads, s.chain(p)); len(d.Threads) == profilePosts {
					d.Older = before
					break
				}
			}
			if len(list) < profilePosts {
				break
			}
		}
		s.page(w, r, http.StatusOK, "profile", d)
	}
}

// pageAccount finds the account of a page's address. Mastodon's have an @,
// Bluesky's may be named by their DID.
func (s *Server) pageAccount(n *network, r *http.Request) *account {
	handle := r.PathValue("handle")
	switch n.key {
	case Mastodon:
		name, ok := strings.CutPrefix(handle, "@")
		if !ok {
			return nil
		}
		return n.account(name)
	case Bluesky:
		return n.byIdentifier(handle)
	default:
		return n.account(handle)
	}
}

// maxThread bounds what one page shows of a thread.
const maxThread = 200

// chain is a post with what its author answered to it, in order.
func (s *Server) chain(p *post) []postView {
	var out []postView
	for next := p; next != nil && len(out) < maxThread; {
		out = append(out, s.postView(next))
		var own *post
		for _, reply := range next.answers() {
			if reply.acct == p.acct {
				own = reply
				break
			}
		}
		next = own
	}
	return joined(out)
}

// joined marks all but the last as followed by the next.
func joined(list []postView) []postView {
	for i := range list {
		list[i].Joined = i < len(list)-1
	}
	return list
}

// answers returns the direct answers to a post, oldest first.
func (p *post) answers() []*post {
	var out []*post
	p.below.Range(func(_, reply any) bool {
		out = append(out, reply.(*post))
		return true
	})
	slices.SortFunc(out, func(a, b *post) int { return compareIDs(a.ID, b.ID) })
	return out
}

func (s *Server) postPage(key string) http.HandlerFunc {
	n := s.networks[key]
	return func(w http.ResponseWriter, r *http.Request) {
		a := s.pageAccount(n, r)
		if a == nil {
			s.notFound(w, r)
			return
		}
		id := r.PathValue("id")
		if key == Bluesky {
			id = postURI(a.id, id)
		}
		p := n.post(id)
		if p == nil || p.acct != a {
			s.notFound(w, r)
			return
		}
		view := s.accountView(a)
		s.page(w, r, http.StatusOK, "post", pageData{Title: a.name + " on " + n.name, Network: n.key, Account: &view,
			Threads: [][]postView{s.thread(p)}})
	}
}

// thread is a post with all it answers above it and all answers below.
func (s *Server) thread(p *post) []postView {
	var above []postView
	for up := p.acct.net.post(p.Parent); up != nil && len(above) < maxThread; up = up.acct.net.post(up.Parent) {
		above = append(above, s.postView(up))
	}
	slices.Reverse(above)
	main := s.postView(p)
	main.Main = true
	out := append(above, main)
	var down func(*post)
	down = func(up *post) {
		for _, reply := range up.answers() {
			if len(out) < 2*maxThread {
				out = append(out, s.postView(reply))
				down(reply)
			}
		}
	}
	down(p)
	return joined(out)
}

func (s *Server) avatarURL(a *account) string {
	return a.net.site + "/avatar/" + url.PathEscape(a.handle) + ".svg"
}

// serveAvatar draws an account's first letter on a colour of its own.
func (s *Server) serveAvatar(n *network) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a := n.account(strings.TrimSuffix(r.PathValue("handle"), ".svg"))
		if a == nil {
			s.notFound(w, r)
			return
		}
		initial := "?"
		for _, c := range a.name {
			if unicode.IsLetter(c) || unicode.IsDigit(c) {
				initial = strings.ToUpper(string(c))
				break
			}
		}
		sum := fnv.New32a()
		sum.Write([]byte(strings.ToLower(a.handle)))
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Content-Security-Policy", "default-src 'none'")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96"><rect width="96" height="96" fill="hsl(%d 38%% 42%%)"/>`+
			`<text x="48" y="50" fill="#fff" font-family="system-ui, sans-serif" font-size="44" font-weight="600" text-anchor="middle" dominant-baseline="central">%s</text></svg>`,
			sum.Sum32()%360, template.HTMLEscapeString(initial))
	}
}
