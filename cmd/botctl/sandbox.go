package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"botctl/bot/sandbox"
	"botctl/supervisor"
	"botctl/supervisor/policy"
	"botctl/supervisor/token"
)

// sandboxRecord is the file in the state folder by which a second terminal finds the sandbox.
const sandboxRecord = "sandbox.json"

// record is its content. The newest sandbox wins.
type record struct {
	URL string `json:"url"`
	Bot string `json:"bot,omitempty"` // id
	PID int    `json:"pid"`
}

func writeRecord(dir string, r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, sandboxRecord)
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err = os.WriteFile(tmp, append(b, '\n'), 0o600); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return fail(exitLock, fmt.Errorf("sandbox record %q: %w", path, pathCause(err))).hint(stateHint)
	}
	return nil
}

// removeRecord leaves that of a newer sandbox.
func removeRecord(dir, url string) {
	if r, err := readRecord(dir); err == nil && r.URL == url {
		os.Remove(filepath.Join(dir, sandboxRecord))
	}
}

func readRecord(dir string) (record, error) {
	var r record
	path := filepath.Join(dir, sandboxRecord)
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = os.ErrInvalid // a pipe would keep us waiting
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(path)
	}
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil || r.URL == "" {
		return r, fail(exitNotRunning, errors.New("no sandbox is running")).hint(startSandboxHint)
	}
	return r, nil
}

const startSandboxHint = `start one: "botctl run --sandbox" or "botctl sandbox"`

// sandboxError is what went wrong with the sandbox at base: nobody listens, or somebody else does.
func sandboxError(base string, err error) error {
	what := fmt.Sprintf("sandbox at %s", withoutUser(base))
	ne, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return fail(exitFailed, fmt.Errorf("%s: interrupted", what))
	case errors.Is(err, context.DeadlineExceeded), isNet && ne.Timeout():
		return fail(exitCannotTell, fmt.Errorf("%s: no answer in time", what))
	case notThere(err):
		return fail(exitNotRunning, fmt.Errorf("%s: %w", what, bareCause(err))).hint(startSandboxHint)
	}
	if said, ok := strings.CutPrefix(err.Error(), "sandbox: "); ok && errors.Unwrap(err) == nil {
		return fail(exitFailed, fmt.Errorf("%s: %s", what, said)).hint("a bot is pointed at it by TELEGRAM_API_BASE=" + withoutUser(base))
	}
	return fail(exitCannotTell, fmt.Errorf("%s: not an answer of a sandbox", what))
}

// bareCause is what the system said, without the call that failed.
func bareCause(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// embedded is the sandbox inside "botctl run --sandbox".
type embedded struct {
	server *sandbox.Server
	url    string
	id     string // of the bot
	dir    string
	store  string // folder of the bundled bot's store; "" when that has a folder of its own
	cancel context.CancelFunc
	ended  <-chan struct{}
	done   sync.WaitGroup
}

// quietFor is how long a bot may take to call the sandbox before botctl says that it has not.
const quietFor = 15 * time.Second

// startSandbox listens on loopback and points the child at it, with a token of the sandbox.
func startSandbox(ctx context.Context, opts *supervisor.Options) (*embedded, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fail(exitFailed, fmt.Errorf("sandbox: %w", err))
	}
	tok := token.Token(sandbox.NewToken())
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	box := &embedded{
		server: sandbox.New(sandbox.Options{Tokens: []string{tok.Reveal()}}),
		url:    "http://" + ln.Addr().String(), id: tok.ID(), dir: opts.StateDir, cancel: cancel, ended: ctx.Done(),
	}
	box.done.Go(func() { box.server.Serve(ctx, ln) })
	if err := writeRecord(box.dir, record{URL: box.url, Bot: box.id, PID: os.Getpid()}); err != nil {
		box.stop()
		return nil, err
	}
	opts.Token, opts.TokenSource, opts.APIBase, opts.Sandbox = tok, "the sandbox", box.url, true
	opts.Env = sandboxEnv(opts.Env, box.url, tok)
	if opts.Path != "" && lookupEnv(opts.Env)(envBotState) == "" { // what the bundled bot keeps of a trial goes with it
		if box.store, err = os.MkdirTemp("", "botctl-sandbox-"); err != nil {
			box.stop()
			return nil, fail(exitLock, fmt.Errorf("sandbox: %w", err)).hint(envBotState + " names a folder for what the bundled bot keeps")
		}
		opts.Env = setEnv(opts.Env, envBotState, box.store)
	}
	return box, nil
}

// sandboxEnv replaces whatever token and server the owner's environment names: nothing of a trial
// may reach the real bot.
func sandboxEnv(env []string, url string, tok token.Token) []string {
	replaced := append([]string{"TELEGRAM_API_BASE", "BOTCTL_API_URL", "TELOXIDE_API_URL", "TOKEN"}, token.EnvNames...)
	env = slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, v, _ := strings.Cut(kv, "=")
		return slices.Contains(replaced, name) && (name != "TOKEN" || token.LooksReal(v))
	})
	for _, name := range []string{"TELEGRAM_API_BASE", "BOTCTL_API_URL", "TELOXIDE_API_URL"} {
		env = append(env, name+"="+url)
	}
	for _, name := range []string{"TELEGRAM_BOT_TOKEN", "BOT_TOKEN", "TELEGRAM_TOKEN"} {
		env = append(env, name+"="+tok.Reveal())
	}
	noProxy := "NO_PROXY=127.0.0.1"
	if old := lookupEnv(env)("NO_PROXY"); old != "" {
		noProxy += "," + old
	}
	return append(env, noProxy)
}

// watch says how to talk to the bot, and when the bot has not called.
func (b *embedded) watch(opts *supervisor.Options) {
	log := opts.Log
	log.Info(`the sandbox is a local Telegram; in a second terminal: botctl sandbox send "/start"`, "url", b.url)
	var once sync.Once
	opts.Observe = func(_ policy.State, ev policy.Event) {
		if _, started := ev.(policy.ChildStarted); !started {
			return
		}
		once.Do(func() {
			timer := time.AfterFunc(quietFor, func() {
				log.Warn("the bot has not called the sandbox in 15s: it must use the server in TELEGRAM_API_BASE and the token in TELEGRAM_BOT_TOKEN or BOT_TOKEN")
			})
			b.done.Go(func() {
				select {
				case <-b.server.FirstCall():
				case <-b.ended:
				}
				timer.Stop()
			})
		})
	}
}

func (b *embedded) stop() {
	removeRecord(b.dir, b.url)
	b.cancel()
	b.done.Wait()
	if b.store != "" {
		os.RemoveAll(b.store)
	}
}

func newSandboxCmd() *cobra.Command {
	var port int
	var readyFile string
	var tokens []string
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Serve a local Telegram Bot API on loopback",
		Long: `sandbox serves a Bot API on loopback that behaves like the real one where polling bots
get hurt: one poll per token, 409 conflicts, offsets, webhooks. Point a bot at it with
TELEGRAM_API_BASE. Any token of the form 123:abc is accepted, or exactly the given ones.

Open its address in a browser to chat with the bot, to watch its poll and to bring it into
trouble. The verbs below do the same from a shell.`,
		Example: `  botctl sandbox --port 8081
  botctl sandbox --port 0 --ready-file base-url.txt
  botctl sandbox send "/start"
  botctl sandbox fault 409 --count 3
  botctl sandbox verdict --assert`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, text := range tokens {
				if _, err := token.Parse(text); err != nil {
					return usageError(fmt.Errorf("flag --token: %w", err))
				}
			}
			return serveSandbox(cmd, port, readyFile, tokens)
		},
	}
	cmd.Flags().IntVar(&port, "port", 8081, "port on 127.0.0.1; 0: any free one")
	cmd.Flags().StringVar(&readyFile, "ready-file", "", "write the base URL into this file once it listens")
	cmd.Flags().StringArrayVar(&tokens, "token", nil, "a sandbox token to accept, and no others; may be repeated")
	cmd.AddCommand(newSandboxSendCmd(), newSandboxFaultCmd(), newSandboxVerdictCmd(), newSandboxResetCmd())
	return cmd
}

func serveSandbox(cmd *cobra.Command, port int, readyFile string, tokens []string) error {
	if port < 0 || port > 65535 {
		return usageError(fmt.Errorf(`flag --port "%d": want 0 to 65535`, port))
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fail(exitFailed, fmt.Errorf("listen on %s: %w", addr, bareCause(err))).hint("--port 0 takes a free one")
	}
	defer ln.Close()
	url := "http://" + ln.Addr().String()
	dir, err := stateDir()
	if err != nil {
		return err
	}
	if err := writeRecord(dir, record{URL: url, PID: os.Getpid()}); err != nil {
		return err
	}
	defer removeRecord(dir, url)
	if readyFile != "" {
		if err := os.WriteFile(readyFile, []byte(url+"\n"), 0o600); err != nil {
			return fail(exitFailed, fmt.Errorf("ready file %q: %w", readyFile, pathCause(err)))
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "botctl: sandbox at %s (open it in a browser); run a bot with TELEGRAM_API_BASE=%s\n", url, url)
	if err := sandbox.New(sandbox.Options{Tokens: tokens}).Serve(ctx, ln); err != nil {
		return fail(exitFailed, fmt.Errorf("serve on %s: %w", addr, bareCause(err)))
	}
	return nil
}

// sandboxClient finds the sandbox by --url or by its record.
func sandboxClient(url string) (*sandbox.Client, string, error) {
	if url != "" {
		if err := validBase(url); err != nil {
			return nil, "", usageError(fmt.Errorf("flag --url %q: want %w", withoutUser(url), err))
		}
		return &sandbox.Client{Base: strings.TrimRight(url, "/")}, "", nil
	}
	dir, err := stateDir()
	if err != nil {
		return nil, "", err
	}
	r, err := readRecord(dir)
	return &sandbox.Client{Base: r.URL}, r.Bot, err
}
