package stale

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"botctl/supervisor/token"
)

// commLength is how much of a program's name the kernel keeps.
const commLength = 15

// zombies lists dead processes that may have been this bot: nothing is left of their arguments and
// environment, so the name of the program and the parent must tell. They compete for nothing and cannot be ended;
// the word about them saves a person the search (P18).
func (t *Target) zombies(pids []int, spared func(int) bool, show func(string) string) (list []Finding) {
	for _, pid := range pids {
		s, ok := readStat(pid)
		if !ok || !s.dead() || s.state != 'Z' || s.ppid == os.Getpid() || spared(pid) {
			continue
		}
		info, err := os.Stat("/proc/" + strconv.Itoa(pid))
		if err != nil || !t.mayHaveRun(commOf(pid)) || !t.begot(s.ppid) {
			continue
		}
		var reader lineReader
		parent := show(strings.ReplaceAll(string(reader.line(s.ppid)), "\x00", " "))
		list = append(list, Finding{
			PID: pid, User: userName(uidOf(info)), Command: "[" + commOf(pid) + "]", Verdict: Zombie, Outcome: NotTouched,
			Evidence: fmt.Sprintf("dead, but not reaped by its parent, pid %d %s", s.ppid, parent), StartedAt: time.Now().UTC(),
		})
	}
	return list
}

func commOf(pid int) string {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	return strings.TrimSuffix(string(b), "\n")
}

// mayHaveRun says whether comm is the name of the child's program, or of an interpreter or server.
func (t *Target) mayHaveRun(comm string) bool {
	name := strip(comm)
	if _, ok := interpreters[name]; ok || servers[comm] != nil {
		return true
	}
	return len(t.Command) > 0 && comm == cut(base(t.Command[0]))
}

func cut(name string) string { return name[:min(len(name), commLength)] }

// begot says whether the process pid is tied to this bot, as the parent of one that was.
func (t *Target) begot(pid int) bool {
	if dir, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/cwd"); err == nil && t.isHome(dir) {
		return true
	}
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && t.Token != "" && slices.Contains(token.FromEnv(lookupIn(strings.Split(string(env), "\x00")), t.TokenEnv), t.Token)
}
