// Short notes at the foot of the page.
import { $, h } from './dom.js';

const LASTS = 4000; // ms

export function toast(text, bad) {
  const el = h('div', { class: bad ? 'toast bad' : 'toast' }, text);
  const box = $('toasts');
  box.append(el);
  while (box.children.length > 3) box.firstChild.remove();
  setTimeout(() => el.remove(), LASTS + text.length * 30);
}

// attempt runs something that calls the server, and says so when it went wrong. It returns undefined then.
export async function attempt(work) {
  try {
    return await work();
  } catch (err) {
    toast(err instanceof TypeError ? 'The sandbox does not answer.' : sentence(err.message), true);
    return undefined;
  }
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
