package signin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/markbates/goth"
)

// GitHub speaks OAuth 2.0 with PKCE and has an API of its own that says who somebody is.
const (
	github    = "https://github.com"
	githubAPI = "https://api.github.com"
)

func newGitHub(c Config) *Provider {
	p := New("github", "GitHub", github, c.GitHub, c)
	p.client.Scopes = []string{"read:user", "user:email"}
	p.api = githubAPI
	return p
}

func (p *Provider) fetchGitHub(s *Session) (goth.User, error) {
	var who struct {
		ID    int64  `json:"id"`
		Login string `json:"login"`
		Name  string `json:"name"`
	}
	if err := p.ask(s, "/user", &who); err != nil {
		return goth.User{}, err
	}
	if who.ID <= 0 {
		return goth.User{}, fmt.Errorf("%w: it names nobody", ErrForged)
	}
	var addresses []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	if err := p.ask(s, "/user/emails", &addresses); err != nil {
		return goth.User{}, err
	}
	name := who.Name
	if name == "" {
		name = who.Login
	}
	for _, a := range addresses {
		if a.Primary {
			return p.user(strconv.FormatInt(who.ID, 10), a.Email, name, a.Verified), nil
		}
	}
	return p.user(strconv.FormatInt(who.ID, 10), "", name, false), nil
}

// ask calls GitHub's API.
func (p *Provider) ask(s *Session, path string, into any) error {
	req, err := http.NewRequestWithContext(p.context(), http.MethodGet, p.api+path, nil)
	if err != nil {
		return fmt.Errorf("ask GitHub: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Access)
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("User-Agent", "AllIN")
	resp, err := p.http.Do(req)
	if err != nil {
		return fmt.Errorf("ask GitHub: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask GitHub for %s: status %d", path, resp.StatusCode)
	}
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("read GitHub's answer: %w", err)
	}
	return nil
}
