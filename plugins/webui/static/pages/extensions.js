// Extensions: what there is, what each may do, and what to paste where something is missing.
import { html } from '../lib/dom.js';
import { get } from '../lib/api.js';
import { formatDuration, formatInstant, formatNumber } from '../lib/format.js';
import { useFresh, useLoad } from '../lib/load.js';
import { t } from '../locales/en.js';
import { Copy, Empty, Heading, Json, Link, LiveMark, Loaded, State, Table } from '../ui/basics.js';
import { Icon } from '../ui/icons.js';

export function Extensions() {
  const list = useLoad((abort) => get('extensions', {}, abort), []);
  const live = useFresh('ordinaut.extension.*', list.reload);
  return html`<${Heading} aside=${html`<${LiveMark} state=${live} />`}>${t.nav.extensions}</${Heading}>
    <${Loaded} from=${list}>${(page) => page.data.length ? html`<${Table} caption=${t.nav.extensions} columns=${t.extensions.columns} rows=${page.data.map((one) => ({
      key: one.name,
      cells: [
        html`<${Link} to=${`extensions/${one.name}`}>${one.name}</${Link}>`,
        html`<${State} value=${one.state} />${one.missing?.length ? html` <span class="muted">${t.extensions.missing(one.missing.length)}</span>` : ''}`,
        one.version || t.none, one.description || '',
        one.last_error ? html`<span class="why">${one.last_error.message}</span>` : '',
      ],
    }))} />` : html`<${Empty}>${t.extensions.empty}</${Empty}>`}</${Loaded}>`;
}

export function ExtensionPage({ name }) {
  const one = useLoad((abort) => get(`extensions/${encodeURIComponent(name)}`, {}, abort), [name]);
  const live = useFresh('ordinaut.extension.*', one.reload);
  return html`<${Loaded} from=${one} page=${name}>${(ext) => html`<${Heading} aside=${html`<${LiveMark} state=${live} />`}>${ext.name}</${Heading}>
    <p><${State} value=${ext.state} /> ${ext.version || ''}</p>
    ${ext.description ? html`<p>${ext.description}</p>` : ''}
    <${Missing} ext=${ext} />
    <${Failure} title=${t.extensions.lastError} error=${repeated(ext) ? null : ext.last_error} />
    <${Failure} title=${t.extensions.replacementError} error=${ext.replacement_error} />
    <div class="columns"><section aria-labelledby="grants"><h2 id="grants">${t.extensions.grants}</h2><${Grants} grants=${ext.grants} /></section>
    <section aria-labelledby="figures"><h2 id="figures">${t.extensions.figures}</h2><${Figures} ext=${ext} /></section></div>
    <${Part} id="tools" title=${t.extensions.tools} list=${ext.tools} row=${(tool) => html`<strong><code>${tool.address}</code></strong> ${tool.title || ''}<p>${tool.description}</p>`} />
    <${Part} id="routes" title=${t.extensions.routes} list=${ext.routes} row=${(route) => html`<code>${route.method} /ext/${ext.name}${route.path}</code> <span class="tag">${access(route.access)}</span> ${route.description || ''}`} />
    <${Part} id="jobs" title=${t.extensions.jobs} list=${ext.jobs} row=${(job) => html`<strong>${job.name}</strong> <code>${job.schedule}</code>${job.state ? html` ${t.states[job.state] || job.state}` : ''}${job.last_error ? html` <span class="why">${text(job.last_error)}</span>` : ''}`} />
    <${Part} id="subscriptions" title=${t.extensions.subscriptions} list=${ext.subscriptions} row=${(sub) => html`<strong>${sub.name}</strong> ${(sub.topics || sub.patterns || []).map((topic) => html`<code>${topic}</code> `)}`} />
    <section aria-labelledby="all"><h2 id="all">${t.extensions.everything}</h2><details><summary>${t.extensions.report}</summary><${Json} value=${ext} label=${t.extensions.report} /></details></section>`}</${Loaded}>`;
}

/** Whether the last error says only what stands on the page already: what is missing, or why the newer file does not serve. */
const repeated = (ext) => Boolean(ext.last_error && ((ext.state === 'needs_grant' && ext.missing?.length) || ext.replacement_error?.message === ext.last_error.message));

const text = (value) => (typeof value === 'string' ? value : value?.message || JSON.stringify(value));
const access = (value) => (typeof value === 'string' ? t.extensions.access[value] || value : Object.entries(value || {}).map(([name, of]) => `${name}: ${of}`).join(', '));

/** The lines that the operator has to write, ready to be pasted. */
function Missing({ ext }) {
  const lines = [...new Set((ext.missing || []).map((one) => one.toml).filter(Boolean))];
  const leftOut = ext.left_out || [];
  if (!ext.missing?.length && !leftOut.length) return null;
  const toml = `[grant]\n${lines.join('\n')}\n`;
  return html`<section class="box box-warning" aria-labelledby="missing"><h2 id="missing"><${Icon} name="warning" /> ${t.extensions.needs}</h2>
    <ul>${(ext.missing || []).map((one) => html`<li><code>${one.capability}</code> ${one.reason}</li>`)}${leftOut.map((one) => html`<li>${one}</li>`)}</ul>
    ${lines.length ? html`<p>${t.extensions.paste} <code>plugins/${ext.name}.toml</code></p><${Json} value=${toml} label=${t.extensions.lines} />` : ''}</section>`;
}

function Failure({ title, error }) {
  if (!error) return null;
  return html`<section class="box box-error" aria-label=${title}><p><${Icon} name="warning" /> <strong>${title}</strong> <code>${error.kind}</code>${error.at ? html` <span class="muted">${formatInstant(error.at)}</span>` : ''}</p>
    <p class="cause">${error.message}</p>
    ${error.backtrace ? html`<details><summary>${t.extensions.backtrace}</summary><${Json} value=${error.backtrace} label=${t.extensions.backtrace} /></details>` : ''}
    ${error.stderr ? html`<details><summary>${t.extensions.stderr}</summary><${Json} value=${error.stderr} label=${t.extensions.stderr} /></details>` : ''}</section>`;
}

function Grants({ grants }) {
  const held = Object.entries(grants || {}).filter(([, value]) => value !== null && value !== false && !(Array.isArray(value) && !value.length));
  if (!held.length) return html`<${Empty}>${t.extensions.noGrants}</${Empty}>`;
  return html`<dl class="facts">${held.map(([name, value]) => html`<div><dt><code>${name}</code></dt><dd>${[].concat(value).map((one) => html`<code>${typeof one === 'string' ? one : JSON.stringify(one)}</code> `)}</dd></div>`)}</dl>`;
}

function Figures({ ext }) {
  const facts = [
    [t.extensions.size, `${formatNumber(Math.round((ext.size || 0) / 1024))} KiB`],
    [t.extensions.loaded, ext.loaded_at ? formatInstant(ext.loaded_at) : t.none],
    [t.extensions.compile, ext.compile_ms === null || ext.compile_ms === undefined ? t.none : `${formatDuration(ext.compile_ms)}${ext.from_cache ? ` ${t.extensions.cached}` : ''}`],
    ...Object.entries(ext.counters || {}).filter(([, value]) => typeof value === 'number').map(([name, value]) => [t.extensions.counters[name] || name.replaceAll('_', ' '), formatNumber(value)]),
    [t.extensions.digest, html`<code class="break">${ext.digest || t.none}</code> ${ext.digest ? html`<${Copy} text=${ext.digest} what=${t.extensions.digest} />` : ''}`],
  ];
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function Part({ id, title, list, row }) {
  if (!list?.length) return null;
  return html`<section aria-labelledby=${id}><h2 id=${id}>${title}</h2><ul class="cards">${list.map((one) => html`<li>${row(one)}</li>`)}</ul></section>`;
}
