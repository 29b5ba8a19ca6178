package config

import (
	"regexp"
)

// Where a URL, or what was meant to be one, may hold a secret.
var (
	userinfo        = regexp.MustCompile(`://[^/?#\s]*@`)
	passwordOptions = regexp.MustCompile(`(?i)(password=)[^&#]*`)
)

// HidePassword returns a URL for people to see.
func HidePassword(s string) string {
	s = userinfo.ReplaceAllString(s, "://"+hidden+"@")
	return passwordOptions.ReplaceAllString(s, "${1}"+hidden)
}

// hidden is shown in place of a secret.
const hidden = "***"
