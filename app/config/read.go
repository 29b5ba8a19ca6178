package config

import (
	"fmt"
	"os"
	"reflect"
	"slices"

	"github.com/kelseyhightower/envconfig"
)

// Read reads the environment. Its error names every setting that cannot
// be read or makes no sense.
func Read() (Config, error) {
	var c Config
	var faults []settingFault
	for field, value := range reflect.ValueOf(&c).Elem().Fields() {
		// One by one, because envconfig stops at the first that it cannot read.
		one := reflect.New(reflect.StructOf([]reflect.StructField{field}))
		if err := envconfig.Process(EnvPrefix, one.Interface()); err != nil {
			faults = append(faults, unreadable(err))
			continue
		}
		value.Set(one.Elem().Field(0))
	}
	faults = append(faults, c.readServices()...)
	var wrong []settingFault
	c.OTLP, wrong = readOTLP()
	faults = append(faults, wrong...)
	c.TunesGC = os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != ""
	for _, f := range c.faults() {
		if !slices.ContainsFunc(faults, func(g settingFault) bool { return f.setting == g.setting }) {
			faults = append(faults, f)
		}
	}
	if err := joined(faults); err != nil {
		return c, fmt.Errorf("settings:\n%w", err)
	}
	var err error
	c.Unknown, err = unknownSettings()
	return c, err
}
