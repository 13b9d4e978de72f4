// Package pds runs Bluesky's own server (a PDS, from npm) on loopback for
// tests. .ci/pds installs it; the variable ALLIN_PDS names its folder.
package pds

import (
	"bufio"
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

//go:embed start.cjs
var script []byte

// Server is a running PDS with nobody on it yet.
type Server struct {
	URL     string // "http://127.0.0.1:2583"
	Version string // of the npm package @atproto/pds
}

// Account is somebody on a Server.
type Account struct {
	DID, Handle string
	Password    string // the main one
	AppPassword string
	Access      string // token of a session with all rights
}

// patience is how long the server may take to start.
const patience = time.Minute

// Start runs a PDS until the test ends. Where none is installed it skips the
// test, or fails it when ALLIN_NO_SKIP is 1.
func Start(t testing.TB) *Server {
	t.Helper()
	folder := os.Getenv("ALLIN_PDS")
	if folder == "" {
		const how = "no Bluesky server: ALLIN_PDS names no folder. Run `make test-networks`, which installs it"
		if os.Getenv("ALLIN_NO_SKIP") == "1" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	data := t.TempDir()
	start := filepath.Join(data, "start.cjs")
	if err := os.WriteFile(start, script, 0o600); err != nil {
		t.Fatalf("write start script: %v", err)
	}
	return run(t, exec.Command("node", start, folder), data)
}

func run(t testing.TB, cmd *exec.Cmd, data string) *Server {
	t.Helper()
	log := &lockedBuffer{}
	cmd.Env = append(os.Environ(), "TMPDIR="+data, "LOG_ENABLED=false")
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("pipe to the server: %v", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatalf("pipe from the server: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the Bluesky server: %v", err)
	}
	told := make(chan []byte, 1)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		tell(stdout, told)
		_ = cmd.Wait() // its exit status says nothing that its log does not
	}()
	t.Cleanup(func() {
		stdin.Close()
		select {
		case <-gone:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-gone
		}
	})
	var ready struct {
		Port    int
		Version string
	}
	select {
	case line := <-told:
		if err := json.Unmarshal(line, &ready); err != nil {
			t.Fatalf("the Bluesky server said %q: %v", line, err)
		}
	case <-gone:
		t.Fatalf("the Bluesky server did not start:\n%s", log)
	case <-time.After(patience):
		t.Fatalf("the Bluesky server did not start within %s:\n%s", patience, log)
	}
	return &Server{URL: fmt.Sprintf("http://127.0.0.1:%d", ready.Port), Version: ready.Version}
}

// tell passes on the first line that is JSON and reads the rest away.
func tell(from io.Reader, told chan<- []byte) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		if bytes.HasPrefix(lines.Bytes(), []byte("{")) {
			select {
			case told <- bytes.Clone(lines.Bytes()):
			default:
			}
		}
	}
}

// lockedBuffer keeps what the server logs.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// NewAccount signs somebody up and makes an app password.
func (s *Server) NewAccount(t testing.TB) Account {
	t.Helper()
	name := "u" + strings.ToLower(rand.Text()[:10])
	a := Account{Handle: name + ".test", Password: rand.Text()}
	var made struct{ DID, AccessJwt string }
	s.call(t, "com.atproto.server.createAccount", "", map[string]string{
		"email": name + "@example.com", "handle": a.Handle, "password": a.Password,
	}, &made)
	var app struct{ Password string }
	s.call(t, "com.atproto.server.createAppPassword", made.AccessJwt, map[string]string{"name": "allin"}, &app)
	a.DID, a.Access, a.AppPassword = made.DID, made.AccessJwt, app.Password
	return a
}

func (s *Server) call(t testing.TB, nsid, token string, body, answer any) {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatalf("encode %s: %v", nsid, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/xrpc/"+nsid, bytes.NewReader(b))
	if err != nil {
		t.Fatalf("make request %s: %v", nsid, err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("call %s: %v", nsid, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("call %s: HTTP %d", nsid, resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		t.Fatalf("decode answer of %s: %v", nsid, err)
	}
}
