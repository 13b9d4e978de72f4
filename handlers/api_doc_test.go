package handlers_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/allin-platform/allin/models"
)

// The commands in docs/api.md work, and answer what the page says.
func TestTheManualsCommandsWork(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed")
	}
	text, err := os.ReadFile("../docs/api.md")
	must(t, err)
	w := newWorld(t)
	ann := w.owner("Ann")
	p := w.program(nil)
	got := p.signIn("ann@example.com")
	environment := append(os.Environ(), "ALLIN="+w.base, "KEY="+w.key(ann, models.TeamRead), "TOKEN="+got.Access, "REFRESH="+got.Refresh)
	for i, want := range []string{`"by":"key"`, `"access_token"`, `"refresh_token"`, `"items"`, `"plan":`} {
		_, rest, ok := strings.Cut(string(text), "```sh\n")
		command, after, _ := strings.Cut(rest, "\n```")
		if !ok {
			t.Fatalf("the manual has only %d commands", i)
		}
		text = []byte(after)
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Env = environment
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), want) || !json.Valid(out) {
			t.Errorf("%s\nanswers %s, %v; want %s", command, out, err, want)
		}
	}
	if strings.Contains(string(text), "```sh") {
		t.Error("the manual has more commands than this test knows")
	}
}

// The manual's tables of scopes and limits are those of the code.
func TestTheManualNamesEveryScope(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/api.md")
	must(t, err)
	for _, s := range models.Scopes() {
		line := "| `" + string(s) + "` | " + strings.ToLower(s.Means()[:1]) + s.Means()[1:] + " |"
		if !strings.Contains(string(text), line) {
			t.Errorf("docs/api.md does not have the line %s", line)
		}
	}
}
