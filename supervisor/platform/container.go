package platform

import (
	"cmp"
	"strings"
	"time"
)

// namespaceFile is mounted into every pod that has a service account's token.
const namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"

// Kubernetes. KUBERNETES_SERVICE_HOST is set in every container (kubernetes.io/docs/concepts/services-networking/service). terminationGracePeriodSeconds is
// 30 by default (.../docs/concepts/workloads/pods/pod-lifecycle); another one cannot be seen from inside.
//
// The deploy is the label pod-template-hash, from POD_TEMPLATE_HASH if the owner has it set from metadata.labels, else from the pod's name (POD_NAME, else the
// host's), which a Deployment makes as NAME-HASH-RANDOM. Of any other pod it is the pod's name: that of a StatefulSet keeps its name through
// updates, and its predecessor is always gone by then. A name that was cut because it is longer than 58 characters shows no hash.
func kubernetes(h host) (Platform, bool) {
	if h.env("KUBERNETES_SERVICE_HOST") == "" {
		return Platform{}, false
	}
	namespace := h.env("POD_NAMESPACE")
	if text, err := h.readFile(namespaceFile); namespace == "" && err == nil {
		namespace = clean(string(text))
	}
	pod := cmp.Or(h.env("POD_NAME"), h.name)
	return Platform{
		Name: "kubernetes", Deploy: cmp.Or(h.env("POD_TEMPLATE_HASH"), templateHash(pod), pod), Replica: pod,
		Env: join("kubernetes", namespace), EnvName: namespace,
		StopGrace: 30 * time.Second,
	}, true
}

// The alphabets of kubernetes/apimachinery, util/rand. A hash is a decimal number each of whose digits was put through SafeEncodeString, which makes
// these ten of them.
const (
	hashLetters   = "456789bcdf"
	randomLetters = "bcdfghjklmnpqrstvwxz2456789"
)

// templateHash takes pod-template-hash out of a pod's name; "" if it has none.
func templateHash(pod string) string {
	parts := strings.Split(pod, "-")
	if len(parts) < 3 {
		return ""
	}
	hash, random := parts[len(parts)-2], parts[len(parts)-1]
	if len(hash) < 6 || len(hash) > 10 || strings.Trim(hash, hashLetters) != "" || len(random) != 5 || strings.Trim(random, randomLetters) != "" {
		return ""
	}
	return hash
}

// Docker, and Podman. "docker stop", compose and swarm all give 10 s by default (docs.docker.com, docker container stop; compose file,
// stop_grace_period). --stop-timeout of a container cannot be seen from inside.
func docker(h host) (Platform, bool) {
	id := containerID(h)
	if id == "" && !h.has("/.dockerenv") && !h.has("/run/.containerenv") {
		return Platform{}, false
	}
	return Platform{Name: "docker", Deploy: id, StopGrace: 10 * time.Second}, true
}

// containerID is the short form of the container's id; "" outside one. The host's name is the id too, but only by default: with a name of the
// owner's choice (hostname: in compose) or the host's network, a new container would pass for the old one. Docker and Podman mount three files from a
// folder that has the id for a name, and /proc/self/mountinfo shows that (proc_pid_mountinfo(5): the fourth field is what
// is mounted, the fifth where).
func containerID(h host) string {
	text, err := h.readFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[4] != "/etc/hostname" && fields[4] != "/etc/hosts" && fields[4] != "/etc/resolv.conf" {
			continue
		}
		for part := range strings.SplitSeq(fields[3], "/") {
			if len(part) == 64 && strings.Trim(part, "0123456789abcdef") == "" {
				return part[:12]
			}
		}
	}
	return ""
}
