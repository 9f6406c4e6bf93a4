//go:build !mutate

package mutant

// Is says whether this build lacks what name names. In every build but those of the mutation
// test it never does, and the compiler drops what depends on it.
func Is(string) bool { return false }
