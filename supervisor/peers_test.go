package supervisor

import (
	"fmt"
	"strings"
	"testing"
)

func TestPeersKnowServerAndProxies(t *testing.T) {
	p := peersFor("http://127.0.0.1:8081", []string{"HTTPS_PROXY=http://u:p@127.0.0.2:3128", "all_proxy=127.0.0.3:1080", "HTTP_PROXY="})
	list, ok := p.addresses(t.Context())
	got := fmt.Sprint(list)
	for _, want := range []string{"127.0.0.1:8081", "127.0.0.2:3128", "127.0.0.3:1080"} {
		if !ok || !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if _, ok := peersFor("https://no-such-host.invalid", nil).addresses(t.Context()); ok {
		t.Error("a host that cannot be resolved proves something")
	}
}
