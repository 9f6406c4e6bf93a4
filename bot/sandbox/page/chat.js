// The messages of a chat, kept in step with the view: only what changed is made anew, so that selection,
// focus, spoilers and scroll stay.
import { $, dayName, nameOf, setText } from './dom.js';
import { bubble, day, frame, inlineKeyboard } from './messages.js';

const NEAR = 60; // px from the end that count as being there
const TOGETHER = 5 * 60 * 1000; // ms within which messages of one sender stand together

export class Chat {
  constructor(does) {
    this.does = { ...does, onQuote: (id) => this.show(id) };
    this.log = $('log');
    this.pill = $('pill');
    this.entries = new Map(); // message_id or day -> {node, …}
    this.unread = 0;
    this.atEnd = true;
    this.log.addEventListener('scroll', () => this.scrolled(), { passive: true });
    this.pill.addEventListener('click', () => { this.toEnd(); $('text').focus(); });
    new ResizeObserver(() => this.resized()).observe(this.log);
  }

  clear() {
    this.log.replaceChildren();
    this.entries.clear();
    this.unread = 0;
    this.atEnd = true;
    this.newest = undefined;
    this.showPill();
  }

  scrolled() {
    if (this.log.clientHeight !== this.height) return; // not a person: the box to write in has grown or shrunk
    this.atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR;
    if (this.atEnd && this.unread) {
      this.unread = 0;
      this.showPill();
    }
  }

  resized() {
    this.height = this.log.clientHeight;
    if (this.atEnd) this.toEnd();
  }

  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    this.atEnd = true;
    this.unread = 0;
    this.showPill();
  }

  showPill() {
    this.pill.hidden = this.unread === 0;
    setText(this.pill, this.unread === 1 ? '1 new message ↓' : `${this.unread} new messages ↓`);
  }

  show(id) {
    const entry = this.entries.get(id);
    if (!entry) return;
    entry.node.scrollIntoView({ block: 'center' });
    this.choose(id);
    clearTimeout(this.marked);
    this.marked = setTimeout(() => this.choose(null), 1600);
  }

  // choose marks the message that is replied to.
  choose(id) {
    this.log.querySelector('.chosen')?.classList.remove('chosen');
    if (id !== null) this.entries.get(id)?.node.classList.add('chosen');
  }

  button(id, at) {
    return this.entries.get(id)?.node.querySelector(`.inline-button[data-key="${at}"]`);
  }

  update(messages, group, bot) {
    const stay = this.atEnd;
    const newest = messages.at(-1)?.message_id;
    if (this.newest !== undefined && !stay) this.unread += messages.filter((m) => !m.mine && m.message_id > this.newest).length;
    this.newest = newest ?? this.newest ?? 0;
    this.place(this.plan(messages, group, bot));
    if (stay) this.toEnd(); else this.showPill();
  }

  // plan is what is to stand below each other: days and messages, with what their neighbours decide.
  plan(messages, group, bot) {
    const items = [];
    let lastDay = '';
    let before = null;
    messages.forEach((m, i) => {
      const date = new Date(m.date);
      const name = dayName(date);
      if (name !== lastDay) {
        items.push({ key: `day ${date.toDateString()}`, name });
        lastDay = name;
        before = null;
      }
      const first = !before || !this.together(before, m);
      const next = messages[i + 1];
      const last = !next || !this.together(m, next) || dayName(new Date(next.date)) !== name;
      const shown = { ...m, shownName: group && first && nameOf(m.from), face: group && !m.mine && (nameOf(m.from) === bot?.name ? bot.bot : nameOf(m.from)) };
      items.push({ key: m.message_id, message: shown, first, last });
      before = m;
    });
    return items;
  }

  together(a, b) {
    return a.mine === b.mine && nameOf(a.from) === nameOf(b.from) && Date.parse(b.date) - Date.parse(a.date) < TOGETHER;
  }

  place(items) {
    const keep = new Set(items.map((i) => i.key));
    for (const [key, entry] of this.entries) {
      if (keep.has(key)) continue;
      entry.node.remove();
      this.entries.delete(key);
    }
    let at = this.log.firstChild;
    for (const item of items) {
      let entry = this.entries.get(item.key);
      if (!entry) {
        entry = { node: item.message ? frame(item.message, this.does) : day(item.name) };
        this.entries.set(item.key, entry);
      }
      if (entry.node === at) at = at.nextSibling;
      else this.log.insertBefore(entry.node, at);
      if (item.message) this.fill(entry, item);
    }
  }

  // fill brings a message's parts up to date, each only when it differs.
  fill(entry, { message, first, last }) {
    entry.node.classList.toggle('first', first);
    entry.node.classList.toggle('last', last);
    const { keyboard, ...content } = message;
    const stack = entry.node.querySelector('.stack');
    const text = JSON.stringify(content);
    if (entry.text !== text) {
      const made = bubble(message, this.does);
      if (entry.bubble) entry.bubble.replaceWith(made); else stack.prepend(made);
      Object.assign(entry, { text, bubble: made });
    }
    const keys = JSON.stringify(keyboard || []);
    if (entry.keys !== keys) {
      const focused = entry.node.contains(document.activeElement) && document.activeElement.dataset.key;
      stack.querySelector('.inline')?.remove();
      if (keyboard?.length) stack.append(inlineKeyboard(message, this.does));
      entry.keys = keys;
      if (focused) (this.button(message.message_id, focused) || this.log).focus();
    }
  }
}

