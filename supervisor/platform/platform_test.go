package platform

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"
	"unicode"
)

const (
	dockerID  = "3f4c1a7be2d09586aa17c0de52b1934f7d8e6a0c9b1f2e3d4c5b6a7988776655"
	mountHead = "1 0 0:50 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/ABC\n"
)

// inDocker is what a process in a container of Docker reads, inPodman in one of Podman.
const (
	inDocker = mountHead +
		"2 1 254:1 /var/lib/docker/containers/" + dockerID + "/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda1 rw\n" +
		"3 1 254:1 /var/lib/docker/containers/" + dockerID + "/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw\n"
	inPodman = mountHead + "2 1 0:23 /containers/overlay-containers/" + dockerID + "/userdata/hostname /etc/hostname rw,nosuid,nodev - tmpfs tmpfs rw\n"
	inPod    = mountHead + "2 1 254:1 /var/lib/kubelet/pods/0b6f7f0e-0b9e-4b39-8c1c-0de1a3a5b0e1/etc-hosts /etc/hosts rw - ext4 /dev/vda1 rw\n"
	// onHost has other people's containers, and their ids in its mounts.
	onHost = mountHead + "2 1 0:60 / /var/lib/docker/overlay2/" + dockerID + "/merged rw - overlay overlay rw\n"
)

func TestWhereWeAre(t *testing.T) {
	railwayVars := map[string]string{
		"RAILWAY_PROJECT_ID": "p1", "RAILWAY_PROJECT_NAME": "shop", "RAILWAY_ENVIRONMENT_ID": "e1", "RAILWAY_ENVIRONMENT_NAME": "production",
		"RAILWAY_SERVICE_ID": "s1", "RAILWAY_DEPLOYMENT_ID": "d1", "RAILWAY_REPLICA_ID": "r1",
	}
	for name, one := range map[string]struct {
		env   map[string]string
		host  string
		files map[string]string
		want  Platform
		stop  time.Duration
	}{
		"a laptop": {
			host: "laptop.local",
			want: Platform{Deploy: "laptop.local", Replica: "laptop.local", StopGrace: UnknownGrace}, stop: 9 * time.Second,
		},
		"a unit of systemd keeps its deploy when it is started again": {
			env: map[string]string{"INVOCATION_ID": "8f7f0a", "NOTIFY_SOCKET": "/run/systemd/notify"}, host: "vps1",
			want: Platform{Deploy: "vps1", Replica: "vps1", StopGrace: UnknownGrace}, stop: 9 * time.Second,
		},
		"a host that runs other people's containers is none": {
			host: "vps1", files: map[string]string{"/proc/self/mountinfo": onHost},
			want: Platform{Deploy: "vps1", Replica: "vps1", StopGrace: UnknownGrace}, stop: 9 * time.Second,
		},
		"nothing at all": {want: Platform{StopGrace: UnknownGrace}, stop: 9 * time.Second},
		"railway kills at once": {
			env: railwayVars, host: "c0ffee",
			want: Platform{Name: "railway", Deploy: "d1", Replica: "r1", Env: "railway/p1/e1", EnvName: "shop/production"}, stop: 9 * time.Second,
		},
		"railway with draining seconds": {
			env:  with(railwayVars, "RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "15"),
			want: Platform{Name: "railway", Deploy: "d1", Replica: "r1", Env: "railway/p1/e1", EnvName: "shop/production", StopGrace: 15 * time.Second}, stop: 9 * time.Second,
		},
		"railway with few draining seconds": {
			env:  with(railwayVars, "RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "6"),
			want: Platform{Name: "railway", Deploy: "d1", Replica: "r1", Env: "railway/p1/e1", EnvName: "shop/production", StopGrace: 6 * time.Second}, stop: 5 * time.Second,
		},
		"railway with draining seconds that are none": {
			env:  with(railwayVars, "RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "a while"),
			want: Platform{Name: "railway", Deploy: "d1", Replica: "r1", Env: "railway/p1/e1", EnvName: "shop/production"}, stop: 9 * time.Second,
		},
		"railway without the names": {
			env:  map[string]string{"RAILWAY_DEPLOYMENT_ID": "d1", "RAILWAY_PROJECT_ID": "p1", "RAILWAY_ENVIRONMENT_ID": "e1"},
			host: "c0ffee",
			want: Platform{Name: "railway", Deploy: "d1", Replica: "c0ffee", Env: "railway/p1/e1", EnvName: "railway/p1/e1"}, stop: 9 * time.Second,
		},
		"railway run on a laptop is not railway": {
			env: without(railwayVars, "RAILWAY_DEPLOYMENT_ID"), host: "laptop",
			want: Platform{Deploy: "laptop", Replica: "laptop", StopGrace: UnknownGrace}, stop: 9 * time.Second,
		},
		"railway's marks count more than those of what it is built on": {
			env: with(railwayVars, "KUBERNETES_SERVICE_HOST", "10.0.0.1"), files: map[string]string{"/.dockerenv": "", "/proc/self/mountinfo": inDocker},
			want: Platform{Name: "railway", Deploy: "d1", Replica: "r1", Env: "railway/p1/e1", EnvName: "shop/production"}, stop: 9 * time.Second,
		},
		"heroku with its metadata": {
			env:  map[string]string{"DYNO": "worker.1", "HEROKU_APP_ID": "a1", "HEROKU_APP_NAME": "shop", "HEROKU_RELEASE_VERSION": "v42"},
			host: "0d1f",
			want: Platform{Name: "heroku", Deploy: "v42", Replica: "worker.1", Env: "heroku/a1", EnvName: "shop", StopGrace: 30 * time.Second}, stop: 25 * time.Second,
		},
		"heroku without its metadata": {
			env: map[string]string{"DYNO": "worker.1", "PORT": "5000"}, host: "0d1f",
			want: Platform{Name: "heroku", Deploy: "0d1f", Replica: "worker.1", StopGrace: 30 * time.Second}, stop: 25 * time.Second,
		},
		"dokku is not heroku": {
			env: map[string]string{"DYNO": "worker.1", "DOKKU_APP_NAME": "shop"}, host: "3f4c1a7be2d0", files: map[string]string{"/proc/self/mountinfo": inDocker},
			want: Platform{Name: "dokku", Deploy: "3f4c1a7be2d0", Replica: "worker.1", Env: "dokku/shop", EnvName: "shop", StopGrace: 30 * time.Second}, stop: 25 * time.Second,
		},
		"render": {
			env:  map[string]string{"RENDER": "true", "RENDER_SERVICE_ID": "srv-1", "RENDER_SERVICE_NAME": "shop", "RENDER_INSTANCE_ID": "srv-1-abc", "RENDER_GIT_COMMIT": "deadbeef"},
			want: Platform{Name: "render", Deploy: "deadbeef", Replica: "srv-1-abc", Env: "render/srv-1", EnvName: "shop", StopGrace: 30 * time.Second}, stop: 25 * time.Second,
		},
		"render with a service made from an image": {
			env: map[string]string{"RENDER": "true", "RENDER_SERVICE_ID": "srv-1", "RENDER_INSTANCE_ID": "srv-1-abc"}, host: "srv-1-abc-x",
			want: Platform{Name: "render", Deploy: "srv-1-abc-x", Replica: "srv-1-abc", Env: "render/srv-1", EnvName: "render/srv-1", StopGrace: 30 * time.Second}, stop: 25 * time.Second,
		},
		"fly ends a machine after five seconds": {
			env:  map[string]string{"FLY_APP_NAME": "shop", "FLY_MACHINE_ID": "3d8d", "FLY_MACHINE_VERSION": "01HX", "FLY_PROCESS_GROUP": "bot"},
			want: Platform{Name: "fly", Deploy: "01HX", Replica: "3d8d", Env: "fly/shop", EnvName: "shop", StopGrace: 5 * time.Second}, stop: 4 * time.Second,
		},
		"koyeb": {
			env:  map[string]string{"KOYEB_APP_NAME": "shop", "KOYEB_SERVICE_NAME": "bot", "KOYEB_SERVICE_ID": "s1", "KOYEB_REGIONAL_DEPLOYMENT_ID": "d1", "KOYEB_INSTANCE_ID": "i1"},
			want: Platform{Name: "koyeb", Deploy: "d1", Replica: "i1", Env: "koyeb/s1", EnvName: "shop/bot", StopGrace: UnknownGrace}, stop: 9 * time.Second,
		},
		"a pod of a Deployment, by its name": {
			env: map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, host: "bot-66b6c48dd5-7w8xm", files: map[string]string{namespaceFile: "shop\n", "/proc/self/mountinfo": inPod},
			want: Platform{Name: "kubernetes", Deploy: "66b6c48dd5", Replica: "bot-66b6c48dd5-7w8xm", Env: "kubernetes/shop", EnvName: "shop", StopGrace: 30 * time.Second}, stop: 25 * time.Second,
		},
		"a pod that was told its labels, on the host's network": {
			env:  map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1", "POD_TEMPLATE_HASH": "5d78c9869d", "POD_NAME": "bot-5d78c9869d-9xk2z", "POD_NAMESPACE": "shop"},
			host: "node-1",
			want: Platform{Name: "kubernetes", Deploy: "5d78c9869d", Replica: "bot-5d78c9869d-9xk2z", Env: "kubernetes/shop", EnvName: "shop", StopGrace: 30 * time.Second}, stop: 25 * time.Second,
		},
		"a pod of a StatefulSet, without an account": {
			env: map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, host: "bot-0",
			want: Platform{Name: "kubernetes", Deploy: "bot-0", Replica: "bot-0", StopGrace: 30 * time.Second}, stop: 25 * time.Second,
		},
		"a container of docker": {
			host: "3f4c1a7be2d0", files: map[string]string{"/.dockerenv": "", "/proc/self/mountinfo": inDocker},
			want: Platform{Name: "docker", Deploy: "3f4c1a7be2d0", Replica: "3f4c1a7be2d0", StopGrace: 10 * time.Second}, stop: 9 * time.Second,
		},
		"a container with a name of the owner's choice": {
			host: "bot", files: map[string]string{"/.dockerenv": "", "/proc/self/mountinfo": inDocker},
			want: Platform{Name: "docker", Deploy: "3f4c1a7be2d0", Replica: "bot", StopGrace: 10 * time.Second}, stop: 9 * time.Second,
		},
		"a container of podman": {
			host: "bot", files: map[string]string{"/run/.containerenv": "", "/proc/self/mountinfo": inPodman},
			want: Platform{Name: "docker", Deploy: "3f4c1a7be2d0", Replica: "bot", StopGrace: 10 * time.Second}, stop: 9 * time.Second,
		},
		"a container whose mounts say nothing": {
			host: "3f4c1a7be2d0", files: map[string]string{"/.dockerenv": "", "/proc/self/mountinfo": "broken\n\n1 2 3"},
			want: Platform{Name: "docker", Deploy: "3f4c1a7be2d0", Replica: "3f4c1a7be2d0", StopGrace: 10 * time.Second}, stop: 9 * time.Second,
		},
		"names are made fit to be shown": {
			env: map[string]string{"DYNO": "\x1b[31mworker.1\r\n", "HEROKU_RELEASE_VERSION": strings.Repeat("ü", 100)}, host: "h",
			want: Platform{Name: "heroku", Deploy: strings.Repeat("ü", 64), Replica: "[31mworker.1", StopGrace: 30 * time.Second}, stop: 25 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Recognise(func(n string) string { return one.env[n] }, one.host, reader(one.files))
			if got != one.want {
				t.Errorf("got  %+v\nwant %+v", got, one.want)
			}
			if d := got.StopTimeout(); d != one.stop {
				t.Errorf("a stop may take %v, want %v", d, one.stop)
			}
		})
	}
}

func reader(files map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	}
}

func with(m map[string]string, name, v string) map[string]string {
	out := maps.Clone(m)
	out[name] = v
	return out
}

func without(m map[string]string, name string) map[string]string {
	out := maps.Clone(m)
	delete(out, name)
	return out
}

func TestTheHashInAPodsName(t *testing.T) {
	for pod, want := range map[string]string{
		"bot-66b6c48dd5-7w8xm":                "66b6c48dd5",
		"my-long-bot-7d64f4b8c7-zz2x9":        "7d64f4b8c7",
		"bot-5c689d88bb-9b2xd":                "5c689d88bb",
		"bot-7w8xm":                           "", // a DaemonSet
		"bot-0":                               "", // a StatefulSet
		"bot":                                 "",
		"":                                    "",
		"66b6c48dd5-7w8xm":                    "", // no name before it
		"bot-66b6c48dd5-7w8x":                 "", // too short an end
		"bot-66b6c48dd5-7w8xa":                "", // vowels are never made
		"bot-1234567890-7w8xm":                "", // nor these digits
		"gke-main-default-pool-1a2b3c4d-x7kq": "", // a node
		"bot-28961234-q8x2z":                  "", // a CronJob: minutes, with digits a hash has not
		"bot-66b6c48dd54-7w8xm":               "", // more digits than 32 bits have
		"a-very-long-name-cut-at-58-66b6c48d7w8xm": "",
		"--": "",
	} {
		if got := templateHash(pod); got != want {
			t.Errorf("%q: %q, want %q", pod, got, want)
		}
	}
}

func TestAStopIsOverBeforeItsGrace(t *testing.T) {
	for grace, want := range map[time.Duration]time.Duration{
		UnknownGrace: 9 * time.Second, 0: 9 * time.Second, // nothing to be done about it
		time.Second: time.Second / 2, 2 * time.Second: time.Second, 5 * time.Second: 4 * time.Second, 9 * time.Second: 8 * time.Second,
		10 * time.Second: 9 * time.Second, 15 * time.Second: 9 * time.Second, 30 * time.Second: 25 * time.Second, time.Hour: 25 * time.Second,
	} {
		if got := (Platform{StopGrace: grace}).StopTimeout(); got != want {
			t.Errorf("with %v to stop: %v, want %v", grace, got, want)
		}
	}
}

// FuzzRecognise: whatever variables and files hold, what comes out is short, can be shown, and names a deploy.
func FuzzRecognise(f *testing.F) {
	f.Add("d1", "host", inDocker, uint8(0))
	f.Add("bot-66b6c48dd5-7w8xm", "", inPod, uint8(6))
	f.Add("\xff\x00\n", "h", "\xff /etc/hosts", uint8(255))
	marks := []string{"RAILWAY_DEPLOYMENT_ID", "RENDER", "FLY_APP_NAME", "FLY_MACHINE_ID", "KOYEB_APP_NAME", "DYNO", "KUBERNETES_SERVICE_HOST", "DOKKU_APP_NAME"}
	f.Fuzz(func(t *testing.T, value, hostname, file string, which uint8) {
		getenv := func(name string) string {
			for i, m := range marks {
				if m == name && which&(1<<i) == 0 {
					return ""
				}
			}
			return value
		}
		p := Recognise(getenv, hostname, func(string) ([]byte, error) { return []byte(file), nil })
		if clean(hostname) != "" && p.Deploy == "" {
			t.Errorf("%+v: no deploy", p)
		}
		for _, s := range []string{p.Name, p.Deploy, p.Replica, p.Env, p.EnvName} {
			if len(s) > 3*maxName || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q cannot be shown", s)
			}
		}
		if d := p.StopTimeout(); d <= 0 || d > longStopTime || p.StopGrace > 0 && d >= p.StopGrace {
			t.Errorf("a stop may take %v of %v", d, p.StopGrace)
		}
	})
}
