// The box to write in: text, commands, files, replies, and the bot's reply keyboard.
import { $, bytes, h, icon, setText } from './dom.js';
import { post, upload } from './api.js';
import { Commands } from './commands.js';
import { quoteOf } from './messages.js';
import { attempt, toast } from './toast.js';

const LONGEST = 4096; // UTF-16 units of a message
const LARGEST = 50e6; // bytes of a file
const ACTION = 6000; // ms that an action lasts, and a little

export class Composer {
  // where gives {bot, user, chat}; sent is called when something is on its way; onReplyTo gets the id
  // of the message that is replied to, or null.
  constructor({ where, sent, onReplyTo }) {
    Object.assign(this, { where, sent, onReplyTo });
    this.text = $('text');
    this.past = [];
    this.pastAt = -1;
    this.messages = [];
    this.commands = new Commands((command, send) => (send ? this.send(command, true) : this.fill(`${command} `)));
    this.listen();
    this.grow();
  }

  listen() {
    $('composer').addEventListener('submit', (e) => { e.preventDefault(); this.submit(); });
    this.text.addEventListener('input', () => { this.pastAt = -1; this.grow(); this.commands.refresh(); });
    this.text.addEventListener('keydown', (e) => this.key(e));
    this.text.addEventListener('focus', () => this.commands.refresh());
    this.text.addEventListener('blur', () => this.commands.close());
    this.text.addEventListener('paste', (e) => {
      if (e.clipboardData.files.length) { e.preventDefault(); this.attach(e.clipboardData.files[0]); }
    });
    $('attach').addEventListener('click', () => $('file').click());
    $('file').addEventListener('change', (e) => { if (e.target.files[0]) this.attach(e.target.files[0]); e.target.value = ''; });
    $('toggle-keys').addEventListener('click', () => this.showKeys($('keys').hidden));
    this.drop($('main'));
  }

  drop(zone) {
    let depth = 0;
    const hint = (on) => { $('notice').hidden = !on; };
    const files = (e) => e.dataTransfer?.types.includes('Files') && !$('composer').hidden;
    zone.addEventListener('dragenter', (e) => { if (files(e)) { e.preventDefault(); depth++; hint(true); } });
    zone.addEventListener('dragover', (e) => { if (files(e)) e.preventDefault(); });
    zone.addEventListener('dragleave', () => { depth = Math.max(0, depth - 1); if (depth === 0) hint(false); });
    zone.addEventListener('drop', (e) => {
      depth = 0;
      hint(false);
      if (!files(e)) return;
      e.preventDefault();
      this.attach(e.dataTransfer.files[0]);
    });
  }

  key(e) {
    if (e.isComposing || this.commands.key(e)) return;
    const arrow = { ArrowUp: -1, ArrowDown: 1 }[e.key];
    if (e.key === 'Enter' && !e.shiftKey) {
      e.preventDefault();
      this.submit();
    } else if (arrow && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      this.stepReply(arrow);
    } else if (arrow && this.past.length && (this.text.value === '' || this.pastAt >= 0)) {
      e.preventDefault();
      this.recall(arrow);
    } else if (e.key === 'Escape') {
      if (this.file) this.attach(null); else if (this.reply) this.replyTo(null);
    }
  }

  recall(step) {
    const at = this.pastAt < 0 ? this.past.length : this.pastAt;
    const next = Math.max(0, at + step);
    const text = this.past[next] ?? '';
    this.fill(text);
    this.commands.close();
    this.pastAt = next < this.past.length ? next : -1;
  }

  fill(text) {
    this.text.value = text;
    this.pastAt = -1;
    this.text.focus();
    this.text.setSelectionRange(text.length, text.length);
    this.grow();
  }

  grow() {
    this.text.style.height = 'auto';
    this.text.style.height = `${this.text.scrollHeight + 2}px`;
    this.text.style.overflowY = this.text.scrollHeight > this.text.clientHeight + 2 ? 'auto' : 'hidden';
  }

  async submit() {
    const text = this.text.value.trim();
    if (this.file) {
      const { file } = this;
      this.attach(null);
      this.fill('');
      if (await attempt(() => upload({ ...this.where(), name: file.name, caption: text }, file))) this.sent();
      else this.fill(text);
    } else if (text !== '') await this.send(text, true);
  }

  // send writes to the bot. typed: the text came from the box, which is emptied meanwhile.
  async send(text, typed) {
    if (text.length > LONGEST) {
      toast(`A message is at most ${LONGEST} characters long; this one has ${text.length}.`, true);
      return;
    }
    const reply = this.reply?.message_id;
    if (typed) this.fill('');
    this.replyTo(null);
    if (this.past.at(-1) !== text) this.past.push(text);
    const res = await attempt(() => post('send', { ...this.where(), text, reply_to: reply }));
    if (res) this.sent();
    else if (typed && this.text.value === '') this.fill(text);
  }

  attach(file) {
    if (file && file.size > LARGEST) {
      toast(`${file.name} is too large: at most ${bytes(LARGEST)}.`, true);
      return;
    }
    this.file = file;
    const box = $('attached');
    box.hidden = !file;
    box.replaceChildren();
    if (!file) return;
    box.append(h('span', { class: 'quote' }, h('b', {}, file.name), h('span', {}, `${bytes(file.size)}. The text becomes its caption.`)), this.remover('Do not send the file', () => this.attach(null)));
    if (file.type.startsWith('image/')) this.thumb(file, box);
    this.text.focus();
  }

  async thumb(file, box) {
    try {
      const bitmap = await createImageBitmap(file);
      const canvas = h('canvas', { width: 80, height: 80, 'aria-hidden': 'true' });
      const scale = Math.max(80 / bitmap.width, 80 / bitmap.height);
      canvas.getContext('2d').drawImage(bitmap, (80 - bitmap.width * scale) / 2, (80 - bitmap.height * scale) / 2, bitmap.width * scale, bitmap.height * scale);
      if (this.file === file) box.prepend(canvas);
    } catch { /* no picture after all: it goes as a document */ }
  }

  remover(label, onclick) {
    return h('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick: () => { onclick(); this.text.focus(); } }, icon('close'));
  }

  replyTo(id) {
    const m = this.messages.find((x) => x.message_id === id);
    this.reply = m || null;
    const box = $('reply-to');
    box.hidden = !m;
    box.replaceChildren();
    if (m) box.append(h('span', { class: 'quote' }, quoteOf(m)), this.remover('Do not reply', () => this.replyTo(null)));
    this.onReplyTo(m ? id : null);
    if (m) this.text.focus();
  }

  stepReply(step) {
    const at = this.reply ? this.messages.findIndex((m) => m.message_id === this.reply.message_id) : this.messages.length;
    const next = at + step;
    if (next >= this.messages.length) this.replyTo(null);
    else if (next >= 0) this.replyTo(this.messages[next].message_id);
  }

  // update takes the view's part; fresh: another chat than before.
  update(view, fresh) {
    this.messages = view.chat?.messages || [];
    this.commands.set(view.bot?.commands);
    if (fresh) {
      this.replyTo(null);
      this.keyboardJSON = undefined;
    }
    this.keyboard(view.chat?.reply_keyboard || null);
  }

  keyboard(kb) {
    const json = JSON.stringify(kb);
    if (json === this.keyboardJSON) return;
    this.keyboardJSON = json;
    const keys = $('keys');
    keys.replaceChildren(...(kb?.rows || []).map((row) => h('div', { class: 'inline-row' }, row.map((b) => h('button', { type: 'button', onclick: () => {
      if (kb.one_time) this.showKeys(false);
      this.send(b.text, false);
    } }, b.text)))));
    $('toggle-keys').hidden = !kb;
    this.text.placeholder = kb?.placeholder || 'Message';
    this.showKeys(Boolean(kb));
  }

  showKeys(on) {
    $('keys').hidden = !on;
    const toggle = $('toggle-keys');
    toggle.setAttribute('aria-expanded', String(on));
    toggle.setAttribute('aria-label', on ? 'Hide the bot’s keyboard' : 'Show the bot’s keyboard');
    toggle.title = toggle.getAttribute('aria-label');
  }

  typing(action, name) {
    setText($('typing'), action ? `${name} ${actions[action] || 'is busy'}…` : '');
    clearTimeout(this.acting);
    if (action) this.acting = setTimeout(() => setText($('typing'), ''), ACTION);
  }
}

const actions = {
  typing: 'is typing', upload_photo: 'sends a photo', upload_document: 'sends a file', record_video: 'records a video', upload_video: 'sends a video',
  record_voice: 'records a voice message', upload_voice: 'sends a voice message', choose_sticker: 'chooses a sticker', find_location: 'looks for a place',
  record_video_note: 'records a video message', upload_video_note: 'sends a video message',
};
