package ui

// State is what a post or one of its deliveries can be, as people see it.
type State string

// The states, in the order in which a post may come through them.
const (
	Draft      State = "draft"
	Review     State = "review"
	Changes    State = "changes"
	Scheduled  State = "scheduled"
	Publishing State = "publishing"
	Published  State = "published"
	Retrying   State = "retrying"
	Waiting    State = "waiting"
	Unknown    State = "unknown"
	Missed     State = "missed"
	Failed     State = "failed"
	Canceled   State = "canceled"
)

// States lists all states, for filters and the gallery.
var States = []State{Draft, Review, Changes, Scheduled, Publishing, Published, Retrying, Waiting, Unknown, Missed, Failed, Canceled}

// Word is the state's name on a badge.
func (s State) Word() string {
	switch s {
	case Draft:
		return "Draft"
	case Review:
		return "In review"
	case Changes:
		return "Changes asked"
	case Scheduled:
		return "Scheduled"
	case Publishing:
		return "Publishing"
	case Published:
		return "Published"
	case Retrying:
		return "Trying again"
	case Waiting:
		return "Waiting"
	case Unknown:
		return "Unknown"
	case Missed:
		return "Missed"
	case Failed:
		return "Failed"
	case Canceled:
		return "Canceled"
	}
	return string(s)
}

// Icon is the name of the state's symbol in the sprite.
func (s State) Icon() string {
	switch s {
	case Draft:
		return "file-pen-line"
	case Review:
		return "eye"
	case Changes:
		return "message-square-text"
	case Scheduled:
		return "clock"
	case Publishing:
		return "spinner"
	case Published:
		return "circle-check"
	case Retrying:
		return "retry"
	case Waiting:
		return "hourglass"
	case Unknown:
		return "help"
	case Missed:
		return "calendar-off"
	case Failed:
		return "circle-alert"
	case Canceled:
		return "circle-slash"
	}
	return "circle"
}
