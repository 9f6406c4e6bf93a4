// One message as elements: bubble, photo, document, inline keyboard.
import { avatar, bytes, clockTime, h, icon, nameOf } from './dom.js';
import { fileURL } from './api.js';
import { render, safeURL } from './entities.js';

const MAX_WIDTH = 340;
const MAX_HEIGHT = 380;
const MIN_SIDE = 90;

// fit scales a photo to what a bubble shows, so that its room is there before it has loaded.
function fit({ width, height }) {
  const scale = Math.min(1, MAX_WIDTH / width, MAX_HEIGHT / height) || 1;
  return { width: Math.max(MIN_SIDE, Math.round(width * scale)), height: Math.max(MIN_SIDE, Math.round(height * scale)) };
}

function photo(p, does) {
  const size = fit(p);
  return h('button', { type: 'button', class: 'photo-button', 'aria-label': 'Photo: show it large', onclick: () => does.onPhoto(fileURL(p.file)) },
    h('img', { src: fileURL(p.file), alt: '', width: size.width, height: size.height, decoding: 'async' }));
}

function fileLink(d) {
  return h('a', { class: 'document', href: fileURL(d.file), download: d.name || 'file', title: `Download ${d.name || 'file'}` },
    h('span', { class: 'document-icon' }, icon('file')),
    h('span', { class: 'document-text' }, h('b', {}, d.name || 'file'), h('small', {}, bytes(d.size || 0))));
}

export function quoteOf(reply) {
  return [h('b', {}, nameOf(reply.from) || 'Message'), h('span', {}, reply.text || 'a file')];
}

function meta(m, place) {
  const date = new Date(m.date);
  return h('span', { class: place ? `meta ${place}` : 'meta' }, m.edited ? 'edited ' : null, h('time', { datetime: m.date, title: date.toLocaleString() }, clockTime(date)));
}

// pickMessage shows what can be done with a message where nothing hovers.
function pickMessage(e) {
  if (e.target.closest('button, a, .spoiler') || !getSelection().isCollapsed) return;
  const message = e.currentTarget.closest('.message');
  for (const el of document.querySelectorAll('.message.picked')) if (el !== message) el.classList.remove('picked');
  message.classList.toggle('picked');
}

export function bubble(m, does) {
  const only = !m.text && (m.photo ? 'over' : m.document ? 'aside' : null); // where the time is when there is no text
  return h('div', { class: m.photo ? 'bubble has-photo' : 'bubble', dir: 'auto', onclick: pickMessage },
    m.shownName && h('span', { class: 'sender' }, m.shownName),
    m.reply_to && h('button', { type: 'button', class: 'quote', title: 'Go to the message', onclick: () => does.onQuote(m.reply_to.message_id) }, quoteOf(m.reply_to)),
    m.photo && photo(m.photo, does),
    m.document && fileLink(m.document),
    h('div', { class: 'text' }, m.text ? render(m.text, m.entities, does.onCommand) : null, only ? null : meta(m)),
    only ? meta(m, only) : null);
}

const marks = { url: 'link', copy: 'copy' };
const titles = { other: 'This kind of button does nothing in the sandbox' };

function inlineButton(m, b, at, does) {
  const inner = [h('span', {}, b.text), marks[b.kind] && icon(marks[b.kind])];
  const props = { class: 'inline-button', 'data-key': at, title: titles[b.kind] || b.url || null };
  const url = b.kind === 'url' && safeURL(b.url || '');
  if (url) return h('a', { ...props, href: url, target: '_blank', rel: 'noopener noreferrer' }, inner);
  const busy = does.isBusy(m.message_id, at);
  const el = h('button', { ...props, type: 'button', 'aria-busy': busy ? 'true' : null, onclick: () => does.onPress(m, b, at) }, inner);
  if (busy) el.append(busyMark());
  return el;
}

const busyMark = () => h('span', { class: 'spin', 'aria-hidden': 'true' });

// setBusy shows on a button that its answer is awaited.
export function setBusy(el, busy) {
  el.querySelector('.spin')?.remove();
  if (busy) {
    el.setAttribute('aria-busy', 'true');
    el.append(busyMark());
  } else el.removeAttribute('aria-busy');
}

export function inlineKeyboard(m, does) {
  return h('div', { class: 'inline', role: 'group', 'aria-label': 'Buttons of the message' },
    m.keyboard.map((row, y) => h('div', { class: 'inline-row' }, row.map((b, x) => inlineButton(m, b, `${y}.${x}`, does)))));
}

export function day(name) {
  return h('div', { class: 'day', role: 'separator', 'aria-label': name }, h('span', {}, name));
}

// frame is what bubble and keyboard are put into.
export function frame(m, does) {
  return h('article', { class: m.mine ? 'message mine' : 'message', 'data-id': m.message_id, 'aria-label': `${m.mine ? 'You' : nameOf(m.from) || 'Bot'}, ${clockTime(new Date(m.date))}`, ondblclick: (e) => { if (!e.target.closest('button, a')) does.onReply(m.message_id); } },
    m.face ? avatar(m.face, nameOf(m.from), true) : null,
    h('div', { class: 'stack' }),
    h('button', { type: 'button', class: 'reply-button', tabindex: -1, title: 'Reply', 'aria-label': 'Reply to this message', onclick: () => does.onReply(m.message_id) }, icon('reply')));
}

