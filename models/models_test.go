package models_test

import (
	"archive/zip"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/allin-platform/allin/models"
)

func asError(err error, into **models.Error) bool { return errors.As(err, into) }

func zipNames(t testing.TB, path string) []string {
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var names []string
	for _, f := range r.File {
		if !strings.HasSuffix(f.Name, "/") {
			names = append(names, f.Name)
		}
	}
	return names
}

// free are Workspace's methods that ask for no permission, as they show nothing.
var free = []string{"May", "Networks", "Zone"}

// checkAllMethodsListed fails when a method of Workspace has no case.
func checkAllMethodsListed[T any](t *testing.T, calls map[string]T) {
	t.Helper()
	ws := reflect.TypeFor[*models.Workspace]()
	for i := range ws.NumMethod() {
		name := ws.Method(i).Name
		if _, ok := calls[name]; !ok && !slices.Contains(free, name) {
			t.Errorf("no case for Workspace.%s: add one, so that its permission is tested", name)
		}
	}
}
