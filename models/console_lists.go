package models

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// timeCursor is where a list that is ordered by time, the newest first, goes on.
type timeCursor struct {
	at time.Time
	id uuid.UUID
}

func (c timeCursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.at.UTC().Format(time.RFC3339Nano) + " " + c.id.String()))
}

// readTimeCursor reads what String wrote; "" is the beginning.
func readTimeCursor(text string) (timeCursor, error) {
	if text == "" {
		return timeCursor{at: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), id: uuid.Max}, nil
	}
	bad := &Error{Code: Invalid, Message: "This part of the list cannot be found. Begin again at its first page."}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return timeCursor{}, bad
	}
	at, id, _ := strings.Cut(string(raw), " ")
	var c timeCursor
	if c.at, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return timeCursor{}, bad
	}
	if c.id, err = uuid.Parse(id); err != nil {
		return timeCursor{}, bad
	}
	return c, nil
}

// wrapped says what was being done, unless err is one that people are told about.
func wrapped(doing string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return fmt.Errorf("%s: %w", doing, err)
}
