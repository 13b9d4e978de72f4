package networks

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func testRules() Rules {
	return Rules{
		Text: TextRule{Max: 10, Unit: "characters", MaxBytes: 20},
		Media: MediaRules{
			Max: 4, AltMax: 5,
			Image: FileRule{Max: 4, MaxBytes: 5_000_000, Types: []string{"image/*"}, MaxPixels: 1_000_000, MaxWidth: 2000, MinHeight: 10},
			GIF:   FileRule{Max: 1, Types: []string{"image/gif"}},
			Video: FileRule{Max: 1, Types: []string{"video/mp4"}, MinAspect: 0.5, MaxAspect: 2, MinDuration: time.Second, MaxDuration: time.Minute},
		},
		Thread: 3,
		Poll:   &PollRule{MinChoices: 2, MaxChoices: 4, ChoiceMax: 5, MinDuration: 5 * time.Minute, MaxDuration: 24 * time.Hour},
		Options: []Option{
			{Name: "warning", Label: "Content warning", Max: 8, CountsText: true},
			{Name: "who", Label: "Who can see it", Choices: []Choice{{"all", "Everyone"}, {"few", "Followers"}}},
		},
	}
}

func TestCheck(t *testing.T) {
	picture := Media{Kind: Image, Type: "image/png", Bytes: 100, Width: 100, Height: 100}
	film := Media{Kind: Video, Type: "video/mp4", Width: 100, Height: 100, Duration: 10 * time.Second}
	with := func(m Media, change func(*Media)) Draft {
		change(&m)
		return Draft{Parts: []Part{{Text: "a", Media: []Media{m}}}}
	}
	text := func(texts ...string) (d Draft) {
		for _, s := range texts {
			d.Parts = append(d.Parts, Part{Text: s})
		}
		return d
	}
	poll := func(p Poll) Draft { d := text("a?"); d.Options.Poll = &p; return d }
	option := func(name, value string) Draft {
		d := text("abc")
		d.Options.Values = map[string]string{name: value}
		return d
	}
	good := Poll{Choices: []string{"a", "b"}, Duration: time.Hour}
	for name, c := range map[string]struct {
		draft   Draft
		codes   string // of all problems
		message string // of the first; "" is not looked at
	}{
		"fine":             {text("hello"), "", ""},
		"just fits":        {text(strings.Repeat("a", 10)), "", ""},
		"no parts":         {Draft{}, "empty", "Write something or add a picture."},
		"blank":            {text(" \n"), "empty", ""},
		"only a picture":   {Draft{Parts: []Part{{Media: []Media{picture}}}}, "", ""},
		"one too long":     {text(strings.Repeat("a", 11)), "text_too_long", "The text is 1 character too long for Net."},
		"too long":         {text(strings.Repeat("a", 22)), "text_too_long", "The text is 12 characters too long for Net."},
		"bytes":            {text("ééééé中中中中中"), "text_too_many_bytes", "The text takes 5 bytes too many for Net: emoji and letters beyond A to Z take several each."},
		"thread":           {text("a", "b", "c", "d"), "thread_too_long", "The thread has 4 parts, Net takes at most 3."},
		"empty part":       {text("a", ""), "empty", ""},
		"many files":       {Draft{Parts: []Part{{Media: slices.Repeat([]Media{picture}, 5)}}}, "media_too_many", "Net takes at most 4 files in one post; here are 5."},
		"two films":        {Draft{Parts: []Part{{Media: []Media{film, film}}}}, "media_too_many", "Net takes at most 1 video in one post; here are 2."},
		"mixed":            {Draft{Parts: []Part{{Media: []Media{picture, film}}}}, "media_mixed", ""},
		"type":             {with(film, func(m *Media) { m.Type = "video/ogg" }), "media_type", "Net does not take files of the type video/ogg."},
		"kind":             {with(picture, func(m *Media) { m.Kind = "sound" }), "media_kind", ""},
		"heavy":            {with(picture, func(m *Media) { m.Bytes = 5_000_001 }), "media_too_large", "The picture has 5.01 MB, Net takes at most 5 MB."},
		"pixels":           {with(picture, func(m *Media) { m.Width, m.Height = 1001, 1000 }), "media_too_many_pixels", ""},
		"wide":             {with(picture, func(m *Media) { m.Width = 2001 }), "media_too_big", ""},
		"low":              {with(picture, func(m *Media) { m.Height = 9 }), "media_too_small", ""},
		"too wide":         {with(film, func(m *Media) { m.Width = 201 }), "media_too_wide", "The video is too wide for Net: at most 2 times as wide as high."},
		"too tall":         {with(film, func(m *Media) { m.Height = 201 }), "media_too_tall", "The video is too tall for Net: at most 2 times as high as wide."},
		"long film":        {with(film, func(m *Media) { m.Duration = 61 * time.Second }), "media_too_long", "The video lasts 61 seconds, Net takes at most 1 minute."},
		"short film":       {with(film, func(m *Media) { m.Duration = time.Second / 2 }), "media_too_short", "The video lasts 0.5 seconds, Net wants at least 1 second."},
		"unknown sizes":    {with(film, func(m *Media) { m.Width, m.Height, m.Duration = 0, 0, 0 }), "", ""},
		"alt":              {with(picture, func(m *Media) { m.Alt = "äöüßéè" }), "alt_too_long", "The description is 1 character too long for Net."},
		"poll":             {poll(good), "", ""},
		"one answer":       {poll(Poll{Choices: []string{"a"}, Duration: time.Hour}), "poll_choices", "A poll on Net has 2 to 4 answers; this one has 1."},
		"bad answers":      {poll(Poll{Choices: []string{"a", " ", "abcdefg", "a"}, Duration: time.Hour}), "poll_choice_empty poll_choice_too_long poll_choice_repeated", "Answer 2 of the poll is empty."},
		"short poll":       {poll(Poll{Choices: good.Choices, Duration: time.Minute}), "poll_duration", "A poll on Net runs from 5 minutes to 1 day."},
		"several answers":  {poll(Poll{Choices: good.Choices, Duration: time.Hour, Multiple: true}), "poll_multiple", ""},
		"no question":      {Draft{Parts: []Part{{}}, Options: Options{Poll: &good}}, "text_required", ""},
		"poll and picture": {Draft{Parts: []Part{{Text: "a", Media: []Media{picture}}}, Options: Options{Poll: &good}}, "poll_media", ""},
		"warning counts":   {option("warning", "12345678"), "text_too_long", "The text is 1 character too long for Net."},
		"long warning":     {option("warning", "123456789"), "text_too_long option_too_long", ""},
		"choice":           {option("who", "few"), "", ""},
		"no choice":        {option("who", ""), "", ""},
		"wrong choice":     {option("who", "none"), "option_value", `Who can see it: "none" is not one of the choices.`},
		"unknown option":   {option("when", "now"), "option_unknown", `Net has no setting "when".`},
	} {
		problems := testRules().Check("Net", c.draft)
		var codes []string
		for _, p := range problems {
			codes = append(codes, p.Code)
		}
		if got := strings.Join(codes, " "); got != c.codes {
			t.Errorf("%s: got %q, want %q: %+v", name, got, c.codes, problems)
		} else if c.message != "" && problems[0].Message != c.message {
			t.Errorf("%s: message %q, want %q", name, problems[0].Message, c.message)
		}
	}
}

func TestCheckSaysWhere(t *testing.T) {
	d := Draft{
		Parts: []Part{{Text: "a"}, {Text: strings.Repeat("a", 11), Media: []Media{
			{Kind: Image, Type: "image/png"}, {Kind: Image, Type: "text/html", Alt: "too long"},
		}}},
		Options: Options{Values: map[string]string{"who": "none"}},
	}
	want := []Problem{
		{Part: 1, Field: "text", Media: -1, Code: "text_too_long"},
		{Part: 1, Field: "media", Media: 1, Code: "media_type"},
		{Part: 1, Field: "alt", Media: 1, Code: "alt_too_long"},
		{Part: 0, Field: "option:who", Media: -1, Code: "option_value"},
	}
	got := testRules().Check("Net", d)
	for i := range got {
		got[i].Message = ""
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

func TestCheckWithoutPollsOrThreads(t *testing.T) {
	r := testRules()
	r.Poll, r.Thread = nil, 0
	d := Draft{Parts: []Part{{Text: "a"}, {Text: "b"}}, Options: Options{Poll: &Poll{}}}
	got := r.Check("Net", d)
	if len(got) != 2 || got[0].Code != "thread_too_long" || got[1].Code != "poll_unknown" || got[0].Message != "Net takes no threads; keep to one post." {
		t.Errorf("got %+v", got)
	}
}
