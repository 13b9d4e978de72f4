// Package models is the domain: what posts, accounts and people are and may
// do, and how they are kept. Tenant data is reached only through handles that
// prove the right to it: Workspace, Person and Install.
package models

import (
	"errors"
	"fmt"
)

// Code is the class of an Error; it decides the answer's status.
type Code string

// The classes of errors.
const (
	Invalid         Code = "invalid"              // what was given is wrong; Fields say where
	NotFound        Code = "not_found"            // no such thing, or not for this person
	Conflict        Code = "conflict"             // it has changed meanwhile, or its state forbids the act
	Forbidden       Code = "forbidden"            // the person's role does not allow it
	Unauthenticated Code = "unauthenticated"      // nobody is signed in
	FactorNeeded    Code = "second_factor_needed" // the organization is open to people with a second factor only
	Suspended       Code = "suspended"            // the organization is, by those who look after the installation
	Limited         Code = "limited"              // too often
	Upstream        Code = "upstream"             // a network or another server failed
	Internal        Code = "internal"             // a fault of ours
)

// Error is a failure that people are told about. Message and Fields are
// sentences for them; what lies beneath goes to the log only.
type Error struct {
	Code    Code
	Message string
	Fields  map[string]string // by the form field's name
	Err     error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the class of err; what is no *Error is Internal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// notFound is an error about what is not there, or not for the person.
func notFound(what string) error {
	return &Error{Code: NotFound, Message: "There is no such " + what + ". It may have been removed meanwhile."}
}

func conflict(format string, args ...any) error {
	return &Error{Code: Conflict, Message: fmt.Sprintf(format, args...)}
}

// invalid is an error of one form field.
func invalid(field, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return &Error{Code: Invalid, Message: message, Fields: map[string]string{field: message}}
}
