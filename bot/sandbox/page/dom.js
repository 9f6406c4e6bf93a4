// Elements and small texts. Nothing here takes HTML: what a bot wrote only ever becomes a text node.

export const $ = (id) => document.getElementById(id);

// h makes an element. props: attributes by name; on… are listeners; false, null and undefined are left out.
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else el.setAttribute(name, value === true ? '' : value);
  }
  el.append(...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false));
  return el;
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(tag, attrs) {
  const el = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attrs)) el.setAttribute(name, value);
  return el;
}

const paths = {
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6L6 18',
  pulse: 'M3 12h4l3-8 4 16 3-8h4',
  clip: 'M19 11.5l-7.4 7.4a4.6 4.6 0 0 1-6.5-6.5l7.8-7.8a3.1 3.1 0 0 1 4.4 4.4l-7.8 7.8a1.5 1.5 0 0 1-2.1-2.1l7-7',
  send: 'M5 12h13M12 5.5l6.5 6.5-6.5 6.5',
  reply: 'M9 6l-5 5 5 5M4 11h9a7 7 0 0 1 7 7',
  copy: 'M9 9h10v11H9zM5 15V4h10',
  done: 'M5 12.5l4.5 4.5L19 7.5',
  link: 'M8 16L16 8M9 8h7v7',
  file: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  keys: 'M4 6h16v12H4zM7 10h1M11 10h1M15 10h1M8 14h8',
  auto: 'M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16',
  light: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4',
  dark: 'M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.500 10.500z',
};

export function icon(name) {
  const el = svg('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' });
  el.append(svg('path', { d: paths[name] }));
  return el;
}

// setText leaves an element alone that has the text already, and with it any selection.
export function setText(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

// setList makes the children of el those of items, by key: what has not changed stays the same element.
export function setList(el, items, key, make) {
  const old = el.keyed || new Map();
  const fresh = new Map();
  const focused = el.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  let at = el.firstChild;
  for (const item of items) {
    const id = String(key(item));
    const json = JSON.stringify(item);
    let entry = old.get(id);
    if (!entry || entry.json !== json) {
      const node = make(item);
      if (entry) {
        if (entry.node === at) at = at.nextSibling;
        entry.node.replaceWith(node);
      } else el.insertBefore(node, at);
      entry = { node, json };
    } else if (entry.node === at) at = at.nextSibling;
    else el.insertBefore(entry.node, at);
    fresh.set(id, entry);
    old.delete(id);
  }
  for (const entry of old.values()) entry.node.remove();
  el.keyed = fresh;
  if (focused && !el.contains(document.activeElement)) el.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

export function avatar(id, name, small) {
  const letters = (String(name || '?').match(/[\p{L}\p{N}]+/gu) || []).slice(0, 2).map((w) => [...w][0] || '').join('').toUpperCase();
  let sum = 0;
  for (const c of String(id)) sum = (sum * 31 + c.charCodeAt(0)) % 997;
  return h('span', { class: `avatar hue-${sum % 8}${small ? ' small' : ''}`, 'aria-hidden': 'true' }, letters || '?');
}

export const personName = (u) => [u.first_name, u.last_name].filter(Boolean).join(' ') || `User ${u.id}`;

// nameOf is a sender's name, given as text or as a user.
export const nameOf = (from) => (from && typeof from === 'object' ? from.name || personName(from) : from || '');

export function bytes(n) {
  if (n < 1000) return `${n} bytes`;
  const units = ['kB', 'MB', 'GB'];
  let i = -1;
  do { n /= 1000; i++; } while (n >= 999.5 && i < 2);
  return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

// span is a duration in seconds as people write it.
export function span(s) {
  s = Math.max(0, s);
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
}

export const millis = (n) => (n < 1000 ? `${Math.round(n)} ms` : n < 100000 ? `${(n / 1000).toFixed(1)} s` : span(n / 1000));

const clockForm = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayForm = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
export const clockTime = (date) => clockForm.format(date);

export function dayName(date) {
  const start = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  const days = Math.round((start(new Date()) - start(date)) / 86400000);
  return days === 0 ? 'Today' : days === 1 ? 'Yesterday' : dayForm.format(date);
}

// serverClock tells the server's time from ours.
export const serverClock = {
  ahead: 0,
  set(now) { this.ahead = Date.parse(now) - Date.now() || 0; },
  now() { return Date.now() + this.ahead; },
  since(time) { return (this.now() - Date.parse(time)) / 1000; },
};

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
