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
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func readRecord(dir string) (record, error) {
	var r record
	b, err := os.ReadFile(filepath.Join(dir, sandboxRecord))
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil || r.URL == "" {
		return r, fail(exitNotRunning, errors.New("no sandbox is running")).hint(`start one: "botctl run --sandbox" or "botctl sandbox"`)
	}
	return r, nil
}

// embedded is the sandbox inside "botctl run --sandbox".
type embedded struct {
	server *sandbox.Server
	url    string
	id     string // of the bot
	dir    string
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
		return nil, fail(exitLock, fmt.Errorf("sandbox record: %w", err))
	}
	opts.Token, opts.TokenSource, opts.APIBase, opts.Sandbox = tok, "the sandbox", box.url, true
	opts.Env = sandboxEnv(opts.Env, box.url, tok)
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
	if r, err := readRecord(b.dir); err == nil && r.URL == b.url {
		os.Remove(filepath.Join(b.dir, sandboxRecord))
	}
	b.cancel()
	b.done.Wait()
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
TELEGRAM_API_BASE. Any token of the form 123:abc is accepted, or exactly the given ones.`,
		Example: `  botctl sandbox --port 8081
  botctl sandbox --port 0 --ready-file base-url.txt
  botctl sandbox send "/start"
  botctl sandbox verdict`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if err != nil {
				return fail(exitFailed, fmt.Errorf("sandbox: %w", err)).hint("--port 0 takes a free one")
			}
			url := "http://" + ln.Addr().String()
			dir, err := stateDir()
			if err != nil {
				return err
			}
			if err := writeRecord(dir, record{URL: url, PID: os.Getpid()}); err != nil {
				return fail(exitLock, fmt.Errorf("sandbox record: %w", err))
			}
			if readyFile != "" {
				if err := os.WriteFile(readyFile, []byte(url+"\n"), 0o600); err != nil {
					return fail(exitFailed, fmt.Errorf("ready file: %w", err))
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "botctl: sandbox at %s; run a bot with TELEGRAM_API_BASE=%s\n", url, url)
			if err := sandbox.New(sandbox.Options{Tokens: tokens}).Serve(ctx, ln); err != nil {
				return fail(exitFailed, fmt.Errorf("sandbox: %w", err))
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&port, "port", 8081, "port on 127.0.0.1; 0: any free one")
	cmd.Flags().StringVar(&readyFile, "ready-file", "", "write the base URL into this file once it listens")
	cmd.Flags().StringArrayVar(&tokens, "token", nil, "a sandbox token to accept, and no others; may be repeated")
	cmd.AddCommand(newSandboxSendCmd(), newSandboxVerdictCmd())
	return cmd
}

// sandboxClient finds the sandbox by --url or by its record.
func sandboxClient(url string) (*sandbox.Client, string, error) {
	if url != "" {
		return &sandbox.Client{Base: strings.TrimRight(url, "/")}, "", nil
	}
	dir, err := stateDir()
	if err != nil {
		return nil, "", err
	}
	r, err := readRecord(dir)
	return &sandbox.Client{Base: r.URL}, r.Bot, err
}

func newSandboxSendCmd() *cobra.Command {
	var url, bot string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:     "send TEXT",
		Short:   "Write to the bot as a person would, and show its answer",
		Example: `  botctl sandbox send "/start"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, known, err := sandboxClient(url)
			if err != nil {
				return err
			}
			if bot == "" {
				bot = known
			}
			after, err := c.Send(cmd.Context(), bot, args[0])
			if err != nil {
				return fail(exitNotRunning, err).hint(`start one: "botctl run --sandbox"`)
			}
			list, err := c.Messages(cmd.Context(), after, wait)
			if err != nil {
				return fail(exitFailed, err)
			}
			if len(list) == 0 {
				return fail(exitFailed, fmt.Errorf("no answer in %v", wait)).hint(`"botctl status" shows how the bot is, "botctl logs" what it printed`)
			}
			for _, m := range list {
				fmt.Fprintln(cmd.OutOrStdout(), m.Text)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "the sandbox (default: the one that was started last)")
	cmd.Flags().StringVar(&bot, "bot", "", "bot id, when the sandbox serves several")
	cmd.Flags().DurationVar(&wait, "wait", 15*time.Second, "how long to wait for the answer, at most 60s")
	return cmd
}

func newSandboxVerdictCmd() *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:     "verdict",
		Short:   "Print what the sandbox has seen, as JSON: conflicts, overlaps, losses",
		Example: "  botctl sandbox verdict",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, _, err := sandboxClient(url)
			if err != nil {
				return err
			}
			v, err := c.Verdict(cmd.Context())
			if err != nil {
				return fail(exitNotRunning, err)
			}
			return writeJSON(cmd.OutOrStdout(), v)
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "the sandbox (default: the one that was started last)")
	return cmd
}
