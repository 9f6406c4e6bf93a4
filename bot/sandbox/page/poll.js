// The live poll: who polls, what waits, what went wrong. Texts that count seconds are written anew every
// second, the rest when the view changes.
import { $, h, millis, serverClock, setList, setText, span } from './dom.js';
import { drawTimeline, keepRequests } from './timeline.js';

const RECENT = 10; // seconds that a conflict colours the state
const BETWEEN = 2; // seconds without a poll that are a poller's breath
const QUEUE_SHOWN = 6;
const REQUESTS_SHOWN = 14;

const isPoll = (r) => r.method.toLowerCase() === 'getupdates';
const who = (p) => [p.rival ? 'rival' : p.peer, p.agent].filter(Boolean).join(' · ');

// pollState says in words how a bot's poll does: {state, title, detail}.
export function pollState(view) {
  const p = view.poll;
  if (!view.bot || !p) return { state: 'idle', title: 'No bot yet', detail: 'Nobody has called this server.' };
  if (p.webhook?.url) return { state: 'bad', title: 'Webhook set: polling is shut out', detail: webhookWords(p.webhook) };
  const open = p.open || [];
  const live = open.filter((o) => !o.gone);
  const conflict = lastConflict(p);
  if (live.length > 1) return { state: 'bad', title: live.length === 2 ? 'TWO pollers' : `${live.length} pollers`, detail: 'Each takes updates that the other one should get.' };
  if (conflict !== null) return conflictState(p, live, conflict);
  if (live.length === 1) return { state: 'ok', title: 'One poller', detail: 'Nobody else polls.' };
  if (open.length > 0) return { state: 'warn', title: 'The poller is gone', detail: 'Its poll is still open here: what comes now would go to nobody.' };
  if (!p.last) return { state: 'idle', title: 'Nobody has polled yet', detail: 'The bot has not called getUpdates.' };
  const idle = serverClock.since(p.last.end || p.last.start);
  const breath = idle < BETWEEN && p.last.status === 200;
  if (breath) return { state: 'ok', title: 'One poller', detail: `${who(p.last)}, between two polls, offset ${p.last.offset}` };
  return { state: 'warn', title: `Nobody polls for ${span(idle)}`, detail: `The last was ${who(p.last)}, answered ${p.last.status || 'nothing'}, offset ${p.last.offset}.` };
}

function webhookWords(w) {
  return `Every getUpdates gets 409. It is ${w.url}${w.last_error ? `; its last error: ${w.last_error}` : ''}`;
}

function lastConflict(p) {
  const hits = (p.requests || []).filter((r) => isPoll(r) && r.status === 409 && !r.void);
  const ages = hits.map((r) => serverClock.since(r.start) - (r.millis || 0) / 1000);
  const age = Math.min(Infinity, ...ages);
  return age < RECENT ? Math.max(0, age) : null;
}

function conflictState(p, live, age) {
  const polls = (p.requests || []).filter((r) => isPoll(r) && serverClock.since(r.start) < RECENT + 5);
  const rival = live.some((o) => o.rival) || polls.some((r) => r.rival);
  const ago = age < 1 ? 'just now' : `${span(age)} ago`;
  if (rival) return { state: 'bad', title: 'TWO pollers', detail: `A rival takes turns with the bot. The last 409: ${ago}.` };
  return { state: 'bad', title: 'Conflict', detail: `A poll was answered 409 Conflict ${ago}.` };
}

// headStatus is the state in a few words, for the head of the chat.
export function headStatus(view) {
  const { state, title } = pollState(view);
  return { state, text: /^[A-Z]{2}/.test(title) ? title : title.charAt(0).toLowerCase() + title.slice(1) };
}

export function drawPoll(view) {
  const p = view.poll || {};
  setList($('poll-open'), p.open || [], (o) => `${o.peer} ${o.since}`, pollerRow);
  drawCounters(p);
  drawQueue(p);
  keepRequests(view.bot?.bot, p.requests || []);
  drawRequests([...(p.requests || [])].sort((a, b) => Date.parse(b.start) - Date.parse(a.start)).slice(0, REQUESTS_SHOWN));
  drawFaults(p.faults || []);
  tick(view);
}

function pollerRow(o) {
  return h('div', { class: `poller${o.gone ? ' gone' : ''}${o.rival ? ' rival' : ''}` },
    h('div', { class: 'poller-name' }, h('b', {}, who(o)), h('span', { 'data-left': o.timeout_seconds })),
    h('div', { class: 'poller-note' }, 'since ', h('span', { 'data-since': o.since }), `, offset ${o.offset}${o.gone ? ', client gone' : ''}`),
    h('progress', { max: Math.max(1, o.timeout_seconds), value: 0, 'aria-label': 'Time of the poll' }));
}

function drawCounters(p) {
  const live = p.conflicts_live || 0;
  const gap = p.longest_gap_seconds || 0;
  const list = [
    { name: 'conflicts', value: String(live), bad: live > 0, title: '409 that somebody received' },
    { name: 'void', value: String(p.conflicts_void || 0), title: '409 to an abandoned poll: nobody received it' },
    { name: 'overlaps', value: String(p.overlaps || 0), bad: p.overlaps > 0, title: 'Polls begun while one of another connection was open' },
    { name: 'longest gap', value: gap < 10 ? `${gap.toFixed(1)} s` : span(gap), title: 'The longest time without any open poll' },
  ];
  setList($('counters'), list, (c) => c.name, (c) => h('div', { class: c.bad ? 'bad' : null, title: c.title }, h('dt', {}, c.name), h('dd', {}, c.value)));
}

function drawQueue(p) {
  const pending = p.pending || 0;
  setText($('queue-count'), pending === 1 ? '1 update' : `${pending} updates`);
  const rows = (p.queue || []).slice(0, QUEUE_SHOWN).map((u) => ({ ...u, key: u.update_id }));
  const items = rows.length ? rows : [{ key: 'none', none: true, next: p.next_offset }];
  if (pending > rows.length && rows.length) items.push({ key: 'more', more: pending - rows.length });
  setList($('queue'), items, (u) => u.key, (u) => {
    if (u.none) return h('li', {}, h('span', { class: 'kind' }, 'Empty. Everything has been confirmed.'));
    if (u.more) return h('li', {}, h('span', { class: 'kind' }, `and ${u.more} more`));
    const handed = u.delivered ? `handed out${u.delivered > 1 ? ` ${u.delivered} times` : ''}, ` : '';
    return h('li', {}, h('span', { title: u.text || null }, u.text || '', ' ', h('span', { class: 'kind' }, u.kind)), h('span', { class: 'age' }, handed, h('span', { 'data-since': u.at })));
  });
}

function answerOf(r) {
  if (r.void) return ['void', r.status ? `${r.status}, to nobody` : 'client left'];
  if (!r.status) return ['', r.millis === undefined ? 'open' : 'none'];
  if (r.status === 409) return ['conflict', '409 Conflict'];
  return [r.status < 400 ? 'good' : 'error', r.status];
}

function drawRequests(list) {
  setList($('requests'), list, (r) => `${r.start} ${r.method} ${r.peer}`, (r) => {
    const [kind, words] = answerOf(r);
    return h('tr', { title: who(r) }, h('td', {}, r.method, r.rival ? ' (rival)' : ''), h('td', { class: kind }, words), h('td', {}, r.millis === undefined ? h('span', { 'data-since': r.start }) : millis(r.millis)));
  });
}

function drawFaults(list) {
  setList($('faults'), list, (f) => f.id, (f) => h('li', {}, h('span', {}, f.what), h('span', { 'data-until': f.until || '', 'data-count': f.left ?? '' })));
  $('clear-faults').hidden = list.length === 0;
}

function leftWords(until, count) {
  const words = [];
  if (count !== '') words.push(count === '1' ? 'once more' : `${count} left`);
  const seconds = Date.parse(until) > 0 ? (Date.parse(until) - serverClock.now()) / 1000 : NaN;
  if (seconds >= 0) words.push(`${Math.ceil(seconds)} s`);
  return words.join(', ');
}

// tick writes what depends on the clock.
export function tick(view) {
  if (!view) return;
  const { state, title, detail } = pollState(view);
  $('poll-state').dataset.state = state;
  setText($('poll-title'), title);
  setText($('poll-detail'), detail);
  for (const el of document.querySelectorAll('[data-since]')) setText(el, span(serverClock.since(el.dataset.since)));
  for (const el of document.querySelectorAll('[data-until]')) {
    setText(el, leftWords(el.dataset.until, el.dataset.count));
    el.parentElement.hidden = Date.parse(el.dataset.until) > 0 && Date.parse(el.dataset.until) < serverClock.now(); // the next view has it no more
  }
  for (const el of $('poll-open').querySelectorAll('.poller')) {
    const left = el.querySelector('[data-left]');
    const gone = serverClock.since(el.querySelector('[data-since]').dataset.since);
    el.querySelector('progress').value = gone;
    setText(left, `${span(Number(left.dataset.left) - gone)} left`);
  }
  drawTimeline();
}

