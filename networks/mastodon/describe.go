package mastodon

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/allin-platform/allin/networks"
)

// The names of what Describe reads into networks.Limits. Sizes are in bytes,
// pixels or characters, durations in seconds.
const (
	limitSoftware    = "software" // as nodeinfo names it: "mastodon", "gotosocial"
	limitText        = "max_characters"
	limitPerURL      = "characters_reserved_per_url"
	limitMedia       = "max_media_attachments"
	limitTypes       = "supported_mime_types" // parted by blanks
	limitImageBytes  = "image_size_limit"
	limitImagePixels = "image_matrix_limit"
	limitVideoBytes  = "video_size_limit"
	limitVideoPixels = "video_matrix_limit"
	limitAlt         = "description_limit"
	limitChoices     = "max_options"
	limitChoice      = "max_characters_per_option"
	limitPollMin     = "min_expiration"
	limitPollMax     = "max_expiration"
)

// Describe implements networks.Network: it asks for the account and for what
// its server allows.
func (c *Client) Describe(ctx context.Context, a networks.Account) (networks.Profile, error) {
	resp, err := c.get(ctx, a, "/api/v1/accounts/verify_credentials", nil, "describe")
	if err != nil {
		return networks.Profile{}, err
	}
	var me struct {
		ID       string `json:"id"`
		Username string `json:"username"`
		Name     string `json:"display_name"`
		Avatar   string `json:"avatar"`
		URL      string `json:"url"`
	}
	if err := resp.JSON(&me); err != nil || me.ID == "" {
		return networks.Profile{}, unclear(resp, false, err)
	}
	limits, domain, err := c.readInstance(ctx, a)
	if err != nil {
		return networks.Profile{}, err
	}
	if limits[limitSoftware], err = c.readSoftware(ctx, a); err != nil {
		return networks.Profile{}, err
	}
	if me.Name == "" {
		me.Name = me.Username
	}
	return networks.Profile{
		RemoteID: me.ID, Handle: me.Username + "@" + domain, Name: me.Name,
		AvatarURL: me.Avatar, URL: me.URL, Limits: limits,
	}, nil
}

// instance is what a server tells of itself.
type instance struct {
	Domain        string `json:"domain"` // of its handles; not always that of its address
	Configuration struct {
		Statuses struct {
			Text   int64 `json:"max_characters"`
			Media  int64 `json:"max_media_attachments"`
			PerURL int64 `json:"characters_reserved_per_url"`
		} `json:"statuses"`
		Media struct {
			Types       []string `json:"supported_mime_types"`
			Alt         int64    `json:"description_limit"`
			ImageBytes  int64    `json:"image_size_limit"`
			ImagePixels int64    `json:"image_matrix_limit"`
			VideoBytes  int64    `json:"video_size_limit"`
			VideoPixels int64    `json:"video_matrix_limit"`
		} `json:"media_attachments"`
		Polls struct {
			Choices int64 `json:"max_options"`
			Choice  int64 `json:"max_characters_per_option"`
			Min     int64 `json:"min_expiration"`
			Max     int64 `json:"max_expiration"`
		} `json:"polls"`
	} `json:"configuration"`
}

// readInstance reads the server's limits and the domain of its handles. What
// a server does not tell is left out: Rules then keeps to Mastodon's defaults.
func (c *Client) readInstance(ctx context.Context, a networks.Account) (networks.Limits, string, error) {
	var got instance
	resp, err := c.get(ctx, a, "/api/v2/instance", nil, "describe")
	switch {
	case err != nil && networks.AsError(err).HTTP != http.StatusNotFound:
		return nil, "", err
	case err == nil:
		if err := resp.JSON(&got); err != nil {
			return nil, "", unclear(resp, false, err)
		}
	}
	limits := networks.Limits{}
	statuses, media, polls := got.Configuration.Statuses, got.Configuration.Media, got.Configuration.Polls
	for name, n := range map[string]int64{
		limitText: statuses.Text, limitMedia: statuses.Media, limitPerURL: statuses.PerURL,
		limitAlt: media.Alt, limitImageBytes: media.ImageBytes, limitImagePixels: media.ImagePixels,
		limitVideoBytes: media.VideoBytes, limitVideoPixels: media.VideoPixels,
		limitChoices: polls.Choices, limitChoice: polls.Choice, limitPollMin: polls.Min, limitPollMax: polls.Max,
	} {
		if n > 0 {
			limits[name] = strconv.FormatInt(n, 10)
		}
	}
	if len(media.Types) > 0 {
		limits[limitTypes] = strings.Join(media.Types, " ")
	}
	if got.Domain == "" {
		if u, err := url.Parse(a.Site); err == nil {
			got.Domain = u.Host
		}
	}
	return limits, got.Domain, nil
}

// readSoftware asks which software the server runs (nodeinfo 2.0 or 2.1). ""
// where it does not tell: then nothing is assumed of it. The answer has to
// come from the server itself, at the path that it names or at the usual one.
func (c *Client) readSoftware(ctx context.Context, a networks.Account) (string, error) {
	open := networks.Account{Site: a.Site} // nodeinfo needs no token
	var index struct {
		Links []struct {
			Rel  string `json:"rel"`
			Href string `json:"href"`
		} `json:"links"`
	}
	if err := c.readOpen(ctx, open, "/.well-known/nodeinfo", &index); err != nil {
		return "", err
	}
	path := "/nodeinfo/2.0"
	for _, link := range index.Links {
		own, ours := strings.CutPrefix(link.Href, a.Site)
		if ours && strings.HasPrefix(own, "/") && strings.HasPrefix(link.Rel, "http://nodeinfo.diaspora.software/ns/schema/2.") {
			path = own
			break
		}
	}
	var info struct {
		Software struct {
			Name string `json:"name"`
		} `json:"software"`
	}
	err := c.readOpen(ctx, open, path, &info)
	return info.Software.Name, err
}

// readOpen reads what needs no token. A server that refuses, or that gives
// something else, leaves v as it is.
func (c *Client) readOpen(ctx context.Context, a networks.Account, path string, v any) error {
	resp, err := c.get(ctx, a, path, nil, "describe")
	if err != nil {
		if e := networks.AsError(err); e.HTTP/100 == 4 && e.Kind != networks.RateLimited {
			return nil
		}
		return err
	}
	_ = resp.JSON(v) // no nodeinfo is no error
	return nil
}
