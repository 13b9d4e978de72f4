// Package redistest lends tests a real Redis: on a free port of this machine,
// writing nothing to disk, gone when the test ends.
package redistest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Server is one Redis.
type Server struct {
	t    testing.TB
	port string
	cmd  *exec.Cmd
}

// Start starts one. Without redis-server the test is skipped, or fails where
// nothing may be (ALLIN_NO_SKIP=1).
func Start(t testing.TB) *Server {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		const why = "redis-server is not installed: apt-get install redis-server"
		if os.Getenv("ALLIN_NO_SKIP") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	s := &Server{t: t, port: freePort(t)}
	s.run(program)
	t.Cleanup(s.Stop)
	return s
}

// URL is where it is.
func (s *Server) URL() string { return "redis://127.0.0.1:" + s.port + "/0" }

// Stop ends it at once, as a crash does.
func (s *Server) Stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed: that is no news
	s.cmd = nil
}

// Again starts it anew at the same place, empty.
func (s *Server) Again() {
	s.t.Helper()
	s.Stop()
	s.run("redis-server")
}

func (s *Server) run(program string) {
	s.t.Helper()
	s.cmd = exec.Command(program, "--bind", "127.0.0.1", "--port", s.port, "--save", "", "--appendonly", "no", "--dir", s.t.TempDir())
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for range 200 {
		c, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.t.Fatal("redis-server does not listen")
}

func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}
