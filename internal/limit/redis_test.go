package limit_test

import (
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/allin-platform/allin/internal/limit"
)

// startRedis runs a real one, where it is installed.
func startRedis(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	ln.Close()
	cmd := exec.Command(program, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return "redis://" + address + "/0"
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("redis-server does not come up")
	return ""
}

func TestRedisCounts(t *testing.T) {
	url := startRedis(t)
	r, err := limit.OpenRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ends := time.Now().Add(time.Minute)
	for i, want := range []int{3, 6, 9} {
		if got, err := r.Add(t.Context(), "person:ann", 3, ends); err != nil || got != want {
			t.Errorf("call %d: %d, %v", i, got, err)
		}
	}
	if got, err := r.Add(t.Context(), "person:ann", 1, ends.Add(limit.Window)); err != nil || got != 1 {
		t.Errorf("in the next window: %d, %v", got, err)
	}
	if _, err := limit.OpenRedis("http://redis"); err == nil {
		t.Error("an address that is no Redis's")
	}
}
