package all

import (
	"net/http"
	"testing"
	"time"

	"github.com/allin-platform/allin/networks"
)

func TestNew(t *testing.T) {
	now := func() time.Time { return time.Unix(0, 0) }
	r := New(Config{HTTP: http.DefaultClient, Now: now, SandboxBase: "http://127.0.0.1:3001"})
	if keys := r.Keys(); len(keys) != 3 {
		t.Fatalf("networks: %v", keys)
	}
	for _, key := range r.Keys() {
		for _, imitation := range []bool{false, true} {
			n, err := r.Get(key, imitation)
			if err != nil {
				t.Fatal(err)
			}
			info, rules := n.Info(), n.Rules(networks.Account{})
			if info.Key != key || info.Name == "" || info.Calls < 1 || info.Look.Accent == "" || len(info.Look.Actions) == 0 || info.Connect.Hint == "" {
				t.Errorf("%s: info %+v", key, info)
			}
			if info.Connect.Consent == (len(info.Connect.Fields) > 0) {
				t.Errorf("%s: connects by consent, or by fields", key)
			}
			if rules.Text.Max == 0 || rules.Text.Count == nil || rules.Text.Unit == "" || rules.Thread < 1 || rules.Source == "" {
				t.Errorf("%s: rules %+v", key, rules)
			}
			if _, err := time.Parse(time.DateOnly, rules.Date); err != nil {
				t.Errorf("%s: the rules' figures were read at %q", key, rules.Date)
			}
		}
	}
	for _, base := range []string{"", "127.0.0.1:3001", "http://"} {
		if New(Config{HTTP: http.DefaultClient, Now: now, SandboxBase: base}).HasSandbox("x") {
			t.Errorf("there are imitations at %q", base)
		}
	}
}
