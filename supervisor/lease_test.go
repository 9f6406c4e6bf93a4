package supervisor

import (
	"errors"
	"reflect"
	"testing"

	"botctl/supervisor/lease"
)

func TestNoReportOfTheLeaseIsLostWhileTheLoopIsStuck(t *testing.T) {
	n := newNews()
	for range 1000 {
		n.add(lease.Trouble{Err: errors.New("first")})
	}
	last := lease.Trouble{Err: errors.New("last")}
	n.add(last)
	n.add(lease.Fenced{})
	n.add(last)
	n.add(lease.Granted{Epoch: 7})
	<-n.ready
	want := []lease.Report{last, lease.Fenced{}, last, lease.Granted{Epoch: 7}}
	if got := n.take(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := n.take(); got != nil {
		t.Errorf("again: %+v", got)
	}
}
