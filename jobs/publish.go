package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"go.opentelemetry.io/otel/trace"

	"github.com/allin-platform/allin/internal/tracing"
	"github.com/allin-platform/allin/models"
	"github.com/allin-platform/allin/networks"
)

// publishWorker publishes what is due on one account, one delivery after the
// other, until nothing is.
type publishWorker struct {
	river.WorkerDefaults[models.PublishArgs]
	publisher *publisher
}

func (w *publishWorker) Work(ctx context.Context, job *river.Job[models.PublishArgs]) error {
	for ctx.Err() == nil {
		more, err := w.publisher.next(ctx, job.Args.Account)
		if err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

type publisher struct {
	in       *models.Install
	networks *networks.Registry
	process  *models.Process
	log      *slog.Logger
	policy   Policy
	metrics  *metrics
	tracer   trace.Tracer
}

// publication is one claimed delivery on its way out.
type publication struct {
	*publisher
	claim   *models.Claim
	network networks.Network
	info    networks.Info
	account networks.Account
	uploads [][]networks.Upload // by part and file
	refs    []networks.Ref      // of the parts that are out
	inTime  context.Context     // bounds the send that the claim has begun
}

// errReleased ends a publication that has said where its delivery goes.
var errReleased = errors.New("the delivery has been released")

// next publishes what is due next on the account. It returns false when
// nothing is, or another worker has it in hand.
func (p *publisher) next(ctx context.Context, account uuid.UUID) (more bool, err error) {
	ctx, span := p.tracer.Start(ctx, "publish")
	defer func() { tracing.End(span, err) }()
	// The time for a first call runs from before it stands in the ledger: a
	// process that was stopped in between has none left, and does not send
	// what others have settled meanwhile.
	inTime, cancel := context.WithTimeout(ctx, p.policy.CallTimeout)
	defer cancel()
	pub := &publication{publisher: p, inTime: inTime}
	c, err := p.in.Claim(ctx, p.process.ID(), account, pub.start)
	if err != nil || c == nil {
		return false, err
	}
	if err := pub.open(c); err != nil {
		return true, c.Release(ctx, "", "", models.Outcome{}, models.Next{State: models.Waiting, After: p.policy.Operator,
			Reason: "operator", Message: networks.AsError(err).Message})
	}
	begun := p.metrics.now()
	err = pub.run(ctx)
	p.metrics.work.WithLabelValues(pub.info.Key).Observe(p.metrics.now().Sub(begun).Seconds())
	if err != nil && !errors.Is(err, models.ErrStale) {
		return true, fmt.Errorf("delivery %s: %w", c.Delivery, err)
	}
	return true, nil
}

// open finds the network of the claimed delivery's account.
func (p *publication) open(c *models.Claim) error {
	n, err := p.networks.Get(c.Account.Network, c.Account.Sandbox)
	if err != nil {
		return err
	}
	p.claim, p.network, p.info, p.account = c, n, n.Info(), c.NetworkAccount()
	return nil
}

// start begins the first part in the claim's own transaction, when there is
// nothing to be done or found out before.
func (p *publication) start(c *models.Claim) *models.Start {
	if p.open(c) != nil || !p.admitted() || p.tokenEnds() ||
		len(p.network.Rules(p.account).Check(p.info.Name, c.Draft)) > 0 {
		return nil
	}
	first := p.part(0)
	return &models.Start{Step: stepOf(0), Fingerprint: networks.Fingerprint(first.Text, 0), Key: first.Key}
}

func (p *publication) run(ctx context.Context) error {
	steps := []func(context.Context) error{p.admit, p.freshToken, p.settle, p.check, p.upload, p.create}
	if p.claim.Begun != nil {
		steps = []func(context.Context) error{p.create}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			if errors.Is(err, errReleased) {
				return nil
			}
			return err
		}
	}
	return nil
}

// release ends the claim outside any attempt.
func (p *publication) release(ctx context.Context, n models.Next) error {
	if err := p.claim.Release(ctx, "", "", models.Outcome{}, n); err != nil {
		return err
	}
	return errReleased
}

// end ends the claim with the attempt that decided it.
func (p *publication) end(ctx context.Context, step, action string, o models.Outcome, n models.Next) error {
	if err := p.claim.Release(ctx, step, action, o, n); err != nil {
		return err
	}
	return errReleased
}

// waits is the state of a delivery that goes on by itself: one that was never
// sent is simply scheduled still.
func (p *publication) waits() models.State {
	if p.claim.Fence == 1 || len(p.claim.Open) == 0 && p.claim.Tries == 0 && len(p.refs) == 0 {
		return models.Scheduled
	}
	return models.Retrying
}

// admitted reports that the account is connected and no gate is shut.
func (p *publication) admitted() bool {
	c := p.claim
	return c.Account.State == models.Connected && c.HasToken && c.GateOpens == nil
}

// admit lets only a connected account and an open gate through.
func (p *publication) admit(ctx context.Context) error {
	c := p.claim
	if c.Account.State != models.Connected || !c.HasToken {
		return p.release(ctx, models.Next{State: models.Waiting, After: -1, Reason: "reconnect",
			Message: fmt.Sprintf("@%s must be connected again. Then this goes on.", c.Account.Handle)})
	}
	if c.GateOpens != nil {
		return p.release(ctx, models.Next{State: p.waits(), At: c.GateOpens, Gated: true, Reason: "limited",
			Message: fmt.Sprintf("%s lets no more posts through for now; this goes out when it does.", p.info.Name)})
	}
	return nil
}

// freshToken renews a token that is about to expire, before anything is sent with it.
func (p *publication) freshToken(ctx context.Context) error {
	if !p.tokenEnds() {
		return nil
	}
	return p.renewAndComeBack(ctx, "", "", models.Outcome{})
}

// tokenEnds reports that the token is about to expire and can be renewed.
func (p *publication) tokenEnds() bool {
	t := p.account.Token
	return t.Refresh != "" && !t.Expires.IsZero() && t.Expires.Sub(p.claim.Now) <= p.policy.TokenReserve
}

// renewAndComeBack renews the token and lets the delivery be claimed again
// with the new one.
func (p *publication) renewAndComeBack(ctx context.Context, step, action string, o models.Outcome) error {
	err := p.in.RenewToken(ctx, p.claim.Organization, p.claim.Account.ID, p.claim.TokenVersion)
	if err == nil {
		return p.end(ctx, step, action, o, models.Next{State: p.waits(), Reason: "renewed",
			Message: "The account's permission was renewed."})
	}
	if errors.Is(err, models.ErrRenewing) {
		return p.end(ctx, step, action, o, models.Next{State: p.waits(), After: time.Second, Reason: "token",
			Message: "The account's permission is being renewed."})
	}
	e := networks.AsError(err)
	if e.Kind == networks.Reauthorize {
		return p.reconnect(ctx, step, action, o, e)
	}
	return p.end(ctx, step, action, o, models.Next{State: p.waits(), After: p.policy.backoff(p.claim.Tries), Reason: "token",
		Message: "The account's permission could not be renewed just now. AllIN keeps trying."})
}

func (p *publication) reconnect(ctx context.Context, step, action string, o models.Outcome, e *networks.Error) error {
	return p.end(ctx, step, action, o, models.Next{State: models.Waiting, After: -1, Reason: "reconnect", Reconnect: e.Message,
		Message: fmt.Sprintf("@%s must be connected again. Then this goes on.", p.claim.Account.Handle)})
}

// check holds the draft to the network's rules a last time: they may have
// changed since it was scheduled.
func (p *publication) check(ctx context.Context) error {
	if len(p.refs) > 0 {
		return nil // a thread that has begun is brought to its end
	}
	problems := p.network.Rules(p.account).Check(p.info.Name, p.claim.Draft)
	if len(problems) == 0 {
		return nil
	}
	return p.release(ctx, models.Next{State: models.Failed, After: -1, Reason: problems[0].Code, Message: problems[0].Message,
		Tell: "delivery.failed", Title: fmt.Sprintf("Not sent to %s", p.info.Name)})
}

// stepOf names the step that creates a part.
func stepOf(part int) string { return fmt.Sprintf("create:%d", part) }

// known reads which parts are out already.
func (p *publication) known() error {
	for i := range p.claim.Draft.Parts {
		s, ok := p.claim.Steps[stepOf(i)]
		if !ok || !s.Done {
			return nil
		}
		var ref networks.Ref
		if err := json.Unmarshal(s.Result, &ref); err != nil {
			return fmt.Errorf("read result of part %d: %w", i, err)
		}
		p.refs = append(p.refs, ref)
	}
	return nil
}

// create publishes the parts that are not out yet, one after the other.
func (p *publication) create(ctx context.Context) error {
	for i := len(p.refs); i < len(p.claim.Draft.Parts); i++ {
		created, err := p.send(ctx, i)
		if err != nil {
			if ledger := (*ledgerError)(nil); errors.As(err, &ledger) {
				return ledger.err
			}
			return p.failed(ctx, stepOf(i), networks.AsError(err))
		}
		if err := p.out(ctx, i, "send", models.Outcome{State: "ok", HTTP: created.HTTP}, created.Ref); err != nil {
			return err
		}
		if r := created.Rate; r != nil && r.Remaining == 0 && r.Limit > 0 {
			if err := p.claim.Shut(ctx, models.Gate{Reset: r.Reset, Reason: "used up"}); err != nil {
				p.log.Warn("shut rate gate", "network", p.info.Key, "error", err)
			}
		}
	}
	return nil
}

// ledgerError is a failure before anything was sent.
type ledgerError struct{ err error }

func (e *ledgerError) Error() string { return e.err.Error() }

// send writes the ledger, unless the claim has done so, and calls the network.
func (p *publication) send(ctx context.Context, i int) (networks.Created, error) {
	part := p.part(i)
	if b := p.claim.Begun; b != nil && i == 0 {
		part.Key = b.Key
		return p.call(p.inTime, part)
	}
	inTime, cancel := context.WithTimeout(ctx, p.policy.CallTimeout) // from before the ledger: see next
	defer cancel()
	if err := p.claim.Begin(inTime, stepOf(i), "send", networks.Fingerprint(part.Text, len(part.Media)), part.Key); err != nil {
		return networks.Created{}, &ledgerError{err}
	}
	return p.call(inTime, part)
}

// part is what is sent to create a part. What was chosen for an earlier
// attempt, the key and the time, stays.
func (p *publication) part(i int) networks.Create {
	c := networks.Create{Part: p.claim.Draft.Parts[i], Index: i, Options: p.claim.Draft.Options, Time: p.claim.Now}
	if i < len(p.uploads) {
		c.Uploads = p.uploads[i]
	}
	if i > 0 {
		c.Root, c.Parent = &p.refs[0], &p.refs[i-1]
	}
	if s, ok := p.claim.Steps[stepOf(i)]; ok {
		c.Key, c.Time = s.Key, s.BegunAt
	} else {
		c.Key = p.network.NewKey(p.account, p.claim.Now)
	}
	return c
}

// call sends a part. A client that panics may have sent it.
func (p *publication) call(ctx context.Context, part networks.Create) (created networks.Created, err error) {
	defer func() {
		if r := recover(); r != nil {
			stack := string(debug.Stack())
			p.log.Error("network client panicked", "network", p.info.Key, "panic", r, "stack", stack)
			p.in.Fault(models.Fault{Origin: models.FaultOfJob, Place: "publish to " + p.info.Key, Message: fmt.Sprintf("network client panicked: %v", r), Stack: stack})
			err = &networks.Error{Kind: networks.Unknown, Message: "AllIN failed while it was sending this.", Code: "panic"}
		}
	}()
	defer func() { p.metrics.called(p.info.Key, "create", err) }()
	created, err = p.network.Create(ctx, p.account, part)
	if err == nil && created.ID == "" {
		err = &networks.Error{Kind: networks.Unknown, Message: p.info.Name + " gave no address of the post.", HTTP: created.HTTP}
	}
	return created, err
}

// out writes that a part is out, and the delivery with its last one.
func (p *publication) out(ctx context.Context, i int, action string, o models.Outcome, ref networks.Ref) error {
	p.refs = append(p.refs, ref)
	if i < len(p.claim.Draft.Parts)-1 {
		return p.claim.PartOut(ctx, stepOf(i), action, o, ref)
	}
	err := p.claim.Published(ctx, stepOf(i), action, o, ref, p.refs[0])
	if err == nil {
		p.metrics.lateness.WithLabelValues(p.info.Key).Observe(p.claim.Now.Sub(p.claim.DueAt).Seconds())
		return errReleased
	}
	return err
}

// file is a medium as a client uploads it.
func (p *publication) file(m networks.Media) (networks.File, error) {
	id, err := uuid.Parse(m.ID)
	if err != nil {
		return networks.File{}, fmt.Errorf("medium's id: %w", err)
	}
	return networks.File{Media: m, Open: func() (io.ReadSeekCloser, error) { return p.claim.OpenFile(id) }}, nil
}

// uploadLife is for how long an uploaded file may be used: the networks
// forget those that nothing is made of after a day.
const uploadLife = 12 * time.Hour

// upload brings all files to the network before the first part is created.
func (p *publication) upload(ctx context.Context) error {
	p.uploads = make([][]networks.Upload, len(p.claim.Draft.Parts))
	for i := len(p.refs); i < len(p.claim.Draft.Parts); i++ {
		for j, m := range p.claim.Draft.Parts[i].Media {
			up, err := p.uploadFile(ctx, fmt.Sprintf("upload:%d:%d", i, j), m)
			if err != nil {
				return err
			}
			p.uploads[i] = append(p.uploads[i], up)
		}
	}
	return nil
}

func (p *publication) uploadFile(ctx context.Context, step string, m networks.Media) (networks.Upload, error) {
	var from networks.Upload
	if s, ok := p.claim.Steps[step]; ok && p.claim.Now.Sub(s.BegunAt) < uploadLife {
		if err := json.Unmarshal(s.Result, &from); err != nil {
			return from, fmt.Errorf("read upload: %w", err)
		}
	}
	if from.Ready {
		return from, nil
	}
	file, err := p.file(m)
	if err != nil {
		return from, err
	}
	if err := p.claim.Begin(ctx, step, "upload", "", ""); err != nil {
		return from, err
	}
	save := func(u networks.Upload) error { return p.claim.Renew(ctx, step, u) }
	up, err := p.network.Upload(ctx, p.account, file, from, save)
	p.metrics.called(p.info.Key, "upload", err)
	if err != nil {
		if errors.Is(err, models.ErrStale) {
			return up, models.ErrStale
		}
		return up, p.uploadFailed(ctx, step, networks.AsError(err))
	}
	if err := save(up); err != nil {
		return up, err
	}
	if err := p.claim.EndAttempt(ctx, step, "upload", models.Outcome{State: "ok"}); err != nil {
		return up, err
	}
	if !up.Ready {
		return up, p.release(ctx, models.Next{State: models.Retrying, After: max(up.Wait, time.Second), Reason: "processing",
			Message: p.info.Name + " is still preparing the media."})
	}
	return up, nil
}
