package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"botctl/supervisor/token"
)

func withEnvFile(env []string, path string) ([]string, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, configError(fmt.Errorf("env file %q: %w", path, pathCause(err)))
	}
	vars, err := token.Dotenv(path)
	if err != nil {
		return nil, configError(err)
	}
	have := lookupEnv(env)
	for name, v := range vars {
		if have(name) == "" {
			env = append(env, name+"="+v)
		}
	}
	return env, nil
}

// setEnv is env with name set to v alone.
func setEnv(env []string, name, v string) []string {
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool { return strings.HasPrefix(kv, name+"=") })
	return append(env, name+"="+v)
}

func lookupEnv(env []string) func(string) string {
	return func(name string) string {
		for _, kv := range slices.Backward(env) {
			if v, ok := strings.CutPrefix(kv, name+"="); ok {
				return v
			}
		}
		return ""
	}
}
