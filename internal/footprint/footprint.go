// Package footprint gives memory back to the machine that a program needed for a
// while, to start above all, and does not need now: AllIN should fit beside
// others on a small box.
package footprint

import (
	"context"
	"runtime/debug"
	"time"
)

// Keep calls Release now and then until ctx is done: first when a program has
// surely done what it does only at its start, then twice a minute, which takes
// some milliseconds each time.
func Keep(ctx context.Context) error {
	wait := time.NewTimer(10 * time.Second)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
			Release()
			wait.Reset(30 * time.Second)
		}
	}
}

// Release returns the heap's free pages, and on Linux takes those pages of the
// program itself out of memory that nobody is using: starting touches most of it once.
// What is needed again is read again, from the system's cache as a rule.
func Release() {
	debug.FreeOSMemory()
	releaseProgram()
}
