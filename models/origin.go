package models

import (
	"context"

	"github.com/google/uuid"
)

// Origin is where a request came from. It travels in the context, so that the
// audit log can tell without every method being told.
type Origin struct {
	Address string // IP address of who asks
	Agent   string // what the browser or program calls itself

	Key uuid.UUID // the API key by which it came; zero: by none
}

type originKey struct{}

// WithOrigin returns a context that tells where a request came from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf returns where the request came from; zero for what AllIN does by itself.
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}
