// The chat page of the sandbox. This module joins the others and owns what is chosen: bot, user and chat.
import { $, avatar, h, icon, serverClock, setText } from './dom.js';
import { Buttons } from './buttons.js';
import { Chat } from './chat.js';
import { Composer } from './composer.js';
import { addBot, addUser, photoDialog, shortcutDialog, snippet } from './dialogs.js';
import { closeDrawer, drawerOpen, openDrawer, setUpDrawers } from './drawers.js';
import { drawPoll, headStatus, tick } from './poll.js';
import { chatName, drawSidebar, newGroup } from './sidebar.js';
import { drawTrouble, setUpTrouble } from './trouble.js';
import { ViewLoop } from './view.js';

const FIRST_USER = 1000;

let view = null; // the last one
let chosen = readHash(); // bot (text), user and chat (numbers), each 0 or '' while it is the server's choice
let shownKey = '';

const user = () => chosen.user || FIRST_USER;
const chatID = () => chosen.chat || user();
const where = () => ({ bot: view?.bot?.bot, user: user(), chat: chatID() });

const buttons = new Buttons(where, (id, at) => chat.button(id, at));
const chat = new Chat({
  onCommand: (command) => composer.send(command, false),
  onPhoto: photoDialog,
  onReply: (id) => composer.replyTo(id),
  onPress: (m, b, at) => buttons.press(m, b, at),
  isBusy: (id, at) => buttons.isBusy(id, at),
});
const composer = new Composer({ where, sent: () => chat.toEnd(), onReplyTo: (id) => chat.choose(id) });
const loop = new ViewLoop({
  target: () => chosen,
  onView: show,
  onLost: () => lost(true),
  onBack: () => lost(false),
  onRefused,
});

// lost: what the page shows is old while the server does not answer.
function lost(is) {
  $('banner').hidden = !is;
  $('app').classList.toggle('stale', is);
}

function readHash() {
  const params = new URLSearchParams(location.hash.slice(1));
  const number = (name) => { const n = Number(params.get(name)); return Number.isSafeInteger(n) ? n : 0; };
  return { bot: params.get('bot') || '', user: number('user'), chat: number('chat') };
}

// pick changes what is shown. A private chat is with the user who writes.
function pick(change) {
  const next = { ...chosen, ...change };
  if ('user' in change && !(next.chat < 0) || next.chat === (next.user || FIRST_USER)) next.chat = 0;
  if ('bot' in change && change.bot !== view?.bot?.bot) next.chat = 0;
  go(next);
  if (drawerOpen()) closeDrawer();
}

function go(next) {
  chosen = next;
  const params = new URLSearchParams(Object.entries(next).filter(([, v]) => v));
  history.replaceState(null, '', params.size ? `#${params}` : location.pathname);
  loop.restart();
}

// onRefused: the bot or chat of the address is not here (any more), so the server's choice is taken.
function onRefused() {
  if (!chosen.bot && !chosen.user && !chosen.chat) return false;
  go({ bot: '', user: 0, chat: 0 });
  return true;
}

function show(next) {
  view = next;
  view.shown = { user: user(), chat: chatID() };
  serverClock.set(view.now);
  const key = `${view.bot?.bot} ${user()} ${chatID()}`;
  const fresh = key !== shownKey;
  if (fresh) {
    shownKey = key;
    chat.clear();
    buttons.clear();
  }
  const messages = view.chat?.messages || [];
  drawSidebar(view, pick);
  chat.update(messages, chatID() < 0, view.bot);
  composer.update(view, fresh);
  composer.typing(view.chat?.action, view.bot?.name || 'The bot');
  buttons.notices(view.chat?.notices || []);
  drawHead();
  drawEmpty(messages.length);
  drawTrouble(view);
  drawPoll(view);
  drawBadge();
  document.documentElement.dataset.ready = key;
}

function drawHead() {
  const bot = view.bot;
  const group = chatID() < 0;
  const name = !bot ? 'No bot yet' : group ? chatName({ ...view.chat, id: chatID(), title: view.chat?.title || 'New group' }) : bot.name || bot.bot;
  setText($('head-title'), name);
  const face = $('head-avatar');
  face.hidden = !bot;
  if (bot && face.dataset.of !== `${chatID()} ${bot.bot} ${name}`) {
    face.dataset.of = `${chatID()} ${bot.bot} ${name}`;
    face.replaceChildren(...avatar(group ? chatID() : bot.bot, name).childNodes);
    face.className = avatar(group ? chatID() : bot.bot, name).className;
  }
  drawHeadStatus();
  document.title = bot ? `${name} · botctl sandbox` : 'botctl sandbox';
}

function drawHeadStatus() {
  const { state, text } = headStatus(view);
  const el = $('head-status');
  if (!view.bot) {
    el.replaceChildren();
    return;
  }
  if (!el.firstChild) el.append(h('span', { class: 'dot' }), h('span', {}));
  el.firstChild.className = `dot ${state}`;
  setText(el.lastChild, view.bot.username ? `${text} · @${view.bot.username}` : text);
}

function drawBadge() {
  const n = view.poll?.conflicts_live || 0;
  const holder = $('open-panel');
  let badge = holder.querySelector('.badge');
  if (n > 0 && !badge) holder.append(badge = h('span', { class: 'badge', 'aria-hidden': 'true' }));
  if (n === 0) badge?.remove(); else setText(badge, n > 99 ? '99+' : String(n));
  holder.setAttribute('aria-label', n > 0 ? `Live poll and trouble, ${n} conflicts` : 'Live poll and trouble');
}

function drawEmpty(count) {
  const kind = !view.bot ? 'bot' : count === 0 ? `chat ${shownKey}` : '';
  const el = $('empty');
  el.hidden = kind === '';
  $('composer').hidden = !view.bot;
  if (el.dataset.kind === kind) return;
  el.dataset.kind = kind;
  el.replaceChildren();
  if (kind === 'bot') el.append(noBot());
  else if (kind) el.append(noMessages());
}

function noBot() {
  return h('div', {}, h('h3', {}, 'Point a bot at this server'),
    h('p', {}, 'It appears here with its first call. Nothing leaves this machine, and any token will do.'),
    h('div', { class: 'step' }, h('span', {}, 'A sandbox and a bot with one command:'), snippet('botctl run --sandbox -- python bot.py', 'the command')),
    h('div', { class: 'step' }, h('span', {}, 'Any program that takes the server from its environment:'), snippet(`TELEGRAM_API_BASE=${location.origin}`, 'the line')),
    h('button', { type: 'button', class: 'button primary', onclick: newBot }, 'Make a token'),
    h('p', { class: 'wait' }, h('span', { class: 'spin', 'aria-hidden': 'true' }), 'Waiting for the first call'));
}

function noMessages() {
  return h('div', { class: 'slim' }, h('h3', {}, 'No messages here yet'),
    h('p', {}, chatID() < 0 ? 'The group is made with the first message.' : `Write to ${view.bot.name || 'the bot'}, or begin as everybody does:`),
    h('button', { type: 'button', class: 'button primary', onclick: () => { composer.send('/start', false); $('text').focus(); } }, 'Start'));
}

const newBot = () => addBot((bot) => pick({ bot }));

function setUpTheme() {
  const root = document.documentElement;
  const next = { auto: 'light', light: 'dark', dark: 'auto' };
  const words = { auto: 'as the system', light: 'light', dark: 'dark' };
  const draw = () => {
    const now = root.dataset.theme || 'auto';
    $('theme').replaceChildren(icon(now));
    $('theme').title = `Theme: ${words[now]}`;
    $('theme').setAttribute('aria-label', `Theme: ${words[now]}. Change it`);
  };
  $('theme').addEventListener('click', () => {
    const to = next[root.dataset.theme || 'auto'];
    if (to === 'auto') delete root.dataset.theme; else root.dataset.theme = to;
    try { localStorage.setItem('botctl-theme', to); } catch { /* it lasts until the page is left */ }
    draw();
  });
  draw();
}

function onKey(e) {
  if (document.querySelector('dialog[open]') || e.defaultPrevented) return;
  const typing = e.target.closest?.('input, textarea');
  const bare = !e.ctrlKey && !e.metaKey && !e.altKey;
  if (e.key === 'Escape' && drawerOpen()) closeDrawer();
  else if (e.altKey && e.code === 'KeyB') openDrawer('side');
  else if (e.altKey && e.code === 'KeyP') openDrawer('panel');
  else if (e.altKey && e.code === 'KeyM') toText();
  else if (bare && !typing && e.key === '?') shortcutDialog();
  else if (bare && !typing && e.key === '/') {
    toText();
    if ($('text').value === '') composer.fill('/');
    composer.commands.refresh();
  } else return;
  e.preventDefault();
}

function toText() {
  if (drawerOpen()) closeDrawer();
  $('text').focus();
}

function setUp() {
  for (const [id, name] of [['attach', 'clip'], ['send', 'send'], ['toggle-keys', 'keys']]) $(id).append(icon(name));
  setUpTheme();
  setUpDrawers();
  setUpTrouble(() => view);
  $('skip').addEventListener('click', toText);
  $('help').addEventListener('click', shortcutDialog);
  $('add-bot').addEventListener('click', newBot);
  $('add-user').addEventListener('click', () => addUser((id) => pick({ user: id })));
  $('add-group').addEventListener('click', () => { pick({ chat: newGroup(view?.chats || []) }); $('text').focus(); });
  addEventListener('keydown', onKey);
  addEventListener('hashchange', () => { chosen = readHash(); loop.restart(); });
  document.addEventListener('visibilitychange', () => { if (!document.hidden) tick(view); });
  setInterval(() => { if (view && !document.hidden && $('banner').hidden) { tick(view); drawHeadStatus(); } }, 1000);
  loop.restart();
}

setUp();
