// The view loop: one long poll of GET view, never two; back by itself when the server was gone.
import { get } from './api.js';

const WAIT = 25; // seconds that the server may keep a poll
const PACE = 200; // at least so many ms between two renderings
const HIDDEN_PACE = 1000;
const BACKOFF = [300, 700, 1500, 3000, 5000];

export class ViewLoop {
  // target says what is shown, {bot, user, chat}; onView gets each view; onLost and onBack say how the
  // server does; onRefused gets the error of a view that cannot be shown.
  constructor({ target, onView, onLost, onBack, onRefused }) {
    Object.assign(this, { target, onView, onLost, onBack, onRefused });
    this.round = 0;
  }

  // restart begins again, for another bot, user or chat.
  restart() {
    this.abort?.abort();
    this.run(++this.round);
  }

  async run(round) {
    let after; // none yet: the first view comes at once
    let failures = 0;
    while (round === this.round) {
      const abort = this.abort = new AbortController();
      const limit = setTimeout(() => abort.abort(), (WAIT + 10) * 1000);
      try {
        const view = await get('view', { ...this.target(), after, wait: failures || after === undefined ? 0 : WAIT }, abort.signal);
        if (round !== this.round) return;
        if (failures) this.onBack();
        failures = 0;
        after = view.version;
        this.onView(view);
        await this.pause(document.hidden ? HIDDEN_PACE : PACE);
      } catch (err) {
        if (round !== this.round) return;
        if (err.status && err.status < 500) {
          if (this.onRefused(err)) return; // which has begun another round
        } else if (!err.status && err.name !== 'AbortError' && !(err instanceof TypeError)) {
          console.error(err); // a mistake in the page, not of the server
        }
        after = undefined; // the server may have begun anew
        this.onLost(err);
        await this.pause(BACKOFF[Math.min(failures++, BACKOFF.length - 1)]);
      } finally {
        clearTimeout(limit);
      }
    }
  }

  pause(ms) { return new Promise((done) => setTimeout(done, ms)); }
}
