// The buttons that bring trouble. Each is one call below /sandbox/.
import { $, h, setText } from './dom.js';
import { post } from './api.js';
import { attempt, toast } from './toast.js';

const poll = { method: 'getUpdates' };
const fault = (body) => (bot) => post('fault', { bot, ...body });

const list = [
  { id: 'rival', name: 'Rival poller', note: 'for 30 s', does: fault({ rival: true, for_seconds: 30 }),
    says: 'A second poller of the same bot takes the slot for 30 seconds. Both get 409 in turns, and updates go to either.' },
  { id: 'one-409', name: 'One 409', note: 'next poll', does: fault({ ...poll, status: 409, count: 1 }),
    says: 'The next poll is answered 409 Conflict, as when another program polled for a moment. A good bot tries again.' },
  { id: 'storm', name: 'Storm of 409', note: 'for 20 s', does: fault({ ...poll, status: 409, for_seconds: 20 }),
    says: 'Every poll gets 409 Conflict for 20 seconds, as while an old instance is still being replaced.' },
  { id: '401', name: '401', note: 'next poll', does: fault({ ...poll, status: 401, count: 1 }),
    says: 'The next poll gets 401 Unauthorized, as when the token was revoked. There is no use in trying again.' },
  { id: '429', name: '429', note: 'next poll', does: fault({ ...poll, status: 429, retry_after: 5, count: 1 }),
    says: 'The next poll gets 429 Too Many Requests with retry_after 5: the bot must be quiet for 5 seconds.' },
  { id: '502', name: '502', note: 'for 10 s', does: fault({ status: 502, html: true, for_seconds: 10 }),
    says: 'Every call gets 502 Bad Gateway with a proxy’s HTML page for 10 seconds. It is no JSON.' },
  { id: 'slow', name: 'Slow', note: '3 s each, 30 s', does: fault({ delay_millis: 3000, for_seconds: 30 }),
    says: 'Every call is answered rightly, but 3 seconds late, for 30 seconds.' },
  { id: 'hang', name: 'Hang a poll', note: 'next poll', does: fault({ ...poll, hang: true, count: 1 }),
    says: 'The next poll is never answered. Only a bot with a read timeout of its own comes back.' },
  { id: 'cut', name: 'TCP reset', note: 'next poll', does: fault({ ...poll, reset: true, count: 1 }),
    says: 'The connection of the next poll is reset instead of an answer.' },
  { id: 'restart', name: 'Restart', note: 'for 3 s', does: fault({ restart: true, for_seconds: 3 }),
    says: 'The server ends and is back after 3 seconds: open polls are answered empty, calls get 429 meanwhile. The queue survives.' },
  { id: 'webhook', name: 'Webhook', note: 'set it', does: (bot, view) => post('webhook', { bot, url: view.poll?.webhook ? '' : 'https://example.com/webhook' }),
    says: 'Sets a webhook, as another program with the token may do: every poll gets 409 until it is deleted, with this button or by the bot.' },
  { id: 'inject', name: 'Messages', note: '100 at once', does: (bot) => post('inject', { bot, count: 100, rate: 0, text: 'message {n}', users: 10 }),
    says: 'Puts 100 messages of ten people into the queue at once: a getUpdates brings 100 at most.' },
];

// setUpTrouble makes the buttons. now gives the present view, or nothing.
export function setUpTrouble(now) {
  const bot = () => now()?.bot?.bot;
  const hint = $('trouble-hint');
  for (const t of list) {
    const id = `trouble-${t.id}`;
    const tell = () => setText(hint, t.says);
    const run = async () => {
      tell();
      if (await attempt(() => t.does(bot(), now()))) toast(`${t.name}: done.`);
    };
    $('trouble').append(h('button', { type: 'button', id, title: t.says, 'aria-describedby': `${id}-says`, onclick: run, onpointerenter: tell, onfocus: tell, disabled: true },
      h('b', {}, t.name), h('small', {}, t.note), h('span', { id: `${id}-says`, hidden: true }, t.says)));
  }
  $('clear-faults').addEventListener('click', () => attempt(() => post('fault/clear', { bot: bot() })));
  $('reset').addEventListener('click', async () => {
    if (await attempt(() => post('reset', {}))) toast('The verdict begins anew.');
  });
}

export function drawTrouble(view) {
  const idle = !view.bot;
  for (const el of $('trouble').children) if (el.disabled !== idle) el.disabled = idle;
  $('reset').disabled = idle;
  setText($('trouble-webhook').querySelector('small'), view.poll?.webhook ? 'delete it' : 'set it');
}
