package media

import (
	"context"
	"sync"
)

// locks lets one goroutine at a time work on what a name stands for.
type locks struct {
	mu   sync.Mutex
	held map[string]*turn
}

type turn struct {
	token chan struct{} // full while somebody works
	users int           // who works and who waits
}

// lock waits for its turn, or until ctx ends.
func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	l.mu.Lock()
	t := l.held[name]
	if t == nil {
		t = &turn{token: make(chan struct{}, 1)}
		l.held[name] = t
	}
	t.users++
	l.mu.Unlock()

	select {
	case t.token <- struct{}{}:
		return func() { <-t.token; l.leave(name, t) }, nil
	case <-ctx.Done():
		l.leave(name, t)
		return nil, ctx.Err()
	}
}

func (l *locks) leave(name string, t *turn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(l.held, name)
	}
}

func (l *locks) inUse(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held[name] != nil
}
