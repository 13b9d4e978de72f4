package rig

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is one program of the installation. It may be killed and started
// again as often as wanted; what it logs goes into one file.
type Process struct {
	// Name says which one it is, in logs and messages.
	Name string

	path string
	args []string
	env  []string
	log  string

	mu   sync.Mutex
	run  *Run  // nil when it was ended from here
	peak int64 // bytes, of the runs that are over
}

// Run is one run of a process, from its start to its end.
type Run struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// Ended is closed when the run is over.
func (r *Run) Ended() <-chan struct{} { return r.ended }

// AllIN returns a process of AllIN that is not started yet. command is "serve"
// or "worker".
func (r *Rig) AllIN(command string, settings ...string) *Process {
	env := append(os.Environ(),
		"DATABASE_URL="+r.Postgres.DSN(),
		"ALLIN_DATA="+r.data(),
		"ALLIN_SECRET_KEY="+r.keys,
		"ALLIN_SANDBOX=on",
		"ALLIN_SANDBOX_URL="+r.SandboxURL,
		"ALLIN_SANDBOX_LISTEN=127.0.0.1:0",
		"ALLIN_LISTEN=127.0.0.1:0",
		"ALLIN_ORIGIN=http://127.0.0.1",
		"ALLIN_DEMO=off",
		"ALLIN_LIMITS=off",
		"ALLIN_LOG_LEVEL=warn",
	)
	env = append(append(env, r.opts.Settings...), settings...)
	return r.add(&Process{Name: command, path: r.program, args: []string{command}, env: env})
}

// Role returns a process that is this same program in another role: its main
// function asks RoleOf. job is handed over as JSON.
func (r *Rig) Role(role string, job any) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	b, err := json.Marshal(job)
	if err != nil {
		return nil, fmt.Errorf("encode job: %w", err)
	}
	path := filepath.Join(r.Dir, fmt.Sprintf("job-%d.json", len(r.processes)))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return nil, fmt.Errorf("write job: %w", err)
	}
	return r.add(&Process{Name: role, path: self, env: append(os.Environ(), roleVariable+"="+role, jobVariable+"="+path)}), nil
}

const (
	roleVariable = "BENCH_ROLE"
	jobVariable  = "BENCH_JOB"
)

// RoleOf is the role that this process was started in, or "", and reads its
// job into job.
func RoleOf(job any) (string, error) {
	role := os.Getenv(roleVariable)
	if role == "" {
		return "", nil
	}
	b, err := os.ReadFile(os.Getenv(jobVariable))
	if err != nil {
		return role, fmt.Errorf("read job: %w", err)
	}
	if err := json.Unmarshal(b, job); err != nil {
		return role, fmt.Errorf("read job: %w", err)
	}
	return role, nil
}

func (r *Rig) add(p *Process) *Process {
	p.log = filepath.Join(r.Dir, fmt.Sprintf("%s-%d.log", p.Name, len(r.processes)))
	r.processes = append(r.processes, p)
	return p
}

// Start starts the process, or starts it again.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.start()
}

func (p *Process) start() error {
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer out.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt at the terminal is ours to handle
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	run := &Run{cmd: cmd, ended: make(chan struct{})}
	go func() {
		cmd.Wait() // how a killed process ended is known
		close(run.ended)
	}()
	p.run = run
	return nil
}

// Restart starts the process again when it is run that ended, and by itself.
func (p *Process) Restart(run *Run) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != run {
		return false, nil
	}
	return true, p.start()
}

// Current is the run that goes on, or went on last; nil when the process was
// ended from here.
func (p *Process) Current() *Run {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run
}

// Freeze stops the process where it stands and lets it go on after d, as a
// machine does that is short of memory or is being moved.
func (p *Process) Freeze(ctx context.Context, d time.Duration) {
	run := p.Current()
	if run == nil {
		return
	}
	run.cmd.Process.Signal(syscall.SIGSTOP) // one that is gone by now was killed meanwhile
	Pause(ctx, d)
	run.cmd.Process.Signal(syscall.SIGCONT)
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Stop asks the process to end, and waits for it.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

func (p *Process) end(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return
	}
	cmd, ended := p.run.cmd, p.run.ended
	p.peak = max(p.peak, peakMemory(cmd.Process.Pid))
	cmd.Process.Signal(sig)
	select {
	case <-ended:
	case <-time.After(45 * time.Second):
		cmd.Process.Kill()
		<-ended
	}
	p.run = nil
}

// PeakMemory is the most that the process had resident, in bytes, in any run.
func (p *Process) PeakMemory() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil {
		p.peak = max(p.peak, peakMemory(p.run.cmd.Process.Pid))
	}
	return p.peak
}

// peakMemory reads a process' high-water mark; 0 where the system tells none.
func peakMemory(pid int) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if kb, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(kb, "kB")), 10, 64)
			return n << 10
		}
	}
	return 0
}

// Log returns the end of what the process said.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-40):], []byte("\n")))
}

// AwaitProcesses returns when n of AllIN's processes have joined.
func (r *Rig) AwaitProcesses(ctx context.Context, n int) error {
	limit, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var got int
		err := r.Admin.QueryRow(limit, `select count(*) from processes p
			where exists (select 1 from pg_locks l where l.locktype = 'advisory' and l.granted
				and (l.classid::bigint << 32 | l.objid::bigint) = p.lock_key)`).Scan(&got)
		if err == nil && got >= n {
			return nil
		}
		if Pause(limit, 20*time.Millisecond) != nil || r.anyEnded() {
			return fmt.Errorf("AllIN did not start:\n%s", r.Logs())
		}
	}
}

func (r *Rig) anyEnded() bool {
	for _, p := range r.processes {
		if run := p.Current(); run != nil {
			select {
			case <-run.ended:
				return true
			default:
			}
		}
	}
	return false
}

// Logs returns the end of what each process said.
func (r *Rig) Logs() string {
	var b strings.Builder
	for _, p := range r.processes {
		fmt.Fprintf(&b, "%s: %s\n", p.Name, p.Log())
	}
	return b.String()
}

// Pause waits for d, or until ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
