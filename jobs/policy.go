package jobs

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

// Policy holds the times by which failures are tried again.
type Policy struct {
	CallTimeout  time.Duration // the longest that one call takes; 0: 30 s
	Settle       time.Duration // after which a network shows what it accepted late; 0: 3 min
	FirstRetry   time.Duration // doubled with each try; 0: 15 s
	LongestRetry time.Duration // 0: 1 h
	Tries        int           // after so many failures it ends; 0: 10
	Operator     time.Duration // between looks at what the operator must mend; 0: 15 min
	TokenReserve time.Duration // a token that lives no longer is renewed first; 0: 2 min
}

func (p Policy) withDefaults() Policy {
	or := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	or(&p.CallTimeout, 30*time.Second)
	or(&p.Settle, 3*time.Minute)
	or(&p.FirstRetry, 15*time.Second)
	or(&p.LongestRetry, time.Hour)
	or(&p.Operator, 15*time.Minute)
	or(&p.TokenReserve, 2*time.Minute)
	if p.Tries == 0 {
		p.Tries = 10
	}
	return p
}

// callOver is when a call has surely ended on the network's side, too: it may
// go on there for a while after our time-out, and two calls at once under one
// key can make two posts.
func (p Policy) callOver() time.Duration { return p.CallTimeout * 3 / 2 }

// backoff doubles with each try and is spread by a fifth, so that what failed
// together does not come back together.
func (p Policy) backoff(tries int) time.Duration {
	d := p.LongestRetry
	if tries < 20 {
		d = min(p.FirstRetry<<tries, p.LongestRetry)
	}
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// failed is the whole policy for a part that was not created, or may have been.
func (p *publication) failed(ctx context.Context, step string, e *networks.Error) error {
	o := models.Outcome{HTTP: e.HTTP, Code: e.Code, Message: e.Message}
	switch e.Kind {
	case networks.Rejected:
		// An earlier call may have arrived after all: then this refusal says nothing.
		if _, open := p.lastOpen(step); open || e.Code == "duplicate" && p.triedBefore(step) {
			o.State = "ambiguous"
			return p.unknown(ctx, step, o)
		}
		o.State = "rejected"
		return p.end(ctx, step, "send", o, p.failure("rejected", e.Message))
	case networks.Reauthorize:
		o.State = "reauthorize"
		if p.account.Token.Refresh == "" || p.claim.Tries >= p.policy.Tries {
			return p.reconnect(ctx, step, "send", o, e)
		}
		return p.renewAndComeBack(ctx, step, "send", o)
	case networks.RateLimited:
		o.State = "limited"
		return p.end(ctx, step, "send", o, p.limited(e))
	case networks.Unavailable:
		o.State = "unavailable"
		return p.end(ctx, step, "send", o, p.tryLater(e))
	case networks.Operator:
		o.State = "operator"
		return p.end(ctx, step, "send", o, p.operator(e))
	default:
		o.State = "ambiguous"
		return p.unknown(ctx, step, o)
	}
}

// uploadFailed is the policy for a file that did not reach the network. Nothing
// of it is visible, so nothing about it is ever unknown.
func (p *publication) uploadFailed(ctx context.Context, step string, e *networks.Error) error {
	o := models.Outcome{HTTP: e.HTTP, Code: e.Code, Message: e.Message}
	switch e.Kind {
	case networks.Rejected:
		o.State = "rejected"
		return p.end(ctx, step, "upload", o, p.failure("rejected", e.Message))
	case networks.Reauthorize:
		o.State = "reauthorize"
		if p.account.Token.Refresh == "" || p.claim.Tries >= p.policy.Tries {
			return p.reconnect(ctx, step, "upload", o, e)
		}
		return p.renewAndComeBack(ctx, step, "upload", o)
	case networks.RateLimited:
		o.State = "limited"
		return p.end(ctx, step, "upload", o, p.limited(e))
	case networks.Operator:
		o.State = "operator"
		return p.end(ctx, step, "upload", o, p.operator(e))
	default:
		o.State = "unavailable"
		return p.end(ctx, step, "upload", o, p.tryLater(e))
	}
}

// triedBefore reports that the step was sent in an earlier claim.
func (p *publication) triedBefore(step string) bool {
	_, ok := p.claim.Steps[step]
	return ok
}

// failure ends the delivery with a reason that a person has to mend.
func (p *publication) failure(reason, message string) models.Next {
	title := fmt.Sprintf("Not sent to %s", p.info.Name)
	if len(p.refs) > 0 {
		title = fmt.Sprintf("A thread on %s stopped after part %d", p.info.Name, len(p.refs))
	}
	return models.Next{State: models.Failed, After: -1, Reason: reason, Message: message, Tell: "delivery.failed", Title: title}
}

// limited waits for the network's gate; that costs no try.
func (p *publication) limited(e *networks.Error) models.Next {
	reset := p.claim.Now.Add(max(e.RetryAfter, time.Second))
	if e.RetryAfter == 0 {
		reset = p.claim.Now.Add(p.policy.backoff(p.claim.Tries))
		if e.Rate != nil && e.Rate.Reset.After(p.claim.Now) {
			reset = e.Rate.Reset
		}
	}
	return models.Next{State: models.Retrying, At: &reset, Gated: true, Reason: "limited",
		Message: fmt.Sprintf("%s lets no more posts through for now; this goes out when it does.", p.info.Name),
		Gate:    &models.Gate{Reset: reset, Reason: e.Message}}
}

// tryLater tries again after a while, as often as the policy allows.
func (p *publication) tryLater(e *networks.Error) models.Next {
	if p.claim.Tries+1 >= p.policy.Tries {
		return p.failure("gave up", fmt.Sprintf("%s AllIN tried %d times and has stopped.", e.Message, p.claim.Tries+1))
	}
	after := max(p.policy.backoff(p.claim.Tries), e.RetryAfter)
	return models.Next{State: models.Retrying, After: after, Try: true, Reason: "unavailable", Message: e.Message + " AllIN tries again."}
}

// operator waits for who runs the installation.
func (p *publication) operator(e *networks.Error) models.Next {
	return models.Next{State: models.Waiting, After: p.policy.Operator, Reason: "operator", Message: e.Message,
		Tell: "delivery.waiting", Title: fmt.Sprintf("Posts to %s wait for the operator", p.info.Name)}
}

// unknown ends the claim after a call whose end is not known: the network is
// asked when it can be, and a person where it cannot.
func (p *publication) unknown(ctx context.Context, step string, o models.Outcome) error {
	settling := p.network.Settling(p.account)
	if settling.Method == networks.SettleByPerson {
		return p.end(ctx, step, "send", o, p.askPerson())
	}
	if p.claim.Tries+1 >= p.policy.Tries {
		return p.end(ctx, step, "send", o, p.askPerson())
	}
	return p.end(ctx, step, "send", o, models.Next{State: models.Retrying, After: p.settleAfter(settling), Try: true, Reason: "unclear",
		Message: fmt.Sprintf("%s gave no clear answer. AllIN finds out whether the post is there before anything else.", p.info.Name)})
}

// settleAfter is how long after a call its outcome can be asked for.
func (p *publication) settleAfter(s networks.Settling) time.Duration {
	switch s.Method {
	case networks.SettleByRecord:
		return p.policy.FirstRetry / 15
	case networks.SettleByKey:
		return p.policy.callOver()
	}
	return p.policy.Settle
}

func (p *publication) askPerson() models.Next {
	return models.Next{State: models.Unknown, After: -1, Reason: "unclear",
		Message: fmt.Sprintf("%s gave no clear answer, and AllIN cannot look there. Look yourself: is the post live?", p.info.Name),
		Tell:    "delivery.unknown", Title: fmt.Sprintf("Is this post live on %s?", p.info.Name)}
}
