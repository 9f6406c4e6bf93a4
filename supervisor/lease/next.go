package lease

import "time"

// next begins the call that is due, if none is under way.
func (t *turn) next() {
	s := &t.s
	if s.Mode == Parting && t.now >= s.Until {
		t.parted() // it cannot be written; others take the lease now
	}
	if s.Mode == Waiting && s.Leaving && !t.claims() {
		s.Mode = Away
		t.do(Left{})
	}
	if s.Mode == Away || s.Op.Kind != noOp {
		return
	}
	if !s.Seen {
		if t.now >= s.LookAt {
			t.look()
		}
		return
	}
	switch s.Mode {
	case Holding:
		t.nextHolding()
	case Parting:
		if s.Failing == 0 || t.now >= s.LookAt {
			t.swap(release, t.released())
		}
	case Waiting:
		t.nextWaiting()
	case Away:
	}
}

func (t *turn) nextHolding() {
	switch {
	case t.now >= t.s.Renew:
		t.swap(renewal, t.renewed())
	case t.now >= t.s.LookAt:
		t.look()
	}
}

func (t *turn) nextWaiting() {
	s := &t.s
	if s.Failing > 0 && t.now < s.LookAt {
		return
	}
	rec := s.Snap.Record
	asks, refused := t.asks(rec)
	if refused && !s.Refused {
		s.Refused = true
		t.do(Refused{Holder: rec.Holder})
	}
	switch {
	case s.Leaving:
		rec.Claim = Claim{}
		t.swap(claim, rec)
	case s.Wanted && t.free():
		t.swap(acquire, t.acquired())
	case asks:
		rec, gen := t.enrolled(rec)
		rec.Claim = Claim{Member: t.me(gen), Force: t.cfg.Force}
		t.swap(claim, rec)
	case t.claims() && !s.Wanted:
		rec.Claim = Claim{}
		t.swap(claim, rec)
	case s.Snap.Version > 0 && t.signDue(rec):
		rec, _ = t.enrolled(rec)
		t.swap(claim, rec)
	case t.now >= s.LookAt:
		t.look()
	}
	if s.Op.Kind == noOp && s.Wanted {
		if at := t.patient(); at > t.now {
			s.LookAt = min(s.LookAt, at)
		}
	}
}

func (t *turn) look() {
	t.begin(look, Record{})
	t.do(Load{ID: t.s.Op.ID})
}

func (t *turn) swap(kind OpKind, to Record) {
	t.begin(kind, to)
	t.do(Swap{ID: t.s.Op.ID, From: t.s.Snap.Version, To: to})
}

func (t *turn) begin(kind OpKind, to Record) {
	t.s.Ops++
	t.s.Op = Op{Kind: kind, ID: t.s.Ops, Sent: t.now, To: to}
}

// claims says whether the record holds a claim of ours.
func (t *turn) claims() bool { return t.s.Snap.Record.Claim.Instance == t.cfg.Me.Instance }

// free says whether the lease may be acquired.
func (t *turn) free() bool {
	rec := t.s.Snap.Record
	switch {
	case t.trusted() && t.mine(rec):
		return true // nobody else can have had it since
	case t.trusted() && !rec.Held() && !t.heldFor(rec.Claim):
		return true
	case t.s.GuardFree > 0 && t.trusted() && t.now >= t.s.GuardFree+guardWait:
		return true
	}
	return t.now >= t.patient()
}

// heldFor says whether a record was released for somebody else.
func (t *turn) heldFor(c Claim) bool {
	return c.Instance != "" && c.Instance != t.cfg.Me.Instance
}

// patient is when a record that does not change is taken.
func (t *turn) patient() time.Duration {
	ttl := t.s.Snap.Record.TTL
	if t.s.Snap.Version == 0 || ttl <= 0 || ttl > MaxTTL {
		ttl = t.cfg.TTL
	}
	at := t.s.Since + patience(ttl)
	if t.s.GuardFree > 0 {
		at = min(at, t.s.GuardFree+guardWait)
	}
	return at
}

// asks says whether to ask the holder for the lease, and whether that is refused for its environment.
func (t *turn) asks(rec Record) (asks, refused bool) {
	switch {
	case !t.s.Wanted || !rec.Held() || t.mine(rec) || t.claims():
		return false, false
	case t.cfg.Force:
		return !rec.Claim.Force, false
	case rec.Holder.Env != t.cfg.Me.Env:
		return false, true
	}
	_, gen := t.enrolled(rec)
	return gen > rec.Holder.Gen && gen > rec.Claim.Gen && !rec.Claim.Force, false
}

// me is this member with the number of its deploy.
func (t *turn) me(gen uint64) Member {
	m := t.cfg.Me
	m.Gen = gen
	return m
}

func (t *turn) acquired() Record {
	rec, gen := t.enrolled(t.s.Snap.Record)
	rec.Epoch = max(rec.Epoch, t.s.High) + 1 // the store may have forgotten some
	rec.Seq++
	rec.Holder, rec.TTL, rec.Guarded, rec.Server = t.me(gen), t.cfg.TTL, false, t.s.Snap.Server
	if !yields(rec.Holder, rec.Claim) {
		rec.Claim = Claim{} // it is ours, or of no use
	}
	return rec
}

func (t *turn) renewed() Record {
	rec := t.s.Snap.Record
	rec.Seq++
	rec, _ = t.enrolled(rec)
	rec.TTL, rec.Guarded = t.cfg.TTL, t.s.Guarded
	return rec
}

func (t *turn) released() Record {
	rec := t.s.Snap.Record
	rec.Seq++
	rec.Holder, rec.Guarded, rec.Cursor = Member{}, false, t.s.Cursor
	return rec
}
