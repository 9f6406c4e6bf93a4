package bot

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"botctl/bot/digest"
	"botctl/bot/prices"
	"botctl/bot/sandbox"
)

// Environment of the bot that the test binary plays for TestKilledAroundTheSend.
const (
	playToken = "BOT_TEST_TOKEN"
	playBase  = "BOT_TEST_BASE"
	playPrice = "BOT_TEST_PRICES"
	playState = "BOT_TEST_STATE"
	playNow   = "BOT_TEST_NOW" // Unix seconds
)

func TestMain(m *testing.M) {
	if token := os.Getenv(playToken); token != "" {
		os.Exit(play(token))
	}
	os.Exit(m.Run())
}

// play is the bot as a process of its own, at a fixed time of day.
func play(token string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	seconds, err := strconv.ParseInt(os.Getenv(playNow), 10, 64)
	if err == nil {
		err = Run(ctx, Config{
			Token: token, APIBase: os.Getenv(playBase), StateDir: os.Getenv(playState), DigestAt: 9 * 60,
			Prices: prices.Config{GeckoBase: os.Getenv(playPrice), PaprikaBase: os.Getenv(playPrice)},
			now:    func() time.Time { return time.Unix(seconds, 0) },
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// start runs the bot as a process, on the day of now. A user whose update waits for it has the first poll answered at
// once.
func (s *stage) start(now time.Time) (bot *exec.Cmd, user int64) {
	s.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{
		playToken + "=" + s.token, playBase + "=" + s.base, playPrice + "=" + s.market.url, playState + "=" + s.cfg.StateDir,
		playNow + "=" + strconv.FormatInt(now.Unix(), 10),
	}
	cmd.Stderr = &s.log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { cmd.Process.Kill() })
	user = 100_000 + rand.Int64N(1_000_000_000)
	if _, err := s.box.Write(s.t.Context(), sandbox.Text{Text: "/nosuch", User: user}); err != nil {
		s.t.Fatal(err)
	}
	return cmd, user
}

// Killed a hundred times around the send, the bot misses no chat. A second digest is possible where the kill came
// between Telegram's answer and the record; how many there were is logged.
func TestKilledAroundTheSend(t *testing.T) {
	t.Parallel()
	const days, killsADay = 20, 5
	s := newStage(t)
	var chats []int64
	for i := range int64(20) {
		chats = append(chats, 11+i)
	}
	s.subscribed(chats...)
	count := map[int64]int{}
	twice := 0
	for day := range days {
		s.market.plain(day > 0) // a chart takes its time; one day has it
		now := nine.AddDate(0, 0, day).Add(time.Minute)
		title := "Crypto digest · " + digest.Moment(now)
		for range killsADay {
			bot, _ := s.start(now)
			s.digests(title, rand.IntN(len(chats)), count)
			<-time.After(rand.N(5 * time.Millisecond)) // any moment of a send
			bot.Process.Kill()
			bot.Wait()
		}
		bot, user := s.start(now)
		s.digests(title, len(chats), count)
		eventually(t, func() bool {
			list, _ := s.box.Messages(t.Context(), 0, 0)
			return slices.ContainsFunc(list, func(m sandbox.Sent) bool { return m.Chat == user })
		}, func() string { return "an answer\n" + s.log.String() })
		bot.Process.Signal(syscall.SIGTERM)
		if err := bot.Wait(); err != nil {
			t.Errorf("end in order: %v\n%s", err, s.log.String())
		}
		s.digests(title, 0, count)
		for chat, n := range count {
			twice += n - 1
			if n > 1+killsADay {
				t.Errorf("chat %d got its digest %d times with %d kills", chat, n, killsADay)
			}
		}
	}
	t.Logf("%d digests, %d kills, %d of them came a second time", days*len(chats), days*killsADay, twice)
}

// digests counts the digests of a day by chat, once there are n of them, or all chats have theirs.
func (s *stage) digests(title string, n int, count map[int64]int) {
	s.t.Helper()
	eventually(s.t, func() bool {
		list, err := s.box.Messages(s.t.Context(), 0, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		clear(count)
		for _, m := range list {
			if strings.HasPrefix(m.Text, title) {
				count[m.Chat]++
			}
		}
		return len(count) >= n
	}, func() string { return fmt.Sprintf("%d digests; there are %v\n%s", n, count, s.log.String()) })
}
