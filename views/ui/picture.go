package ui

import "github.com/google/uuid"

// PictureURL is the address of a person's picture; "" where they have none.
func PictureURL(person, picture uuid.UUID) string {
	if picture == uuid.Nil {
		return ""
	}
	return "/people/" + person.String() + "/picture/" + picture.String()
}

// LogoURL is the address of an organization's logo; "" where it has none.
func LogoURL(organization, logo uuid.UUID) string {
	if logo == uuid.Nil {
		return ""
	}
	return "/organizations/" + organization.String() + "/logo/" + logo.String()
}
