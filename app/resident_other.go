//go:build !linux

package app

// unmapProgram does nothing here: the system finds out by itself.
func unmapProgram() {}
