# Reads the output of `go test -v`, shows one line for each package and the
# whole output of a package that failed, and writes a line with the counts into
# the file named by tally. Ends with status 1 when something failed.
/^=== (RUN|PAUSE|CONT|NAME)/ { next }
/^PASS$/ || /^FAIL$/ || /^testing: warning/ { next }
/^ *--- PASS:/ { passed++; next }
/^ *--- SKIP:/ { skipped++; names = names "\n  " $3; next }
/^ *--- FAIL:/ { failures++; kept = kept $0 "\n"; next }
/^ok[ \t]/ { packages++; print; kept = ""; next }
/^\?[ \t]/ { kept = ""; next }
/^FAIL[ \t]/ { packages++; broken++; printf "%s", kept; print; kept = ""; next }
{ kept = kept $0 "\n" }
END {
	printf "%s", kept
	if (names != "") print "Skipped:" names
	printf "%d tests passed, %d failed, %d skipped in %d packages", passed, failures, skipped, packages > tally
	if (broken) printf " (%d of them failed)", broken > tally
	exit failures + broken > 0
}
