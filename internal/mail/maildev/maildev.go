// Package maildev runs a mail server on loopback for tests, which keeps what
// it is sent and shows it. .ci/maildev installs it from npm; the variable
// ALLIN_MAILDEV names its folder.
package maildev

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Server is a running mail server with nothing in it yet.
type Server struct {
	t    testing.TB
	Port int // of SMTP, on 127.0.0.1
	web  string
}

// Who may sign in.
const (
	User     = "allin"
	Password = "p@ss:w/rd" // what an address must encode
)

// Mail is what the server was sent.
type Mail struct {
	ID         string
	Subject    string
	Text, HTML string
	Headers    map[string]any
	From, To   []Box
	Source     string `json:"-"` // as it came
}

// Box is a mailbox.
type Box struct{ Name, Address string }

// patience is how long the server may take to start, or a mail to arrive.
const patience = 20 * time.Second

// Start runs a server until the test ends. Where none is installed it skips
// the test, or fails it when ALLIN_NO_SKIP is 1. args are more of its own.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	folder := os.Getenv("ALLIN_MAILDEV")
	if folder == "" {
		const how = "no mail server: ALLIN_MAILDEV names no folder. Run the test with ALLIN_MAILDEV=$(.ci/maildev), which installs it"
		if os.Getenv("ALLIN_NO_SKIP") == "1" {
			t.Fatal(how)
		}
		t.Skip(how)
	}
	ports := freePorts(t)
	s := &Server{t: t, Port: ports[0], web: "http://127.0.0.1:" + strconv.Itoa(ports[1])}
	args = append([]string{filepath.Join(folder, "node_modules", "maildev", "dist", "bin", "maildev.js"), "--ip", "127.0.0.1", "--web-ip", "127.0.0.1",
		"--smtp", strconv.Itoa(ports[0]), "--web", strconv.Itoa(ports[1]), "--incoming-user", User, "--incoming-pass", Password}, args...)
	var log bytes.Buffer
	cmd := exec.Command("node", args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("start maildev: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	for waited := time.Duration(0); ; waited += 50 * time.Millisecond {
		if _, err := s.get("/api/healthz"); err == nil {
			return s
		}
		if waited > patience {
			t.Fatalf("maildev did not start within %s", patience)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Mails waits until n mails have arrived and returns all.
func (s *Server) Mails(n int) []Mail {
	s.t.Helper()
	for waited := time.Duration(0); ; waited += 50 * time.Millisecond {
		list := s.list()
		if len(list) >= n {
			for i := range list {
				source, err := s.get("/api/email/" + list[i].ID + "/source")
				if err != nil {
					s.t.Fatalf("read the source of a mail: %v", err)
				}
				list[i].Source = string(source)
			}
			return list
		}
		if waited > patience {
			s.t.Fatalf("%d mails arrived within %s, want %d", len(list), patience, n)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (s *Server) list() []Mail {
	body, err := s.get("/api/email")
	if err != nil {
		s.t.Fatalf("list mails: %v", err)
	}
	var list []Mail
	if err := json.Unmarshal(body, &list); err != nil {
		s.t.Fatalf("list mails: %v in %.300s", err, body)
	}
	return list
}

func (s *Server) get(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.web+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, strings.TrimSpace(string(body)))
	}
	return body, err
}

// freePorts holds both at once, so that they differ.
func freePorts(t testing.TB) (ports [2]int) {
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("find a port: %v", err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}
