// Command benchtable measures botctl beside its peers and a floor, in one run on one machine, and tabulates what it
// found. See scripts/bench; with --soak it is scripts/soak.
package main

import "os"

func main() { os.Exit(program()) }
