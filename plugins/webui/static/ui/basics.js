// What every page is made of.
import { html, useEffect, useId, useRef, useState, signal } from '../lib/dom.js';
import { browserZone, formatIn, formatInstant, formatLocal, formatRelative, useNow } from '../lib/format.js';
import { href } from '../lib/router.js';
import { t } from '../locales/en.js';
import { Icon } from './icons.js';

/** A state, as icon and word. */
export function State({ value }) {
  const icon = { ready: 'succeeded', started: 'running', needs_grant: 'warning', incompatible: 'failed',
    disabled: 'paused', quarantined: 'warning', compiling: 'running', discovered: 'queued', draining: 'skipped', pending: 'queued', not_reached: 'skipped' }[value] || value;
  return html`<span class=${`state state-${icon}`} data-state=${value}><${Icon} name=${icon} />${t.states[value] || value}</span>`;
}

export const Link = ({ to, query, children, ...rest }) => html`<a href=${href(to, query)} ...${rest}>${children}</a>`;

/** An instant: the date, and how far away it is. Without a zone of its own it is in the reader's. */
export function Instant({ at, zone, distance = true }) {
  const now = useNow(10000, distance);
  if (!at) return html`<span class="muted">${t.none}</span>`;
  return html`<time datetime=${at} title=${zone ? t.timesIn(zone) : t.timesIn(browserZone)}>${zone ? formatIn(at, zone) : formatInstant(at)}${
    distance ? html` <span class="muted">(${formatRelative(at, now)})</span>` : ''}</time>`;
}

/** An occurrence as the clocks of its zone show it. */
export function Occurrence({ one }) {
  const { text, offset } = formatLocal(one.local);
  const now = useNow(10000);
  return html`<li class=${one.skipped ? 'occurrence left-out' : 'occurrence'}>
    <time datetime=${one.at}>${text}</time> <span class="muted">${offset}</span>${' '}
    ${one.skipped ? html`<strong>${t.schedule.leftOut}</strong>` : html`<span class="muted">(${formatRelative(one.at, now)})</span>`}
    ${one.note ? html`<span class="note"><${Icon} name="warning" /> ${one.note}${
      one.nominal ? ` ${t.schedule.nominal(formatLocal(one.nominal).text)}` : ''}</span>` : ''}
  </li>`;
}

/** What went wrong, where, and what to do about it. */
export function ErrorBox({ error, retry, title }) {
  if (!error) return null;
  return html`<div class="box box-error" role="alert">
    <p><${Icon} name="warning" /> <strong>${title || error.body?.title || t.error.title}</strong></p>
    ${error.message && error.message !== error.body?.title ? html`<p>${error.message}</p>` : ''}
    ${error.errors?.length ? html`<ul>${error.errors.map((one) => html`<li>
      <code>${one.pointer || one.parameter || '/'}</code> ${one.detail}</li>`)}</ul>` : ''}
    ${error.requestId ? html`<p class="muted">${t.error.requestId} <code>${error.requestId}</code></p>` : ''}
    ${retry ? html`<p><button type="button" onClick=${retry}>${t.retryLoading}</button></p>` : ''}
  </div>`;
}

export function Empty({ children }) {
  return html`<div class="box empty">${children}</div>`;
}

/** One of the three states of something that is loaded, or its content. `page` is for what is the whole of a page. */
export function Loaded({ from, page, children }) {
  if (from.data === undefined && from.error) return html`${page ? html`<h1 tabindex="-1">${page}</h1>` : ''}<${ErrorBox} error=${from.error} retry=${from.reload} />`;
  if (from.data === undefined) return html`<p class="loading" role="status">${t.loading}</p>`;
  return html`${from.error ? html`<${ErrorBox} error=${from.error} retry=${from.reload} title=${t.error.stale} />` : ''}<div aria-busy=${from.loading ? 'true' : 'false'}>${children(from.data)}</div>`;
}

/** JSON, as text: whatever stands in it is inert. */
export function Json({ value, label }) {
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return html`<div class="json"><${Copy} text=${text ?? 'null'} what=${label} /><pre tabindex="0" role="group" aria-label=${label || 'JSON'}>${text ?? 'null'}</pre></div>`;
}

export function Copy({ text, what }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement('textarea');
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand('copy');
      area.remove();
    }
    setDone(true);
    say(t.copied);
  };
  return html`<button type="button" class="small copy" aria-label=${t.copyWhat(what)} onClick=${copy}>
    <${Icon} name=${done ? 'succeeded' : 'copy'} /> ${done ? t.copied : t.copy}</button>`;
}

/** What was done, told once; read out to those who do not see it. */
const said = signal({ text: '', kind: 'good', count: 0 });

export function say(text, kind = 'good') {
  said.value = { text, kind, count: said.value.count + 1 };
}

export function Said() {
  const { text, kind, count } = said.value;
  useEffect(() => {
    if (!text) return undefined;
    const timer = setTimeout(() => { said.value = { ...said.value, text: '' }; }, 8000);
    return () => clearTimeout(timer);
  }, [count]);
  return html`<div class="said" role="status" aria-live="polite">${
    text ? html`<div class=${`box said-${kind}`}>${text} <button type="button" class="small" onClick=${() => say('')}>${t.dismiss}</button></div>` : ''}</div>`;
}

/** A modal question. The browser keeps the focus inside, closes it by Escape and gives the focus back. */
export function Dialog({ title, onClose, children }) {
  const ref = useRef(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return html`<dialog ref=${ref} aria-labelledby=${id} onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <h2 id=${id}>${title}</h2>${children}</dialog>`;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, text, action, danger, onYes, onClose }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p>${text}</p>
    <div class="actions">
      <button type="button" class=${danger ? 'danger' : 'primary'} onClick=${onYes}>${action}</button>
      <button type="button" onClick=${onClose}>${t.back}</button>
    </div></${Dialog}>`;
}

/** A labelled control with its hint and its faults. `children` gets the attributes that tie them together. */
export function Field({ label, hint, pointer, faults = [], required, children, wide }) {
  const id = useId();
  const described = [hint ? `${id}-hint` : '', faults.length ? `${id}-fault` : ''].filter(Boolean).join(' ');
  return html`<div class=${`field${wide ? ' wide' : ''}${faults.length ? ' faulty' : ''}`} data-pointer=${pointer}>
    <label for=${id}>${label}${required ? html` <span class="muted">${t.required}</span>` : ''}</label>
    ${children({ id, 'aria-describedby': described || undefined, 'aria-invalid': faults.length ? 'true' : undefined })}
    ${hint ? html`<p class="hint" id=${`${id}-hint`}>${hint}</p>` : ''}
    ${faults.length ? html`<ul class="faults" id=${`${id}-fault`}>${faults.map((one) => html`<li><${Icon} name="warning" /> ${
      one.pointer && pointer && one.pointer !== pointer ? html`<code>${one.pointer.slice(pointer.length) || one.pointer}</code> ` : ''}${one.detail}</li>`)}</ul>` : ''}
  </div>`;
}

/** A table that becomes a list of cards where there is no room. The roles survive the change of display. */
export function Table({ caption, columns, rows }) {
  return html`<table role="table"><caption class="hidden-text">${caption}</caption>
    <thead role="rowgroup"><tr role="row">${columns.map((one) => html`<th role="columnheader" scope="col">${one}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map((row) => html`<tr role="row" key=${row.key}>${row.cells.map((cell, at) => html`
      <td role="cell" data-label=${columns[at]}>${cell}</td>`)}</tr>`)}</tbody></table>`;
}

/** One of some choices. */
export function Select({ value, options, onChange, ...rest }) {
  return html`<select ...${rest} value=${value} onChange=${(event) => onChange(event.target.value)}>
    ${options.map(([key, label]) => html`<option value=${key} selected=${key === value}>${label}</option>`)}</select>`;
}

/** The end of a page of a list. */
export function Pager({ next, first, onNext, onFirst }) {
  if (!next && first) return null;
  return html`<nav class="pager" aria-label=${t.paging.label}>
    ${first ? '' : html`<button type="button" onClick=${onFirst}>${t.paging.first}</button>`}
    ${next ? html`<button type="button" onClick=${onNext}>${t.paging.next}</button>` : html`<span class="muted">${t.paging.end}</span>`}
  </nav>`;
}

export function LiveMark({ state }) {
  const icon = { live: 'active', polling: 'retry', paused: 'paused', off: 'warning' }[state];
  return html`<span class=${`live live-${state}`}><${Icon} name=${icon} />${t.live[state]}</span>`;
}

/** In whose zone the times of a list are. */
export const ZoneNote = ({ zone = browserZone }) => html`<p class="muted zone-note">${t.timesIn(zone)}</p>`;

export function Heading({ children, aside }) {
  return html`<div class="heading"><h1 tabindex="-1">${children}</h1>${aside ? html`<div class="aside">${aside}</div>` : ''}</div>`;
}

/** Whether something is under way, so that a button is not pressed twice. */
export function useAction() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const run = async (what) => {
    if (busy) return undefined;
    setBusy(true);
    setError(null);
    try {
      return await what();
    } catch (problem) {
      if (problem.name !== 'Problem') throw problem;
      setError(problem);
      return undefined;
    } finally {
      setBusy(false);
    }
  };
  return { busy, error, run, clear: () => setError(null) };
}
