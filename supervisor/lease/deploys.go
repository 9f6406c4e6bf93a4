package lease

// deploy finds a deploy by its id; the zero Deploy when it is unknown.
func (r Record) deploy(id string) Deploy {
	for _, d := range r.Deploys {
		if d.Gen > 0 && d.ID == id {
			return d
		}
	}
	return Deploy{}
}

// signDue says whether the record is to hear of this deploy.
func (t *turn) signDue(rec Record) bool {
	d := rec.deploy(t.cfg.Me.Deploy)
	return t.s.Gen == 0 || d.Gen == 0 || d.Seen < rec.Seq && rec.Seq-d.Seen >= seenEvery
}

// enrolled is rec with a sign of this deploy, and its number. A process keeps the number that it was given first, however long it
// was away; a new one gets a new number when nobody of its deploy was there for long, and the deploy was superseded. The number
// counts once the record is written.
func (t *turn) enrolled(rec Record) (Record, uint64) {
	d := rec.deploy(t.cfg.Me.Deploy)
	switch {
	case t.s.Gen > 0:
		d.Gen = t.s.Gen
	case d.Gen == 0, d.Gen < rec.Gens && rec.Seq > d.Seen && rec.Seq-d.Seen > absentFor:
		d.Gen = rec.Gens + 1
	}
	d.ID, d.Seen = t.cfg.Me.Deploy, rec.Seq
	rec.Gens = max(rec.Gens, d.Gen)
	place := 0
	for i, other := range rec.Deploys {
		if other.Gen > 0 && other.ID == d.ID {
			place = i
			break
		}
		if older(other, rec.Deploys[place]) {
			place = i
		}
	}
	rec.Deploys[place] = d
	return rec, d.Gen
}

// older says which of two places is given up first.
func older(a, b Deploy) bool {
	if (a.Gen == 0) != (b.Gen == 0) {
		return a.Gen == 0
	}
	return a.Seen < b.Seen
}
