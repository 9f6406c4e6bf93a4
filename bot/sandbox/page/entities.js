// A message's text with its entities, as nodes. Offsets count UTF-16 units, as JavaScript does.
import { h } from './dom.js';

const schemes = new Set(['http:', 'https:', 'tg:']);

// safeURL returns the address when it may be followed, else null. A bare host is taken for https.
export function safeURL(text) {
  for (const candidate of [text, `https://${text}`]) {
    try {
      const url = new URL(candidate);
      if (schemes.has(url.protocol)) return url.href;
      if (!/^[^/?#]*\.[^/?#:]+:\d/.test(text)) return null; // "example.com:8080" is no scheme
    } catch { /* not an address, or none yet */ }
  }
  return null;
}

export function link(text, address, className) {
  const url = safeURL(address);
  if (!url) return h('span', { class: 'plain-link' }, text);
  return h('a', { href: url, target: '_blank', rel: 'noopener noreferrer', title: url, class: className }, text);
}

function spoiler(children) {
  const toggle = (e) => {
    if (e.type === 'keydown' && e.key !== 'Enter' && e.key !== ' ') return;
    if (el.getAttribute('aria-expanded') === 'true' && e.target.closest('a, button')) return;
    e.preventDefault();
    e.stopPropagation();
    const shown = el.getAttribute('aria-expanded') === 'true';
    el.setAttribute('aria-expanded', String(!shown));
    if (shown) el.setAttribute('aria-label', 'Hidden text'); else el.removeAttribute('aria-label');
  };
  const el = h('span', { class: 'spoiler', role: 'button', tabindex: 0, 'aria-expanded': 'false', 'aria-label': 'Hidden text', onclick: toggle, onkeydown: toggle }, children);
  return el;
}

function quote(children, expandable) {
  const el = h('blockquote', { class: expandable ? 'folded' : null }, h('div', { class: 'quote-body' }, children));
  if (expandable) {
    const button = h('button', { type: 'button', class: 'unfold', 'aria-expanded': 'false', onclick: () => {
      const folded = el.classList.toggle('folded');
      button.setAttribute('aria-expanded', String(!folded));
      button.textContent = folded ? 'Show more' : 'Show less';
    } }, 'Show more');
    el.append(button);
  }
  return el;
}

const pre = (children, e) => h('span', { class: 'pre' }, e.language && h('span', { class: 'pre-lang' }, e.language), h('pre', { tabindex: 0 }, h('code', {}, children)));

// wrap puts one entity around its children. onCommand is called with a clicked command.
function wrap(e, text, children, onCommand) {
  switch (e.type) {
    case 'bold': return h('strong', {}, children);
    case 'italic': return h('em', {}, children);
    case 'underline': return h('u', {}, children);
    case 'strikethrough': return h('s', {}, children);
    case 'spoiler': return spoiler(children);
    case 'code': return h('code', {}, children);
    case 'pre': return pre(children, e);
    case 'blockquote': return quote(children, false);
    case 'expandable_blockquote': return quote(children, true);
    case 'text_link': return link(children, e.url || '');
    case 'url': return link(children, text);
    case 'bot_command':
      return h('button', { type: 'button', class: 'command', title: `Send ${text}`, onclick: () => onCommand(text) }, children);
    case 'mention': case 'text_mention': case 'hashtag': case 'cashtag': case 'email': case 'phone_number':
      return h('span', { class: 'plain-link' }, children);
    default: return children;
  }
}

// render returns the nodes of text. Entities that overlap without nesting are split at the outer one's end.
export function render(text, entities, onCommand) {
  const list = (entities || []).filter((e) => e.length > 0 && e.offset >= 0 && e.offset < text.length)
    .map((e) => ({ ...e, end: Math.min(e.offset + e.length, text.length) }));
  return inside(text, 0, text.length, list, onCommand);
}

const block = (e) => e.type === 'pre' || e.type.endsWith('blockquote');

// between is plain text. A block beside it begins a line anyhow, so that the line break there goes.
function between(text, from, to, afterBlock, beforeBlock) {
  const part = text.slice(from, to);
  return part.slice(afterBlock && part.startsWith('\n') ? 1 : 0, beforeBlock && part.length > 1 && part.endsWith('\n') ? -1 : undefined);
}

function inside(text, from, to, list, onCommand) {
  const out = [];
  let at = from;
  let after = false; // a block
  const queue = [...list].sort((a, b) => a.offset - b.offset || b.end - a.end);
  while (queue.length > 0) {
    const e = queue.shift();
    const begin = Math.max(e.offset, at);
    if (begin >= e.end) continue;
    if (begin > at) out.push(between(text, at, begin, after, block(e)));
    const inner = [];
    const later = [];
    for (const other of queue) {
      if (other.offset >= e.end) later.push(other);
      else if (other.end <= e.end) inner.push(other);
      else {
        inner.push({ ...other, end: e.end });
        later.push({ ...other, offset: e.end });
      }
    }
    queue.splice(0, queue.length, ...later.sort((a, b) => a.offset - b.offset || b.end - a.end));
    out.push(wrap(e, text.slice(begin, e.end), inside(text, begin, e.end, inner, onCommand), onCommand));
    at = e.end;
    after = block(e);
  }
  if (at < to) out.push(between(text, at, to, after, false));
  return out;
}
