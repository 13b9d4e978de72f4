package api

import (
	"encoding/base64"
	"encoding/json"

	"github.com/allin-platform/allin/models"
)

// Paging is what every list takes.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"400" doc:"Where the page before ended: its next."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"50" doc:"Most items that are wanted."`
}

// after reads the cursor into v, which stays as it is where there is none.
func (p Paging) after(v any) error {
	if p.Cursor == "" {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		const message = "This is no cursor that a list has given. Leave it out to begin at the first page."
		return &models.Error{Code: models.Invalid, Message: message, Fields: map[string]string{"cursor": message}}
	}
	return nil
}

// page is a part of a list: the items, and where it goes on. list has one more
// than the limit where there are more.
func page[T, U any](p Paging, list []T, item func(T) U, cursor func(T) any) Page[U] {
	out := Page[U]{Items: []U{}}
	for i, one := range list {
		if i == p.Limit {
			text, err := json.Marshal(cursor(list[i-1]))
			if err != nil {
				break // ids and times always encode
			}
			out.Next = base64.RawURLEncoding.EncodeToString(text)
			break
		}
		out.Items = append(out.Items, item(one))
	}
	return out
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"The cursor of the next page; absent on the last one."`
}
