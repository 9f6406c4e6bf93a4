// The requests of the last minute as bars: one lane for each poller, other calls below.
import { $, serverClock, setText, svg } from './dom.js';

const SECONDS = 60;
const LANES = 3;
const WIDTH = 600;
const LANE = 14; // of the picture's own units
const KEPT = 400;

let kept = new Map();
let bot;

const isPoll = (r) => r.method.toLowerCase() === 'getupdates';

// keepRequests remembers what the view shows, which is the newest alone.
export function keepRequests(id, requests) {
  if (id !== bot) {
    bot = id;
    kept = new Map();
  }
  const present = new Set();
  for (const r of requests) {
    const key = `${r.start} ${r.method} ${r.peer}`;
    kept.set(key, { ...r, at: Date.parse(r.start) });
    present.add(key);
  }
  const old = serverClock.now() - SECONDS * 1000;
  for (const [key, r] of kept) {
    const end = r.millis === undefined ? Infinity : r.at + r.millis;
    if (end < old || (r.millis === undefined && !present.has(key)) || kept.size > KEPT) kept.delete(key);
  }
}

function kindOf(r) {
  if (r.status === 409 && !r.void) return 'conflict';
  if (r.void) return 'void';
  if (r.status >= 400) return 'error';
  if (r.millis === undefined) return r.rival ? 'rival' : 'open';
  return r.rival ? 'rival' : 'done';
}

// lane puts a poll where no other one is at that time, so that an overlap is seen as one.
function lane(ends, begin, end) {
  let i = ends.findIndex((e) => e <= begin + 2);
  if (i < 0) i = ends.length < LANES ? ends.length : LANES - 1;
  ends[i] = Math.max(end, ends[i] || 0);
  return i;
}

export function drawTimeline() {
  const el = $('timeline');
  const now = serverClock.now();
  const x = (time) => Math.max(0, WIDTH - ((now - time) / 1000) * (WIDTH / SECONDS));
  const ends = [];
  const bars = [...kept.values()].sort((a, b) => a.at - b.at).map((r) => {
    const end = r.millis === undefined ? now : r.at + r.millis;
    const left = x(r.at);
    if (!isPoll(r)) return svg('rect', { class: `bar ${r.status >= 400 ? 'error' : 'call'}`, x: left, y: LANES * LANE + 4, width: Math.max(2, x(end) - left), height: 8 });
    return svg('rect', { class: `bar ${kindOf(r)}`, x: left, y: lane(ends, r.at, end) * LANE + 3, width: Math.max(2, x(end) - left - 1), height: LANE - 4, rx: 1.5 });
  });
  el.setAttribute('viewBox', `0 0 ${WIDTH} ${LANES * LANE + 14}`);
  el.replaceChildren(...bars);
  const polls = [...kept.values()].filter(isPoll);
  const conflicts = polls.filter((r) => kindOf(r) === 'conflict').length;
  setText($('timeline-key'), polls.length ? `${polls.length} poll${polls.length === 1 ? '' : 's'}, ${conflicts} conflict${conflicts === 1 ? '' : 's'}` : 'no polls');
}
