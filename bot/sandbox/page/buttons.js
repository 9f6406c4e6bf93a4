// Pressed inline buttons: busy until the bot has answered, then its toast or alert.
import { copyText } from './dom.js';
import { post } from './api.js';
import { alertDialog } from './dialogs.js';
import { setBusy } from './messages.js';
import { safeURL } from './entities.js';
import { attempt, toast } from './toast.js';

const PATIENCE = 30_000; // ms until a button is let go without an answer

export class Buttons {
  // where gives {bot, user, chat}; find gives the element of a button.
  constructor(where, find) {
    this.where = where;
    this.find = find;
    this.clear();
  }

  clear() {
    for (const p of this.pending?.values() || []) clearTimeout(p.timer);
    this.pending = new Map(); // "message at" -> {timer, update}
    this.seen = null; // the last notice's number
    this.answered = new Set(); // update ids
  }

  isBusy(id, at) { return this.pending.has(`${id} ${at}`); }

  async press(m, b, at) {
    if (b.kind === 'copy') {
      toast(await copyText(b.data || '') ? 'Copied.' : 'The browser does not let this page copy.');
      return;
    }
    if (b.kind !== 'callback') {
      toast(b.kind === 'url' ? 'That address is not followed: it is neither http nor https.' : 'This kind of button does nothing in the sandbox.');
      return;
    }
    const key = `${m.message_id} ${at}`;
    if (this.pending.has(key)) return;
    const entry = { id: m.message_id, at };
    entry.timer = setTimeout(() => {
      this.settle(key);
      toast('The bot has not answered that button: it should call answerCallbackQuery.', true);
    }, PATIENCE);
    this.pending.set(key, entry);
    this.mark(entry, true);
    const res = await attempt(() => post('press', { ...this.where(), message_id: m.message_id, data: b.data }));
    if (!res || this.answered.has(res.update_id)) this.settle(key);
    else entry.update = res.update_id;
  }

  mark({ id, at }, busy) {
    const el = this.find(id, at);
    if (el) setBusy(el, busy);
  }

  settle(key) {
    const entry = this.pending.get(key);
    if (!entry) return;
    clearTimeout(entry.timer);
    this.pending.delete(key);
    this.mark(entry, false);
  }

  // notices shows what has come since the last call. What was there when the chat was opened is old.
  notices(list) {
    const newest = Math.max(0, ...list.map((n) => n.seq));
    const fresh = this.seen === null ? [] : list.filter((n) => n.seq > this.seen);
    this.seen = newest;
    for (const n of fresh.sort((a, b) => a.seq - b.seq)) this.show(n);
  }

  show(n) {
    if (n.update_id) {
      this.answered.add(n.update_id);
      for (const [key, p] of this.pending) if (p.update === n.update_id) this.settle(key);
    } else {
      const [oldest] = this.pending.keys();
      this.settle(oldest);
    }
    if (n.text && n.alert) alertDialog(n.text);
    else if (n.text) toast(n.text);
    if (n.url) toast(safeURL(n.url) ? `The bot opens ${n.url}` : 'The bot gave an address that is not followed.');
  }
}
