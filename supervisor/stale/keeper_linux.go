package stale

import (
	"os"
	"strconv"
	"strings"
)

// keeper names what started pid and would start it again, "" when nothing is known to. Unlike restarter it is asked
// about a process that was not ended yet: that systemd is among its ancestors says nothing then, for a login shell has
// it too. The control group says whether the process belongs to a unit.
func keeper(pid int) string {
	by := restarter(pid)
	if by != "" && !strings.HasPrefix(by, "systemd ") {
		return by
	}
	groups, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	return unitKeeper(string(groups))
}

// unitKeeper reads the text of /proc/PID/cgroup: lines "number:controllers:path". It is pure.
func unitKeeper(groups string) string {
	for line := range strings.Lines(groups) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		if controllers != "" && controllers != "name=systemd" {
			continue
		}
		user := false
		for part := range strings.SplitSeq(path, "/") {
			if strings.HasPrefix(part, "docker-") || part == "docker" {
				return "docker"
			}
			unit, isUnit := strings.CutSuffix(part, ".service")
			switch {
			case !isUnit:
			case strings.HasPrefix(unit, "user@"):
				user = true // the units below are of a user's own manager
			case unit == "cron" || unit == "crond" || unit == "cronie":
				return "cron"
			case hosts[unit]:
				return ""
			case user:
				return "systemd --user (" + part + ")"
			default:
				return "systemd (" + part + ")"
			}
		}
	}
	return ""
}

// hosts are units whose processes are started by people, or by a manager that is named itself.
var hosts = map[string]bool{
	"ssh": true, "sshd": true, "getty": true, "docker": true, "containerd": true, "supervisor": true, "supervisord": true, "tmux": true, "screen": true,
	"gdm": true, "lightdm": true, "sddm": true, "gnome-terminal-server": true, "dbus": true, "code-server": true, "jupyter": true, "pm2": true,
}
