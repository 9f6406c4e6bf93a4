package sandbox_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"botctl/bot/sandbox"
)

// TestPage walks the chat page in a real browser.
func TestPage(t *testing.T) {
	b := startBrowser(t)
	run := func(t *testing.T, test func(*testing.T, *browser)) { test(t, b) }
	together(t, map[string]func(*testing.T, *browser){
		"walk": testPageWalk, "hostile": testPageHostile, "keyboard": testPageKeyboard, "drawers": testPageDrawers,
		"gone": testPageGone, "many": testPageMany, "trouble": testPageTrouble, "look": testPageLook,
	}, run)
	t.Run("flood", func(t *testing.T) { testPageFlood(t, b) }) // by itself: it counts what is done in a second
}

// comesWithin is how long a test waits for something that must come.
const comesWithin = 40 * time.Second

// browser is the one Chromium of all tests of the page.
type browser struct{ ctx context.Context }

// startBrowser skips the test where there is no Chromium; with CI set that is a failure.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("no chromium, chromium-browser or google-chrome is installed")
		}
		t.Skip("no chromium, chromium-browser or google-chrome is installed")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile(t)),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("process-per-site", true), // every tab is a page of 127.0.0.1: one process renders them all
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, _ := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		end, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		chromedp.Cancel(end)
		stop()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return &browser{ctx}
}

// profile is a fresh folder. Chromium's children may still write there when it has ended, so t.TempDir, which
// fails then, will not do.
func profile(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "botctl-page-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 50 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
	return dir
}

// together runs tests at the same time, more than there are processors: they mostly wait.
func together[V any](t *testing.T, tests map[string]V, run func(*testing.T, V)) {
	var all sync.WaitGroup
	for name, test := range tests {
		all.Go(func() { t.Run(name, func(t *testing.T) { run(t, test) }) })
	}
	all.Wait()
}

// screen is what a page is shown on.
type screen struct {
	width, height int64
	phone         bool
	theme         string
}

var desktop = screen{width: 1280, height: 800, theme: "light"}

// tab is one page in a window of its own; its server's port keeps its storage apart. It fails its test at the end when the page has complained or
// has asked anybody else for anything.
type tab struct {
	t     *testing.T
	ctx   context.Context
	base  string
	shots string // the folder of screenshots: what BOTCTL_TEST_SHOTS names, else the test's artifacts
	eager bool   // screenshots are asked for; else only a failure has one, for they take a third of the time

	mu       sync.Mutex
	problems []string
	requests []string
	expected []string // parts of complaints that the test provokes
}

// open shows the page of the server at base.
func (b *browser) open(t *testing.T, base string, on screen) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	p := &tab{t: t, ctx: ctx, base: base, shots: os.Getenv("BOTCTL_TEST_SHOTS")}
	p.eager = p.shots != "" || flag.Lookup("test.artifacts").Value.String() == "true"
	if p.shots == "" {
		p.shots = t.ArtifactDir()
	}
	t.Cleanup(func() {
		if t.Failed() {
			p.shot("failed")
		}
		cancel()
		p.check()
	})
	if err := chromedp.Listen(ctx, p.note); err != nil {
		t.Fatal(err)
	}
	scale := 1.0
	if on.phone && p.eager {
		scale = 2 // for the eye; it takes longer to draw
	}
	command(p, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: on.width, Height: on.height, DeviceScaleFactor: scale, Mobile: on.phone})
	command(p, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: on.phone})
	command(p, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	command(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: on.theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	command(p, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `addEventListener('securitypolicyviolation', (e) => console.error('violation of ' + e.violatedDirective + ': ' + e.blockedURI));`,
	})
	p.do(chromedp.Navigate(base + "/"))
	p.wait(`document.documentElement.dataset.ready`)
	return p
}

// judgedBy lets a subtest fail for what is on the page, until the returned function is called.
func (p *tab) judgedBy(t *testing.T) (restore func()) {
	before := p.t
	p.t = t
	return func() { p.t = before }
}

func command[P, R any](p *tab, c cdp.Command[P, R], params P) {
	p.t.Helper()
	if _, err := chromedp.Call(p.ctx, c, params); err != nil {
		p.t.Fatalf("%s: %v", c.Method, err)
	}
}

// note keeps what the page asks for and complains of.
func (p *tab) note(ev any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	problem := ""
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, ev.Request.URL)
	case *runtime.EventExceptionThrown:
		problem = "exception: " + ev.ExceptionDetails.Text
		if ev.ExceptionDetails.Exception != nil {
			problem += " " + ev.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		for _, arg := range ev.Args {
			problem += "console: " + string(arg.Value) + arg.Description
		}
	case *log.EventEntryAdded:
		problem = "log: " + ev.Entry.Text
	case *page.EventJavascriptDialogOpening:
		problem = "dialog: " + ev.Message
	}
	if problem != "" {
		p.problems = append(p.problems, problem)
	}
}

// check looks for what must not have happened on any page.
func (p *tab) check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.requests {
		if !strings.HasPrefix(u, p.base+"/") {
			p.t.Errorf("the page asked for %s", u)
		}
	}
next:
	for _, problem := range p.problems {
		for _, part := range p.expected {
			if strings.Contains(problem, part) {
				continue next
			}
		}
		p.t.Errorf("the page complained: %s", problem)
	}
}

func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, comesWithin)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// value evaluates an expression of the page.
func value[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, comesWithin)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// waiter resolves once an expression is true. Every change of the page asks again; the clock does for what
// is no change of the document, as the focus.
const waiter = `new Promise((resolve) => {
	const test = () => {
		try { if (!(%s)) return; } catch { return; }
		seen.disconnect(); clearInterval(clock); resolve(true);
	};
	const seen = new MutationObserver(test);
	seen.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
	const clock = setInterval(test, 40);
	test();
})`

// wait waits until an expression of the page is true.
func (p *tab) wait(expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, comesWithin)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](fmt.Sprintf(waiter, expression), chromedp.EvalAwaitPromise)); err != nil {
		p.t.Fatalf("it never came that %s: %v\n%s", expression, err, p.told())
	}
}

// told is what stands on the page, for a failure.
func (p *tab) told() string {
	ctx, cancel := context.WithTimeout(p.ctx, 2*time.Second)
	defer cancel()
	s, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`['#head-title', '#log', '#text', '#toasts', '#poll-state', '#faults', '#requests', 'dialog']
		.map((s) => document.querySelector(s)).filter(Boolean).map((el) => '#' + el.id + ': ' + (el.value ?? el.innerText)).join('\n')`))
	return s[max(0, len(s)-2000):]
}

// waitText waits until an element has a text somewhere in it.
func (p *tab) waitText(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`[...document.querySelectorAll(%s)].some((el) => el.textContent.includes(%s))`, quoted(selector), quoted(text)))
}

func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// click clicks as a person does, who tries again when a new view has moved the thing away from under the pointer.
func (p *tab) click(selector string) {
	p.t.Helper()
	for range 5 {
		p.do(chromedp.ScrollIntoView(selector))
		value[bool](p, `(window.hit = false, document.querySelector(`+quoted(selector)+`).addEventListener('click', () => { window.hit = true; }, { once: true, capture: true }), true)`)
		p.do(chromedp.Click(selector, chromedp.NodeVisible))
		if value[bool](p, `window.hit`) {
			return
		}
	}
	p.t.Fatalf("%s is never hit", selector)
}

// keys types as a keyboard does: one event brings a key down and its character, so that a page which
// handles the key keeps the character away. chromedp.KeyEvent sends the two apart.
func (p *tab) keys(keys string, mods ...chromedp.Modifier) {
	p.t.Helper()
	var held int64
	for _, mod := range mods {
		held |= int64(mod)
	}
	for _, r := range keys {
		k := kb.Keys[r]
		if k == nil {
			p.t.Fatalf("no key for %q", r)
		}
		down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Modifiers: held, Key: k.Key, Code: k.Code, WindowsVirtualKeyCode: k.Windows}
		if k.Shift {
			down.Modifiers |= int64(chromedp.ModifierShift)
		}
		up := down
		up.Type = input.DispatchKeyEventTypeKeyUp
		if held&^int64(chromedp.ModifierShift) == 0 {
			down.Text, down.UnmodifiedText = k.Text, k.Unmodified
		}
		command(p, input.DispatchKeyEvent, down)
		command(p, input.DispatchKeyEvent, up)
	}
}

// write puts a text into the box and sends it.
func (p *tab) write(text string) {
	p.t.Helper()
	p.do(chromedp.Focus("#text"))
	command(p, input.InsertText, input.InsertTextParams{Text: text})
	p.keys(kb.Enter)
}

// shot keeps a screenshot.
func (p *tab) shot(name string) {
	if !p.eager && !p.t.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, comesWithin)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Logf("screenshot: %v", err)
		return
	}
	file := filepath.Join(p.shots, strings.NewReplacer("/", "-", " ", "-").Replace(p.t.Name())+"-"+name+".png")
	if err := os.WriteFile(file, png, 0o644); err != nil {
		p.t.Log(err)
	}
}

// servePage serves a sandbox until its tabs are closed.
func servePage(t *testing.T) (*sandbox.Server, string) {
	t.Helper()
	s := sandbox.New(sandbox.Options{})
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return s, srv.URL
}
