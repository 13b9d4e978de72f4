package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// CPU is the processor time that the process' current run and PostgreSQL have
// used up to now. Unlike a rate it says the same on a busy machine. 0 where the
// system does not tell.
func (r *Rig) CPU(p *Process) time.Duration {
	spent := r.postgresCPU()
	if run := p.Current(); run != nil {
		spent += cpuOf(run.cmd.Process.Pid)
	}
	return spent
}

// postgresCPU is that of the postmaster and its children, also of those that
// have ended.
func (r *Rig) postgresCPU() time.Duration {
	master := r.Postgres.PID()
	total := cpuOf(master)
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0
	}
	for _, dir := range all {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if f := stat(pid); len(f) > 1 && f[1] == strconv.Itoa(master) {
			total += cpuOf(pid)
		}
	}
	return total
}

// stat is the fields of /proc/PID/stat from the third on: state, parent, …
func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(b), ") ") // after the name, which may have spaces
	return strings.Fields(rest)
}

// clockTick is the unit of the times in /proc/PID/stat.
const clockTick = 10 * time.Millisecond

// cpuOf is the processor time of a process and of its children that have ended.
func cpuOf(pid int) time.Duration {
	f := stat(pid)
	if len(f) < 15 {
		return 0
	}
	var ticks int64
	for _, field := range f[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}
