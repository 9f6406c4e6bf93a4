package supervisor

import (
	"slices"
	"testing"

	"botctl/supervisor/gateway"
	"botctl/supervisor/token"
)

func TestTheChildIsLedToTheGateway(t *testing.T) {
	const at = "http://127.0.0.1:4711"
	for _, tc := range []struct {
		name string
		env  []string
		want map[string]string
	}{
		{"nothing set", nil, map[string]string{"TELEGRAM_API_BASE": at, "BOTCTL_API_URL": at, "TELOXIDE_API_URL": at, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}},
		{"a server of the owner's", []string{"TELEGRAM_API_BASE=http://api.test"}, map[string]string{"TELEGRAM_API_BASE": at}},
		{"the same for teloxide", []string{"TELOXIDE_API_URL=http://api.test/"}, map[string]string{"TELOXIDE_API_URL": at}},
		{"another for teloxide alone", []string{"TELOXIDE_API_URL=http://other.test"}, map[string]string{"TELOXIDE_API_URL": "http://other.test", "TELEGRAM_API_BASE": at}},
		{"exceptions", []string{"no_proxy=corp.test"}, map[string]string{"no_proxy": "corp.test,127.0.0.1", "NO_PROXY": "corp.test,127.0.0.1"}},
		{"two lists", []string{"NO_PROXY=a.test", "no_proxy=b.test"}, map[string]string{"NO_PROXY": "a.test,127.0.0.1", "no_proxy": "b.test,127.0.0.1"}},
		{"everything direct", []string{"NO_PROXY=*"}, map[string]string{"NO_PROXY": "*"}},
		{"it is there already", []string{"NO_PROXY=x,127.0.0.1"}, map[string]string{"NO_PROXY": "x,127.0.0.1"}},
		{"the last one counts", []string{"NO_PROXY=x", "NO_PROXY=y"}, map[string]string{"NO_PROXY": "y,127.0.0.1"}},
	} {
		r := &run{opts: Options{APIBase: "http://api.test"}, gateURL: at}
		before := slices.Clone(tc.env)
		env := r.gatewayEnv(tc.env)
		for name, want := range tc.want {
			if got := lookup(env, name); got != want {
				t.Errorf("%s: %s=%q, want %q", tc.name, name, got, want)
			}
		}
		if !slices.Equal(tc.env, before) {
			t.Errorf("%s: the owner's environment was changed", tc.name)
		}
	}
}

func TestTheSubstituteStandsWhereverTheTokenStood(t *testing.T) {
	const secret = token.Token("110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsawE")
	for _, substitute := range []bool{false, true} {
		g, err := gateway.New(gateway.Options{Base: "http://api.test", Token: secret, Substitute: substitute})
		if err != nil {
			t.Fatal(err)
		}
		seat := g.Admit(1)
		r := &run{opts: Options{Token: secret}}
		by := seat.Token().Reveal()
		got := r.substituted([]string{"A=1", "BOT_TOKEN=" + secret.Reveal(), "URL=http://x/bot" + secret.Reveal() + "/getMe"}, seat)
		if want := []string{"A=1", "BOT_TOKEN=" + by, "URL=http://x/bot" + by + "/getMe"}; !slices.Equal(got, want) || (by == secret.Reveal()) == substitute {
			t.Errorf("substitute %t: the environment is not as wanted", substitute)
		}
	}
}

// What the policy is to know is passed on; nothing of the gateway is forgotten.
func TestEveryKindOfTheWireIsPassedOn(t *testing.T) {
	for kind := gateway.Nothing + 1; kind <= gateway.Renumbered; kind++ {
		if _, ok := wireKinds[kind]; !ok {
			t.Errorf("%v goes nowhere", kind)
		}
	}
}
