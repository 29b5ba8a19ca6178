package config

import (
	"errors"
)

// settingFault is what is wrong with a setting, and what would be right. It
// never quotes a secret.
type settingFault struct{ setting, detail string }

func (f settingFault) Error() string { return "  " + f.setting + ": " + f.detail }

func joined(faults []settingFault) error {
	errs := make([]error, len(faults))
	for i, f := range faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}
