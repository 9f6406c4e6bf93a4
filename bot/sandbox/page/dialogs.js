// The dialogs. <dialog> keeps the focus inside, closes by Escape and gives the focus back.
import { copyText, h, icon } from './dom.js';
import { post } from './api.js';
import { attempt } from './toast.js';

function open(el) {
  const before = document.activeElement;
  document.body.append(el);
  el.addEventListener('close', () => {
    el.remove();
    if (before?.isConnected) before.focus();
  });
  el.addEventListener('click', (e) => { if (e.target === el) el.close(); }); // beside it
  el.showModal();
  return el;
}

const closeButton = (text, primary) => h('button', { type: 'button', class: primary ? 'button primary' : 'button', onclick: (e) => e.target.closest('dialog').close() }, text);

let titles = 0;

function titled(title, ...parts) {
  const id = `dialog-${++titles}`;
  return h('dialog', { 'aria-labelledby': id }, h('div', { class: 'dialog' }, h('h2', { id }, title), parts));
}

// snippet is text to be copied.
export function snippet(text, what) {
  const button = h('button', { type: 'button', 'aria-label': `Copy ${what}`, title: `Copy ${what}`, onclick: async () => {
    const done = await copyText(text);
    button.replaceChildren(icon(done ? 'done' : 'copy'));
    if (!done) getSelection().selectAllChildren(code);
    setTimeout(() => button.replaceChildren(icon('copy')), 1500);
  } }, icon('copy'));
  const code = h('code', {}, text);
  return h('div', { class: 'snippet' }, code, button);
}

function field(name, label, note, attrs) {
  return h('label', { class: 'field' }, label, h('input', { name, autocomplete: 'off', spellcheck: 'false', maxlength: 64, ...attrs }), note && h('small', {}, note));
}

// formDialog asks for fields. send gets their values; what it brings goes to done once the dialog is closed.
function formDialog(title, text, fields, action, send, done) {
  const form = h('form', { class: 'dialog', method: 'dialog', onsubmit: async (e) => {
    e.preventDefault();
    const values = Object.fromEntries([...new FormData(form)].map(([k, v]) => [k, v.trim()]).filter(([, v]) => v));
    const result = await attempt(() => send(values));
    if (result === undefined) return;
    el.close();
    done(result);
  } }, h('h2', { id: `dialog-${++titles}` }, title), text && h('p', {}, text), fields,
  h('div', { class: 'buttons' }, closeButton('Cancel'), h('button', { type: 'submit', class: 'button primary' }, action)));
  const el = h('dialog', { 'aria-labelledby': `dialog-${titles}` }, form);
  return open(el);
}

export function addBot(onAdded) {
  formDialog('Add a bot', 'The sandbox makes up a token for it.', [
    field('name', 'Name', null, { placeholder: 'Digest', autofocus: true }),
    field('username', 'Username', 'Must end in “bot”. May be left empty.', { placeholder: 'digest_bot' }),
  ], 'Add bot', (values) => post('bots', { ...values, username: values.username?.replace(/^@/, '') }), (made) => {
    onAdded(made.bot);
    showToken(made);
  });
}

const origin = () => location.origin;

function showToken({ bot, token }) {
  open(titled('The bot is ready',
    h('p', {}, `This is the token of bot ${bot}. It is shown this once.`),
    snippet(token, 'the token'),
    h('p', {}, 'Start a program with these two in its environment, and it polls here:'),
    snippet(`TELEGRAM_API_BASE=${origin()} TELEGRAM_BOT_TOKEN=${token} botctl run -- python bot.py`, 'the command'),
    h('div', { class: 'buttons' }, closeButton('Done', true))));
}

export function addUser(onAdded) {
  formDialog('Add a user', 'Another person to write as.', [
    field('first_name', 'First name', null, { required: true, autofocus: true }),
    field('last_name', 'Last name', 'May be left empty.'),
    field('username', 'Username', 'May be left empty.'),
  ], 'Add user', (values) => post('users', { ...values, username: values.username?.replace(/^@/, '') }), (made) => onAdded(made.id));
}

export function alertDialog(text) {
  open(h('dialog', { role: 'alertdialog', 'aria-label': 'The bot says' }, h('div', { class: 'dialog' },
    h('p', { class: 'said' }, text), h('div', { class: 'buttons' }, closeButton('OK', true)))));
}


export function photoDialog(url) {
  const el = open(h('dialog', { class: 'photo', 'aria-label': 'Photo' }, h('img', { src: url, alt: 'Photo, large', tabindex: 0, onclick: () => el.close() })));
}

const shortcuts = [
  ['/', 'Write a command: the list of the bot opens'],
  ['↑ ↓', 'Choose from the list; in an empty box: your last messages'],
  ['Enter', 'Send, or choose the command'],
  ['Shift + Enter', 'New line'],
  ['Tab', 'Put the chosen command into the box'],
  ['Ctrl + ↑ ↓', 'Choose a message to reply to'],
  ['Esc', 'Close, or take back the reply and the file'],
  ['Alt + B', 'Bots, chats and people'],
  ['Alt + P', 'Live poll and trouble'],
  ['Alt + M', 'The box to write in'],
  ['?', 'This list'],
];

export function shortcutDialog() {
  open(titled('Keyboard', h('div', { class: 'keys-table' }, shortcuts.map(([keys, what]) => [h('span', {}, h('kbd', {}, keys)), h('span', {}, what)])),
    h('div', { class: 'buttons' }, closeButton('Close', true))));
}
