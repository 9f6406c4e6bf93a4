//go:build mutate

package mutant

// which is set by the linker: -ldflags "-X botctl/supervisor/mutant.which=NAME".
var which string

// Is says whether this build lacks what name names.
func Is(name string) bool { return name == which }
