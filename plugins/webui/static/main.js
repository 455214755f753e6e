// The frame around the pages: who is signed in, where one is, and what the keys do.
import { html, render, useEffect, useRef, useState } from './lib/dom.js';
import { resume, session, signOut, may } from './lib/api.js';
import { go, place, visits } from './lib/router.js';
import { remember, remembered } from './lib/store.js';
import { t } from './locales/en.js';
import { Dialog, ErrorBox, Link, Said, Select } from './ui/basics.js';
import { Icon } from './ui/icons.js';
import { SignIn } from './pages/sign_in.js';
import { Overview } from './pages/overview.js';
import { Tasks } from './pages/tasks.js';
import { lazy } from './ui/lazy.js';

// Fetched when they are first gone to.
const TaskPage = lazy(() => import('./pages/task.js'), 'TaskPage');
const TaskForm = lazy(() => import('./pages/task_form.js'), 'TaskForm');
const Runs = lazy(() => import('./pages/runs.js'), 'Runs');
const RunPage = lazy(() => import('./pages/run.js'), 'RunPage');
const Events = lazy(() => import('./pages/events.js'), 'Events');
const Extensions = lazy(() => import('./pages/extensions.js'), 'Extensions');
const ExtensionPage = lazy(() => import('./pages/extensions.js'), 'ExtensionPage');
const Agents = lazy(() => import('./pages/agents.js'), 'Agents');

const SECTIONS = ['', 'tasks', 'runs', 'events', 'extensions', 'agents'];

function page([section, id, part], query) {
  switch (section) {
    case '': return html`<${Overview} />`;
    case 'tasks':
      if (id === 'new') return html`<${TaskForm} key=${`new-${query.get('from') || ''}`} from=${query.get('from')} />`;
      if (id && part === 'edit') return html`<${TaskForm} key=${id} id=${id} />`;
      if (id && !part) return html`<${TaskPage} key=${id} id=${id} />`;
      return id ? html`<${NotFound} />` : html`<${Tasks} />`;
    case 'runs': return id ? html`<${RunPage} key=${id} id=${id} />` : html`<${Runs} />`;
    case 'events': return html`<${Events} />`;
    case 'extensions': return id ? html`<${ExtensionPage} key=${id} name=${id} />` : html`<${Extensions} />`;
    case 'agents': return html`<${Agents} />`;
    default: return html`<${NotFound} />`;
  }
}

function NotFound() {
  return html`<h1 tabindex="-1">${t.notFound.title}</h1><p>${t.notFound.text}</p><p><${Link} to="">${t.nav.overview}</${Link}></p>`;
}

function ThemeChoice() {
  const [theme, setTheme] = useState(remembered('theme', 'system'));
  const choose = (value) => {
    setTheme(value);
    remember('theme', value === 'system' ? null : value);
    if (value === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = value;
  };
  return html`<label class="theme"><${Icon} name="theme" /><span class="hidden-text">${t.theme.label}</span>
    <${Select} value=${theme} options=${Object.entries(t.theme.choices)} onChange=${choose} /></label>`;
}

function Header({ onHelp }) {
  const here = place.value.parts[0];
  const shown = SECTIONS.filter((one) => one !== 'agents' || may('agents:admin'));
  return html`<header class="top">
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById('main').focus(); }}>${t.skip}</a>
    <div class="top-inner">
      <${Link} to="" class="brand">Ordinaut</${Link}>
      ${session.value ? html`<nav aria-label=${t.nav.label}><ul>${shown.map((one) => html`<li>
        <${Link} to=${one} aria-current=${here === one ? 'page' : undefined}>${t.nav[one || 'overview']}</${Link}></li>`)}</ul></nav>` : ''}
      <div class="tools">
        <${ThemeChoice} />
        <button type="button" class="small" onClick=${onHelp} aria-haspopup="dialog"><span aria-hidden="true">?</span><span class="hidden-text">${t.help.open}</span></button>
        ${session.value ? html`<span class="who">${session.value.agent?.name}</span>
          <button type="button" class="small" onClick=${() => signOut().catch(() => {})}>${t.signOut}</button>` : ''}
      </div>
    </div>
  </header>`;
}

function Help({ onClose, keys, setKeys }) {
  return html`<${Dialog} title=${t.help.title} onClose=${onClose}>
    <dl class="keys">${t.help.keys.map(([key, what]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${what}</dd></div>`)}</dl>
    <p><label><input type="checkbox" checked=${keys} onChange=${(event) => setKeys(event.target.checked)} /> ${t.help.single}</label></p>
    <p>${t.help.text}</p>
    <div class="actions"><button type="button" class="primary" onClick=${onClose}>${t.close}</button></div>
  </${Dialog}>`;
}

function useKeys(enabled, onHelp) {
  useEffect(() => {
    if (!enabled) return undefined;
    const pressed = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !session.value) return;
      if (event.target.closest?.('input, textarea, select, dialog, [contenteditable]')) return;
      const act = {
        '?': onHelp,
        '/': () => (document.querySelector('[data-search]') || { focus: () => go('tasks') }).focus(),
        n: () => go('tasks/new'),
        o: () => go(''), t: () => go('tasks'), r: () => go('runs'), e: () => go('events'), x: () => go('extensions'),
      }[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    document.addEventListener('keydown', pressed);
    return () => document.removeEventListener('keydown', pressed);
  }, [enabled]);
}

/** After a navigation the focus and the title belong to the new page. */
function useFocus() {
  const visit = visits.value;
  const main = useRef(null);
  useEffect(() => {
    const name = () => {
      const title = main.current?.querySelector('h1')?.textContent?.trim();
      const wanted = title ? `${title} · Ordinaut` : 'Ordinaut';
      if (document.title !== wanted) document.title = wanted;
    };
    name();
    const watch = new MutationObserver(name);
    watch.observe(main.current, { childList: true, subtree: true, characterData: true });
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (visit === 0) return;
    window.scrollTo(0, 0);
    (main.current?.querySelector('h1') || main.current)?.focus();
  }, [visit]);
  return main;
}

function App() {
  const [failure, setFailure] = useState(null);
  const [help, setHelp] = useState(false);
  const [keys, setKeys] = useState(remembered('keys', 'on') === 'on');
  const begin = () => resume().then(() => setFailure(null), setFailure);
  useEffect(() => { begin(); }, []);
  useKeys(keys, () => setHelp(true));
  const main = useFocus();
  const who = session.value;
  // While somebody has to sign in again, the page waits behind: what was being written is not lost.
  const last = useRef(null);
  if (who) last.current = who.agent?.id;
  return html`<${Header} onHelp=${() => setHelp(true)} />
    <main id="main" tabindex="-1" ref=${main}>
      ${failure && who === undefined ? html`<h1 tabindex="-1">Ordinaut</h1><${ErrorBox} error=${failure} retry=${begin} />` : ''}
      ${!failure && who === undefined ? html`<p class="loading" role="status">${t.loading}</p>` : ''}
      ${who === null ? html`<${SignIn} again=${Boolean(last.current)} />` : ''}
      ${last.current ? html`<div key=${last.current} hidden=${!who}>${page(place.value.parts, place.value.query)}</div>` : ''}
    </main>
    <${Said} />
    ${help ? html`<${Help} keys=${keys} setKeys=${(on) => { setKeys(on); remember('keys', on ? null : 'off'); }} onClose=${() => setHelp(false)} />` : ''}`;
}

// Asked for again after every navigation: a relative address would then mean another file.
document.querySelector('link[rel=icon]')?.setAttribute('href', new URL('icon.svg', import.meta.url).href);

render(html`<${App} />`, document.getElementById('app'));
