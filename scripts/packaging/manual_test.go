package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// unpacked is the archive of this platform.
func unpacked(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	command(t, dir, os.Environ(), "tar", "-xzf", mine(t, "botctl-*-linux-%s.tar.gz", "amd64", "arm64"), "--strip-components=1")
	return dir
}

func TestEveryManPageRenders(t *testing.T) {
	t.Parallel()
	need(t, "man")
	dir := unpacked(t)
	pages, _ := filepath.Glob(filepath.Join(dir, "man", "man1", "*.1"))
	if len(pages) < 10 {
		t.Fatalf("there are %d", len(pages))
	}
	for _, page := range pages {
		cmd := exec.Command("man", "--warnings", "--no-justification", "--no-hyphenation", "-l", page)
		cmd.Env = append(os.Environ(), "MANPAGER=cat", "MANWIDTH=160", "LC_ALL=C")
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil || errs.Len() > 0 {
			t.Errorf("%s: %v\n%s", filepath.Base(page), err, errs.String())
		}
		for _, want := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", strings.TrimSuffix(filepath.Base(page), ".1") + " - "} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s lacks %q:\n%s", filepath.Base(page), want, out)
			}
		}
	}
}

// The shells are asked to complete "botctl kill-s", with the script of the archive and botctl on the PATH.
func TestCompletionsComplete(t *testing.T) {
	t.Parallel()
	dir := unpacked(t)
	env := append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+t.TempDir(), "BOTCTL_STATE_DIR="+t.TempDir())
	for shell, script := range map[string]string{
		// The functions of the package bash-completion and of zsh's menu are played: there is no terminal.
		"bash": `source completions/botctl.bash
			_get_comp_words_by_ref() { cur=kill-s prev=botctl cword=1 words=(botctl kill-s); }
			__ltrim_colon_completions() { :; }; compopt() { :; }
			COMP_LINE="botctl kill-s" COMP_POINT=13 COMP_TYPE=9
			complete -p botctl && __start_botctl && echo "offers ${COMPREPLY[@]}"`,
		"zsh": `autoload -Uz compinit && compinit -u -d "$HOME/dump" && source completions/_botctl
			_describe() { print -r -- "offers ${completions[@]}"; }
			words=(botctl kill-s) CURRENT=2 && _botctl`,
		"fish": `source completions/botctl.fish; echo offers (complete -C "botctl kill-s")`,
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			need(t, shell)
			out := command(t, dir, env, shell, "-c", script)
			if !strings.Contains(out, "offers kill-stale") {
				t.Errorf("%q", out)
			}
		})
	}
	// PowerShell is not looked at here: its script is what the verb prints, like the others.
	for shell, name := range map[string]string{"bash": "botctl.bash", "zsh": "_botctl", "fish": "botctl.fish", "powershell": "botctl.ps1"} {
		file, err := os.ReadFile(filepath.Join(dir, "completions", name))
		if err != nil {
			t.Fatal(err)
		}
		if printed := command(t, dir, env, filepath.Join(dir, "botctl"), "completion", shell); printed != string(file) {
			t.Errorf("botctl completion %s prints something else than %s has", shell, name)
		}
	}
}
