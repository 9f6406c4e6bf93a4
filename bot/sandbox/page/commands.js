// The list of a bot's commands, open while a command is being typed.
import { $, h } from './dom.js';

const COMMAND = /^\/([A-Za-z0-9_]*)$/;

export class Commands {
  // choose gets a command as text and whether to send it at once.
  constructor(choose) {
    this.choose = choose;
    this.box = $('commands');
    this.text = $('text');
    this.known = [];
    this.shown = [];
    this.at = 0;
    this.dismissed = '';
  }

  set(list) {
    const known = list?.length ? list : [{ command: 'start', description: 'Begin the chat. The bot has not set a list of commands.' }];
    if (JSON.stringify(known) === JSON.stringify(this.known)) return;
    this.known = known;
    this.refresh();
  }

  get open() { return !this.box.hidden; }

  // refresh fits the list to what has been typed.
  refresh() {
    const typed = COMMAND.exec(this.text.value)?.[1].toLowerCase();
    if (this.text.value !== this.dismissed) this.dismissed = '';
    if (typed === undefined || this.dismissed || document.activeElement !== this.text) {
      this.close();
      return;
    }
    const fits = this.known.filter((c) => c.command.toLowerCase().startsWith(typed));
    this.shown = [...fits.filter((c) => c.command.toLowerCase() === typed), ...fits.filter((c) => c.command.toLowerCase() !== typed)];
    this.at = 0;
    if (this.shown.length === 0) this.close(); else this.draw();
  }

  draw() {
    this.box.replaceChildren(...this.shown.map((c, i) => h('div', {
      class: 'option', role: 'option', id: `command-${i}`, 'aria-selected': 'false',
      onpointerdown: (e) => e.preventDefault(), // the focus stays where it is
      onclick: () => this.take(i, true),
    }, h('b', {}, `/${c.command}`), h('span', {}, c.description || ''))));
    this.box.hidden = false;
    this.text.setAttribute('aria-expanded', 'true');
    this.mark();
  }

  mark() {
    [...this.box.children].forEach((el, i) => el.setAttribute('aria-selected', String(i === this.at)));
    const el = this.box.children[this.at];
    el.scrollIntoView({ block: 'nearest' });
    this.text.setAttribute('aria-activedescendant', el.id);
  }

  close() {
    this.box.hidden = true;
    this.text.setAttribute('aria-expanded', 'false');
    this.text.removeAttribute('aria-activedescendant');
  }

  take(i, send) {
    const command = `/${this.shown[i].command}`;
    this.close();
    this.choose(command, send);
  }

  // key returns whether the list has used the key.
  key(e) {
    if (!this.open) return false;
    const n = this.shown.length;
    switch (e.key) {
      case 'ArrowDown': this.at = (this.at + 1) % n; this.mark(); break;
      case 'ArrowUp': this.at = (this.at + n - 1) % n; this.mark(); break;
      case 'Enter': if (e.shiftKey) return false; this.take(this.at, true); break;
      case 'Tab': if (e.shiftKey) return false; this.take(this.at, false); break;
      case 'Escape': this.dismissed = this.text.value; this.close(); break;
      default: return false;
    }
    e.preventDefault();
    return true;
  }
}
