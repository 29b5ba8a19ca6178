// Spillway runs AI analyses as jobs: local models first, cloud APIs when it
// must, a deterministic scorecard when nothing else can.
package main

import (
	"os"

	"github.com/topcentral/spillway/cli"
)

func main() {
	os.Exit(cli.Run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
