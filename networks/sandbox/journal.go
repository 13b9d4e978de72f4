package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// JournalName is the journal's file in Config.Dir.
const JournalName = "journal.jsonl"

// Op says what a line of the journal records.
type Op string

// The operations of the journal that the oracle shows. All others keep the
// sandbox's own state (accounts, tokens, media) and are not shown.
const (
	OpCreate Op = "create" // something became visible
	OpUpdate Op = "update" // a Bluesky record was overwritten
	OpDelete Op = "delete" // something was taken away
)

const (
	opAccount Op = "account"
	opApp     Op = "app"
	opGrant   Op = "grant"   // a consent or a session, with its first tokens
	opRefresh Op = "refresh" // a grant's next tokens
	opRevoke  Op = "revoke"
	opExpire  Op = "expire" // the access tokens of an account end before their time
	opLock    Op = "lock"   // an account's app password was taken back
	opMedia   Op = "media"
	opUpload  Op = "upload" // an X upload was begun
	opAlt     Op = "alt"
	opRecord  Op = "record" // a Bluesky record that is no post
	opErase   Op = "erase"  // such a record was deleted
)

// Answered says whether the caller was told of what it created.
type Answered string

// The values of Entry.Answered; in JSON true, false and "lost".
const (
	Told    Answered = "true"  // the answer names what was created
	Garbled Answered = "false" // there was an answer, but one that does not name it
	Lost    Answered = "lost"  // there was no answer
)

// MarshalJSON writes true, false or "lost".
func (a Answered) MarshalJSON() ([]byte, error) {
	if a == Told || a == Garbled {
		return []byte(a), nil
	}
	return json.Marshal(string(a))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (a *Answered) UnmarshalJSON(b []byte) error {
	switch v := Answered(bytes.Trim(b, `"`)); v {
	case Told, Garbled, Lost, "", "null":
		*a = v
		return nil
	default:
		return fmt.Errorf("answered: unknown value %s", b)
	}
}

// Entry is one line of the journal. A line is written, and synced when the
// configuration says so, before the call is answered: what the journal does
// not hold was not accepted.
type Entry struct {
	Seq      int64     `json:"seq"` // counts up from 1, over all networks
	At       time.Time `json:"at"`  // when it was accepted; of a post of the past: its own time
	Op       Op        `json:"op"`
	Network  string    `json:"network"`
	Account  string    `json:"account"`          // the network's id of the account
	Handle   string    `json:"handle"`           // without a leading @
	ID       string    `json:"id"`               // the network's id of the post; on Bluesky its record key
	Key      string    `json:"key,omitempty"`    // what the caller chose: Idempotency-Key or record key
	Parent   string    `json:"parent,omitempty"` // the post it answers, as the network names it
	Text     string    `json:"text"`
	Media    []string  `json:"media,omitempty"`
	Answered Answered  `json:"answered,omitempty"`
	Fault    Fault     `json:"fault,omitempty"`  // the fault that befell the call, if any
	Seeded   bool      `json:"seeded,omitempty"` // put there by AddPost, not by a call
	Details  *Details  `json:"details,omitempty"`
	State    *state    `json:"state,omitempty"`
}

// Details is what else a post holds, as far as its network knows it.
type Details struct {
	Root          string          `json:"root,omitempty"` // first post of the thread
	Poll          *Poll           `json:"poll,omitempty"`
	ReplySettings string          `json:"reply_settings,omitempty"`
	Visibility    string          `json:"visibility,omitempty"`
	Warning       string          `json:"warning,omitempty"`
	Language      string          `json:"language,omitempty"`
	Sensitive     bool            `json:"sensitive,omitempty"`
	Quote         string          `json:"quote,omitempty"`
	Labels        []string        `json:"labels,omitempty"` // "Made with AI", "Paid partnership"
	CID           string          `json:"cid,omitempty"`
	Record        json.RawMessage `json:"record,omitempty"`
}

// Poll is the answers of a question.
type Poll struct {
	Options  []string  `json:"options"`
	Ends     time.Time `json:"ends"`
	Multiple bool      `json:"multiple,omitempty"`
}

// state is what the sandbox has to know again after a restart, besides posts.
type state struct {
	Name      string     `json:"name,omitempty"`
	Password  string     `json:"password,omitempty"`
	Secret    string     `json:"secret,omitempty"`
	Redirects []string   `json:"redirects,omitempty"`
	Grant     string     `json:"grant,omitempty"`
	Minted    bool       `json:"minted,omitempty"`
	Client    string     `json:"client,omitempty"`
	Scopes    []string   `json:"scopes,omitempty"`
	Access    string     `json:"access,omitempty"`
	Refresh   string     `json:"refresh,omitempty"`
	Spent     string     `json:"spent,omitempty"` // the refresh token that was given for Access
	Expires   *time.Time `json:"expires,omitempty"`
	Type      string     `json:"type,omitempty"`
	Category  string     `json:"category,omitempty"`
	Size      int64      `json:"size,omitempty"`
	Width     int        `json:"width,omitempty"`
	Height    int        `json:"height,omitempty"`
	Alt       string     `json:"alt,omitempty"`
	Slow      bool       `json:"slow,omitempty"` // is processed before it can be used
}

// public reports whether the entry belongs to the oracle.
func (e *Entry) public() bool { return e.Op == OpCreate || e.Op == OpUpdate || e.Op == OpDelete }

// ReadJournal reads creations, updates and deletions from a journal file or
// from the answer of GET /control/journal, in the order of their acceptance.
// A last line that was cut off is left out: it was never answered.
func ReadJournal(r io.Reader) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for line, err := range lines(r) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			var e Entry
			if err := json.Unmarshal(line, &e); err != nil {
				yield(Entry{}, fmt.Errorf("read journal: %w", err))
				return
			}
			if e.public() && !yield(e, nil) {
				return
			}
		}
	}
}

// Journal returns the creations, updates and deletions after the one with that
// number, in the order of their acceptance; 0 returns all.
func (s *Server) Journal(after int64) ([]Entry, error) {
	f, err := os.Open(filepath.Join(s.cfg.Dir, JournalName))
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	defer f.Close()
	var out []Entry
	for e, err := range ReadJournal(f) {
		if err != nil {
			return nil, err
		}
		if e.Seq > after {
			out = append(out, e)
		}
	}
	return out, nil
}

// lines yields the whole lines of r, each with its line feed.
func lines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buf := bufio.NewReaderSize(r, 64<<10)
		for {
			line, err := buf.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, fmt.Errorf("read journal: %w", err))
				return
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

// tailLength is how many of the last public entries are kept at hand.
const tailLength = 50

// journal is the append-only file. Callers that come while a write is under
// way share the next one, and its sync.
type journal struct {
	file *os.File
	sync bool

	mu      sync.Mutex // guards what is waiting to be written
	waiting []byte
	seq     int64
	tail    []Entry

	write   sync.Mutex // held while writing; guards what follows
	written int64      // the highest seq in the file
	failed  error      // the first failure; nothing is accepted after it
}

// openJournal opens or makes the file, hands every line in it to replay and
// cuts off a last line that is not whole.
func openJournal(path string, fsync bool, replay func(*Entry) error) (*journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &journal{file: f, sync: fsync}
	if err := j.load(replay); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

func (j *journal) load(replay func(*Entry) error) error {
	var whole int64
	for line, err := range lines(j.file) {
		if err != nil {
			return err
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("journal, after line %d: %w", j.seq, err)
		}
		if err := replay(&e); err != nil {
			return fmt.Errorf("journal, line %d: %w", e.Seq, err)
		}
		j.seq = e.Seq
		j.remember(e)
		whole += int64(len(line))
	}
	j.written = j.seq
	if err := j.file.Truncate(whole); err != nil {
		return fmt.Errorf("cut journal: %w", err)
	}
	if _, err := j.file.Seek(whole, io.SeekStart); err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	return nil
}

// seqPrefix stands where the number goes: it is known only under the lock,
// and encoding is better done outside.
const seqPrefix = `{"seq":0`

// append writes e, gives it its number and returns once it is in the file.
func (j *journal) append(e *Entry) error {
	e.Seq = 0
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode journal line: %w", err)
	}
	j.mu.Lock()
	j.seq++
	e.Seq = j.seq
	j.waiting = append(j.waiting, seqPrefix[:len(seqPrefix)-1]...)
	j.waiting = strconv.AppendInt(j.waiting, e.Seq, 10)
	j.waiting = append(append(j.waiting, b[len(seqPrefix):]...), '\n')
	j.remember(*e)
	j.mu.Unlock()
	return j.flush(e.Seq)
}

// flush returns once the line with that number is in the file. Who comes
// first writes for all that wait.
func (j *journal) flush(seq int64) error {
	j.write.Lock()
	defer j.write.Unlock()
	if j.written >= seq || j.failed != nil {
		return j.failed
	}
	j.mu.Lock()
	batch, upTo := j.waiting, j.seq
	j.waiting = nil
	j.mu.Unlock()
	if _, err := j.file.Write(batch); err != nil {
		j.failed = fmt.Errorf("write journal: %w", err)
		return j.failed
	}
	if j.sync {
		if err := j.file.Sync(); err != nil {
			j.failed = fmt.Errorf("sync journal: %w", err)
			return j.failed
		}
	}
	j.written = upTo
	return nil
}

// remember keeps the last public entries. The caller holds mu, or is alone.
func (j *journal) remember(e Entry) {
	if !e.public() {
		return
	}
	if len(j.tail) == tailLength {
		copy(j.tail, j.tail[1:])
		j.tail = j.tail[:tailLength-1]
	}
	j.tail = append(j.tail, e)
}

// last returns the newest public entries, newest first.
func (j *journal) last() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	out := make([]Entry, 0, len(j.tail))
	for i := len(j.tail) - 1; i >= 0; i-- {
		out = append(out, j.tail[i])
	}
	return out
}

func (j *journal) close() error {
	j.write.Lock()
	defer j.write.Unlock()
	if j.failed == nil {
		j.failed = errors.New("journal is closed")
	}
	return j.file.Close()
}
