package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/allin-platform/allin/bench/rig"
	"github.com/allin-platform/allin/networks/sandbox"
)

// segments is how many parts the threads of R14 have.
const segments = 10

// thread is fault test R14: on each network two threads of ten, and at each
// of their steps the process is killed once, in one thread before the network
// accepts the part and in the other after.
func thread(ctx context.Context, o options) (*rig.Report, error) {
	began, tap := time.Now(), &rig.Tap{}
	r, err := rig.New(ctx, rig.Options{Name: "thread", Fsync: true, Before: tap.Before, Settings: scaled(), Progress: os.Stderr})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	w, err := r.Organization(ctx, "Thread")
	if err != nil {
		return nil, err
	}
	accounts, err := r.Accounts(ctx, w, 2*len(o.networks), o.networks)
	if err != nil {
		return nil, err
	}
	due := time.Now().Add(3 * time.Second)
	posts, err := r.Posts(ctx, fmt.Sprintf("Thread %d", o.seed), accounts, len(accounts), segments, func(int) time.Time { return due })
	if err != nil {
		return nil, err
	}
	process := r.AllIN("worker")
	k := newStepKiller(process, posts, len(o.networks))
	tap.Set(k.around)
	if err := process.Start(); err != nil {
		return nil, err
	}
	if err := r.AwaitEnd(ctx, 4*time.Minute); err != nil {
		return nil, err
	}
	v, err := verify(ctx, r, posts)
	if err != nil {
		return nil, err
	}
	journal, err := r.Journal()
	if err != nil {
		return nil, err
	}
	report, astray := &rig.Report{}, 0
	for _, p := range posts {
		astray += outOfPlace(p, journal)
	}
	report.Add("mode", "thread")
	v.report(report, posts)
	report.Add("parts", segments*len(posts))
	report.Add("astray", astray)
	report.Add("kills", k.count())
	conditions(report, o, began)
	report.Demand(v.lost+v.doubled+v.guessed+v.unknown+v.failed == 0, "not every part went out exactly once")
	report.Demand(astray == 0, "%d parts are out of order or answer the wrong part", astray)
	report.Demand(k.count() == segments*len(posts), "%d of %d steps were hit by a kill", k.count(), segments*len(posts))
	return report, nil
}

// outOfPlace counts the parts that do not answer the one before, or came
// before it.
func outOfPlace(p rig.Post, journal map[string][]sandbox.Entry) int {
	wrong, before := 0, sandbox.Entry{}
	for i, text := range p.Texts {
		if len(journal[text]) == 0 {
			return wrong + len(p.Texts) - i
		}
		e := journal[text][0]
		if i == 0 && e.Parent != "" || i > 0 && (!rig.Names(e.Parent, before) || e.Seq < before.Seq) {
			wrong++
		}
		before = e
	}
	return wrong
}

// stepKiller kills the process once at every part of every post.
type stepKiller struct {
	process *rig.Process

	mu    sync.Mutex
	after map[string]bool // parts that are still to be hit, and whether after they were accepted
	hit   int
}

// newStepKiller hits the first early posts before their parts are accepted,
// and all others after.
func newStepKiller(process *rig.Process, posts []rig.Post, early int) *stepKiller {
	k := &stepKiller{process: process, after: map[string]bool{}}
	for i, p := range posts {
		for _, text := range p.Texts {
			k.after[text] = i >= early
		}
	}
	return k
}

func (k *stepKiller) around(_ *http.Request, body string, call func() int) bool {
	text, after := k.take(body)
	if text == "" {
		call()
		return true
	}
	if after {
		call()
	}
	k.process.Kill()
	if err := k.process.Start(); err != nil {
		panic(err) // no process can be started on this machine any more
	}
	return false
}

// take finds which part a call is for and crosses it out.
func (k *stepKiller) take(body string) (text string, after bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for text, after := range k.after {
		if strings.Contains(body, text) {
			delete(k.after, text)
			k.hit++
			return text, after
		}
	}
	return "", false
}

func (k *stepKiller) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.hit
}
