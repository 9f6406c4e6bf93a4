package main

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// From the files, as long as no registry has them: npm asks for the other platforms' packages there, and does without.
func TestNPMPackagesFromFilesRunABot(t *testing.T) {
	t.Parallel()
	empty := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(empty.Close)
	o := newNodeOwner(t, empty.URL)
	o.write("package.json", `{"name": "mybot", "private": true}`)
	o.does("npm", "install", mine(t, "botctl-linux-%s-*.tgz", "x64", "arm64"), npmMain(t))
	botctl := filepath.Join(o.dir, "node_modules", ".bin", "botctl")
	o.path = append(o.path, filepath.Dir(botctl))
	code, ran := o.runsABot(botctl, "botctl", "run", "--sandbox", "--", "node", "bot.js")
	if want := "/node_modules/@botctl/" + host().os + "-" + host().cpu() + "/bin/botctl"; code != 0 || ran != o.dir+want {
		t.Errorf("code %d; the signal went to %s, want %s", code, ran, want)
	}
}

// From a registry npm takes the package of this platform and no other. npm starts a shell, passes SIGTERM to it and waits for it:
// with exec that is botctl. Without exec it is a shell that dies, and npm with it, while botctl hears nothing.
func TestNPMPackagesFromARegistryRunABot(t *testing.T) {
	t.Parallel()
	for name, start := range map[string][]string{
		"npm start": {"npm", "start"},
		"npx":       {"npx", "-c", "exec botctl run --sandbox -- node bot.js"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newNodeOwner(t, registry(t))
			o.write("package.json", `{"name": "mybot", "private": true, "scripts": {"start": "exec botctl run --sandbox -- node bot.js"}}`)
			o.does("npm", "install", "botctl")
			installed, err := os.ReadDir(filepath.Join(o.dir, "node_modules", "@botctl"))
			if err != nil || len(installed) != 1 || installed[0].Name() != host().os+"-"+host().cpu() {
				t.Errorf("installed are %v, %v", installed, err)
			}
			code, _ := o.runsABot(filepath.Join(o.dir, "node_modules", ".bin", "botctl"), start...)
			if code != 0 {
				t.Errorf("code %d", code)
			}
		})
	}
}

func TestNPMGlobally(t *testing.T) {
	t.Parallel()
	o := newNodeOwner(t, registry(t))
	prefix := filepath.Join(o.dir, "prefix")
	o.does("npm", "install", "--global", "--prefix", prefix, "botctl")
	o.path = append(o.path, filepath.Join(prefix, "bin"))
	if got := o.does("botctl", "version"); !strings.HasPrefix(got, "botctl v") {
		t.Errorf("%q", got)
	}
}

func TestNPMWithoutThePlatformPackageSaysSo(t *testing.T) {
	t.Parallel()
	o := newNodeOwner(t, registry(t))
	o.write("package.json", `{"name": "mybot", "private": true}`)
	o.does("npm", "install", "--omit=optional", "botctl")
	o.path = append(o.path, filepath.Join(o.dir, "node_modules", ".bin"))
	run := o.starts("botctl", "version")
	if code := run.ends(); code != 127 || !strings.Contains(run.out.String(), "is not installed") {
		t.Errorf("code %d: %s", code, run.out)
	}
}

func newNodeOwner(t *testing.T, registry string) *owner {
	t.Helper()
	o := newOwner(t, "node", "npm", "npx")
	o.env = append(o.env, "NODE_PATH="+tools(t, "node", "node_modules"), "npm_config_registry="+registry,
		"npm_config_audit=false", "npm_config_fund=false", "npm_config_update_notifier=false")
	o.bot("caught.js", "bot.js")
	return o
}

func npmMain(t *testing.T) string {
	t.Helper()
	return made(t, "botctl-[0-9]*.tgz")
}

// registry serves the packages as npm's does. Those of other platforms are described and must not be asked for.
func registry(t *testing.T) string {
	t.Helper()
	answers := map[string]func(w http.ResponseWriter){} // by path, unescaped: npm writes %2f within a name
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answer, ok := answers[r.URL.Path]; ok {
			answer(w)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(srv.Close)
	add := func(m manifest, tarball string) {
		dist := map[string]string{"tarball": srv.URL + "/files/none.tgz"}
		if tarball != "" {
			data, err := os.ReadFile(tarball)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha512.Sum512(data)
			dist["integrity"] = "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
			dist["tarball"] = srv.URL + "/files/" + filepath.Base(tarball)
			answers["/files/"+filepath.Base(tarball)] = func(w http.ResponseWriter) { w.Write(data) }
		}
		version := struct {
			manifest
			Dist map[string]string `json:"dist"`
		}{m, dist}
		answers["/"+m.Name] = func(w http.ResponseWriter) {
			json.NewEncoder(w).Encode(map[string]any{
				"name": m.Name, "dist-tags": map[string]string{"latest": m.Version}, "versions": map[string]any{m.Version: version},
			})
		}
	}
	answers["/files/none.tgz"] = func(w http.ResponseWriter) {
		t.Error("npm asks for the package of another platform")
		w.WriteHeader(http.StatusNotFound)
	}
	main := packageJSON(t, npmMain(t))
	add(main, npmMain(t))
	for _, p := range platforms {
		m := manifest{Name: "@botctl/" + p.os + "-" + p.cpu(), Version: main.Version, OS: []string{p.os}, CPU: []string{p.cpu()}}
		tarball := ""
		if p == host() {
			tarball = mine(t, fmt.Sprintf("botctl-%s-%%s-*.tgz", p.os), "x64", "arm64")
			if m = packageJSON(t, tarball); m.Version != main.Version {
				t.Fatalf("%s is of version %s, botctl of %s", m.Name, m.Version, main.Version)
			}
		}
		if main.OptionalDependencies[m.Name] != m.Version {
			t.Errorf("botctl does not depend on %s %s: %v", m.Name, m.Version, main.OptionalDependencies)
		}
		add(m, tarball)
	}
	return srv.URL
}

func packageJSON(t *testing.T, tarball string) manifest {
	t.Helper()
	var m manifest
	text := command(t, "", os.Environ(), "tar", "-xzOf", tarball, "package/package.json")
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}
