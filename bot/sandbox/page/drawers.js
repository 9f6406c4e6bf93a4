// On narrow screens the two columns beside the chat are drawers: one at a time, the rest is inert meanwhile.
import { $, icon } from './dom.js';

const names = ['side', 'panel'];
let opened = null;

const isDrawer = (name) => getComputedStyle($(name)).position === 'fixed';

export function openDrawer(name) {
  if (!isDrawer(name)) {
    [...$(name).querySelectorAll('button:enabled')].find((el) => el.offsetParent)?.focus(); // the first one that is seen
    return;
  }
  if (opened === name) {
    closeDrawer();
    return;
  }
  if (opened) closeDrawer();
  opened = name;
  $(name).classList.add('open');
  $('scrim').hidden = false;
  $(`open-${name}`).setAttribute('aria-expanded', 'true');
  for (const other of ['main', ...names]) $(other).inert = other !== name;
  $(name).querySelector('.drawer-close').focus();
}

export function closeDrawer() {
  if (!opened) return;
  const button = $(`open-${opened}`);
  $(opened).classList.remove('open');
  opened = null;
  settle();
  button.setAttribute('aria-expanded', 'false');
  button.focus();
}

function settle() {
  $('scrim').hidden = true;
  for (const name of ['main', ...names]) $(name).inert = false;
}

export function setUpDrawers() {
  $('open-side').append(icon('menu'));
  $('open-panel').append(icon('pulse'));
  for (const name of names) {
    $(`open-${name}`).addEventListener('click', () => openDrawer(name));
    $(name).querySelector('.drawer-close').append(icon('close'));
    $(name).querySelector('.drawer-close').addEventListener('click', closeDrawer);
  }
  $('scrim').addEventListener('click', closeDrawer);
  addEventListener('resize', () => { if (opened && !isDrawer(opened)) closeDrawer(); });
}

export const drawerOpen = () => opened;
