package jobs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

// lookBack is how much earlier than the first attempt a search begins: the
// network's clock may be behind ours.
const lookBack = 2 * time.Minute

// settle finds out how earlier calls of unknown end came out, before anything
// is sent. Nothing is ever sent again over an open question.
func (p *publication) settle(ctx context.Context) error {
	if err := p.known(); err != nil {
		return err
	}
	for {
		step := stepOf(len(p.refs))
		last, ok := p.lastOpen(step)
		if !ok {
			return nil
		}
		again, err := p.settleStep(ctx, step, last)
		if err != nil || again {
			return err
		}
	}
}

// lastOpen is the newest send of the step whose end is not known.
func (p *publication) lastOpen(step string) (models.OpenAttempt, bool) {
	for i := len(p.claim.Open) - 1; i >= 0; i-- {
		if p.claim.Open[i].Step == step {
			return p.claim.Open[i], true
		}
	}
	return models.OpenAttempt{}, false
}

// settleStep settles one step. again means: it may be sent (once more).
func (p *publication) settleStep(ctx context.Context, step string, last models.OpenAttempt) (again bool, err error) {
	settling := p.network.Settling(p.account)
	begun := p.claim.Steps[step].BegunAt
	method := settling.Method
	if method == networks.SettleByKey && (p.claim.Steps[step].Key == "" || p.claim.Now.Sub(begun) >= settling.KeyLife/2) {
		method = networks.SettleByReading
	}
	switch method {
	case networks.SettleByPerson:
		return false, p.release(ctx, p.askPerson())
	case networks.SettleByKey:
		// The same key again makes no second post, once the first call can no longer be under way.
		if wait := last.StartedAt.Add(p.policy.callOver()).Sub(p.claim.Now); wait > 0 {
			return false, p.comeBack(ctx, wait)
		}
		return true, nil
	case networks.SettleByReading:
		if wait := last.StartedAt.Add(p.policy.Settle).Sub(p.claim.Now); wait > 0 {
			return false, p.comeBack(ctx, wait)
		}
	}
	return p.look(ctx, step, begun)
}

func (p *publication) comeBack(ctx context.Context, wait time.Duration) error {
	return p.release(ctx, models.Next{State: models.Retrying, After: wait, Reason: "unclear",
		Message: fmt.Sprintf("%s gave no clear answer. AllIN finds out whether the post is there before anything else.", p.info.Name)})
}

// look searches the network for the part. again means: it is surely not there.
func (p *publication) look(ctx context.Context, step string, begun time.Time) (again bool, err error) {
	if err := p.claim.Begin(ctx, step, "look", "", ""); err != nil {
		return false, err
	}
	i := len(p.refs)
	found, err := p.network.Find(ctx, p.account, p.part(i), begun.Add(-lookBack))
	p.metrics.called(p.info.Key, "find", err)
	if err != nil {
		return false, p.lookFailed(ctx, step, networks.AsError(err))
	}
	free, err := p.claim.Unclaimed(ctx, found)
	if err != nil {
		return false, err
	}
	if len(free) == 0 {
		p.claim.Open = slices.DeleteFunc(p.claim.Open, func(a models.OpenAttempt) bool { return a.Step == step })
		return true, p.claim.EndAttempt(ctx, step, "look", models.Outcome{State: "absent"})
	}
	return false, p.out(ctx, i, "look", models.Outcome{State: "reconciled"}, free[0])
}

// lookFailed keeps the question open: the delivery is neither out nor failed.
func (p *publication) lookFailed(ctx context.Context, step string, e *networks.Error) error {
	o := models.Outcome{State: "unavailable", HTTP: e.HTTP, Code: e.Code, Message: e.Message}
	switch e.Kind {
	case networks.Reauthorize:
		if p.account.Token.Refresh == "" {
			return p.reconnect(ctx, step, "look", o, e)
		}
		return p.renewAndComeBack(ctx, step, "look", o)
	case networks.RateLimited:
		o.State = "limited"
		return p.end(ctx, step, "look", o, p.limited(e))
	case networks.Operator:
		return p.end(ctx, step, "look", o, p.operator(e))
	}
	if p.claim.Tries+1 >= p.policy.Tries {
		return p.end(ctx, step, "look", o, p.askPerson())
	}
	return p.end(ctx, step, "look", o, models.Next{State: models.Retrying, After: p.policy.backoff(p.claim.Tries), Try: true, Reason: "unclear",
		Message: fmt.Sprintf("%s could not be asked whether the post is there. AllIN keeps trying.", p.info.Name)})
}
