package settings

// OrganizationParams is what an organization is called and starts with.
type OrganizationParams struct {
	CSRF                         string
	Name, Logo                   string // Logo: its address; "" for none
	Typed                        string // the name as it stands in the form
	Zone, WeekStart, PostingTime string
	Errors                       map[string]string // by field: organization, picture, zone, week_start, posting_time
}
