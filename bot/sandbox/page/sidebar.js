// What is shown: the bots, the people one writes as, and the chats.
import { $, avatar, h, personName, setList, setText } from './dom.js';

function row(key, current, face, title, note, extra, onclick) {
  return h('li', {}, h('button', { type: 'button', class: 'row', 'data-key': key, 'aria-current': String(current), onclick }, face,
    h('span', { class: 'row-text' }, h('b', {}, title), note && h('small', {}, note)), extra));
}

const pollWords = (b) => (b.webhook ? ['bad', 'webhook set'] : b.polling > 1 ? ['bad', `${b.polling} pollers`] : b.polling === 1 ? ['ok', 'polls'] : b.called ? ['warn', 'does not poll'] : ['', 'has not called yet']);

export const chatName = (c) => c.title || (c.id < 0 ? `Group ${c.id}` : `Chat ${c.id}`);

// drawSidebar brings the lists up to date; pick gets what was chosen.
export function drawSidebar(view, pick) {
  const bot = view.bot?.bot;
  const { user, chat } = view.shown;
  setList($('bots'), (view.bots || []).map((b) => ({ ...b, current: b.bot === bot })), (b) => b.bot, (b) => {
    const [state, words] = pollWords(b);
    return row(b.bot, b.current, avatar(b.bot, b.name), b.name || b.bot,
      `${b.username ? `@${b.username}` : b.bot}`, h('span', { class: 'row-end', title: words }, b.pending > 0 && h('span', { class: 'count', title: `${b.pending} updates wait` }, b.pending > 999 ? '999+' : b.pending), ' ', h('span', { class: `dot ${state}`, role: 'img', 'aria-label': words })), () => pick({ bot: b.bot }));
  });
  none($('bots'), 'None yet.');
  const users = view.users?.length ? view.users : [{ id: user, first_name: 'Sandbox user' }];
  setList($('users'), users.map((u) => ({ ...u, current: u.id === user })), (u) => u.id,
    (u) => row(u.id, u.current, avatar(u.id, personName(u), true), personName(u), u.username ? `@${u.username}` : `id ${u.id}`, null, () => pick({ user: u.id })));
  const groups = (view.chats || []).filter((c) => c.id < 0);
  if (chat < 0 && !groups.some((c) => c.id === chat)) groups.push({ id: chat, type: 'group', title: view.chat?.title || 'New group' });
  const name = view.bot?.name || 'the bot';
  const list = view.bot ? [{ id: user, title: `Private chat with ${name}`, private: bot }, ...groups] : [];
  setList($('chats'), list.map((c) => ({ ...c, current: c.id === chat })), (c) => c.id,
    (c) => row(c.id, c.current, avatar(c.private ? bot : c.id, c.private ? name : chatName(c), true), c.private ? 'Private chat' : chatName(c), c.private ? `with ${name}` : `${c.type}, id ${c.id}`, null, () => pick({ chat: c.id })));
  none($('chats'), 'None without a bot.');
  $('add-group').hidden = !view.bot;
}

function none(list, text) {
  let el = list.parentElement.querySelector('.list-none');
  if (list.childElementCount > 0) el?.remove();
  else if (!el) {
    el = h('p', { class: 'list-none' });
    list.after(el);
  }
  if (el) setText(el, text);
}

// newGroup is an id that no group has.
export function newGroup(chats) {
  return Math.min(-1000, ...chats.map((c) => c.id)) - 1;
}
