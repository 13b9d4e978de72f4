// Package footprint gives memory back to the machine that a program needed to
// start and does not need to run: AllIN should fit beside others on a small box.
package footprint

import (
	"runtime/debug"
)

// Release returns the heap's free pages, and on Linux takes those pages of the
// program itself out of memory that nobody is using: starting touches most of it once.
// What is needed again is read again, from the system's cache as a rule.
func Release() {
	debug.FreeOSMemory()
	releaseProgram()
}
