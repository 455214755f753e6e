// One task: when it runs, what it does, what came of it, and what can be done to it.
import { html, useState } from '../lib/dom.js';
import { ask, get, may, post } from '../lib/api.js';
import { browserZone, formatAllIn, formatIn, instantOf } from '../lib/format.js';
import { go } from '../lib/router.js';
import { useFresh, useLoad } from '../lib/load.js';
import { t } from '../locales/en.js';
import { Confirm, Dialog, Empty, ErrorBox, Field, Heading, Instant, Json, Link, LiveMark, Loaded, Occurrence, Select, State, say, useAction } from '../ui/basics.js';
import { Icon } from '../ui/icons.js';
import { RunList } from './runs.js';

export function TaskPage({ id }) {
  const path = `tasks/${encodeURIComponent(id)}`;
  const task = useLoad((abort) => get(path, {}, abort), [id]);
  const runs = useLoad((abort) => get('runs', { task_id: id, limit: 10 }, abort), [id]);
  const mine = (event) => event.subject === id || event.data?.task_id === id;
  const reload = () => { task.reload(); runs.reload(); };
  const live = useFresh('ordinaut.task.*,ordinaut.run.*', reload, { wanted: mine });
  return html`<${Loaded} from=${task} page=${t.pages.task}>${(one) => html`
    <${Heading} aside=${html`<${LiveMark} state=${live} />`}>${one.title}</${Heading}>
    <p><${State} value=${one.status} /> ${(one.tags || []).map((tag) => html`<${Link} class="tag" to="tasks" query=${{ tag }}>${tag}</${Link}> `)}</p>
    ${one.description ? html`<p class="description">${one.description}</p>` : ''}
    <${Controls} task=${one} path=${path} reload=${reload} />
    <div class="columns"><${When} task=${one} /><${What} task=${one} /></div>
    <section aria-labelledby="last-runs"><h2 id="last-runs">${t.task.lastRuns}</h2><${Loaded} from=${runs}>${(page) => page.data.length
      ? html`<${RunList} runs=${page.data} caption=${t.task.lastRuns} ofOne zone=${zoneOf(one)} /><p><${Link} to="runs" query=${{ task_id: id }}>${t.task.allRuns}</${Link}></p>`
      : html`<${Empty}>${t.task.noRuns}</${Empty}>`}</${Loaded}></section>
    <section aria-labelledby="settings"><h2 id="settings">${t.task.settings}</h2><${Settings} task=${one} /></section>`}</${Loaded}>`;
}

/** Times of a task are told by the clocks of its schedule. */
const zoneOf = (task) => task.timezone || browserZone;

function When({ task }) {
  const wanted = { schedule_kind: task.schedule_kind, schedule_expr: task.schedule_expr, timezone: task.timezone, dst: task.dst || undefined, starts_at: task.starts_at || undefined, count: 5 };
  const byTime = ['cron', 'rrule', 'once'].includes(task.schedule_kind);
  const preview = useLoad((abort) => (byTime ? post('schedules/preview', wanted, { abort }) : Promise.resolve(null)), [JSON.stringify(wanted)]);
  const ends = task.ends_at ? new Date(task.ends_at) : null;
  return html`<section aria-labelledby="when"><h2 id="when">${t.task.when}</h2>
    <p class="sentence">${task.schedule?.description || preview.data?.description || ''}</p>
    ${task.status === 'active' ? html`<p>${t.task.nextRun} <strong><${Instant} at=${task.next_run_at} zone=${zoneOf(task)} /></strong></p>` : html`<p>${t.task.idle[task.status]}</p>`}
    <${Loaded} from=${preview}>${(data) => data ? html`<h3>${t.schedule.next(data.timezone)}</h3>
      <ul class="occurrences">${data.occurrences.filter((one) => !ends || new Date(one.at) <= ends).map((one) => html`<${Occurrence} key=${one.at} one=${one} />`)}</ul>
      ${data.ends ? html`<p class="muted">${t.schedule.ends}</p>` : ''}` : ''}</${Loaded}>
    <details><summary>${t.schedule.expression}</summary><${Json} value=${task.schedule_expr} label=${t.schedule.expression} /></details>
  </section>`;
}

function What({ task }) {
  const steps = task.payload?.pipeline || [];
  return html`<section aria-labelledby="what"><h2 id="what">${t.task.what}</h2>
    ${steps.length ? html`<ol class="steps">${steps.map((step, at) => html`<li><strong>${step.id || `step_${at + 1}`}</strong> <code>${step.uses}</code>
      ${step.if ? html`<p class="muted">${t.pipeline.onlyIf} <code>${step.if}</code></p>` : ''}
      ${step.save_as ? html`<p class="muted">${t.pipeline.savedAs} <code>steps.${step.save_as}</code></p>` : ''}
      ${step.with && Object.keys(step.with).length ? html`<details><summary>${t.pipeline.arguments}</summary><${Json} value=${step.with} label=${t.pipeline.arguments} /></details>` : ''}</li>`)}</ol>`
      : html`<${Empty}>${t.task.noSteps}</${Empty}>`}
    ${task.payload?.params && Object.keys(task.payload.params).length ? html`<details><summary>${t.pipeline.params}</summary><${Json} value=${task.payload.params} label=${t.pipeline.params} /></details>` : ''}
  </section>`;
}

function Settings({ task }) {
  const names = ['timezone', 'priority', 'overlap_policy', 'misfire_policy', 'max_retries', 'timeout_seconds', 'concurrency_key', 'starts_at', 'ends_at', 'max_runs', 'jitter_seconds', 'durability'];
  const facts = names.filter((name) => task[name] !== undefined && task[name] !== null);
  return html`<dl class="facts">${facts.map((name) => html`<div><dt>${t.form.fields[name] || name}</dt><dd>${t.form.choices[name]?.[task[name]] || String(task[name])}</dd></div>`)}
    <div><dt>${t.task.created}</dt><dd>${formatIn(task.created_at, zoneOf(task))}</dd></div><div><dt>${t.task.updated}</dt><dd>${formatIn(task.updated_at, zoneOf(task))}</dd></div>
    <div><dt>${t.task.id}</dt><dd><code>${task.id}</code></dd></div></dl>
    <details><summary>${t.task.json}</summary><${Json} value=${task} label=${t.task.json} /></details>`;
}

function Controls({ task, path, reload }) {
  const [open, setOpen] = useState(null);
  const { busy, error, run } = useAction();
  const act = (verb, body) => run(async () => {
    setOpen(null);
    const answer = await post(`${path}/${verb}`, body);
    if (verb === 'run_now') {
      say(t.task.started);
      go(`runs/${answer.id}`);
      return;
    }
    say(answer.message ? formatAllIn(answer.message, zoneOf(task)) : t.done);
    reload();
  });
  const remove = () => run(async () => {
    setOpen(null);
    const { etag } = await ask('GET', path);
    await ask('DELETE', path, { headers: { 'if-match': etag || '*' } });
    say(t.task.deleted(task.title));
    go('tasks');
  });
  const writes = may('tasks:write');
  const over = task.status === 'canceled';
  const simple = (verb, label, primary) => html`<button type="button" class=${primary ? 'primary' : ''} disabled=${busy} onClick=${() => act(verb)}>${label}</button>`;
  return html`<div class="toolbar" role="group" aria-label=${t.task.controls}>
      ${may('runs:trigger') && !over ? simple('run_now', t.task.runNow, true) : ''}
      ${writes && task.status === 'active' ? simple('pause', t.task.pause) : ''}
      ${writes && task.status === 'paused' ? simple('resume', t.task.resume) : ''}
      ${writes && task.status === 'active' && task.next_run_at ? html`
        <button type="button" disabled=${busy} onClick=${() => setOpen('snooze')}>${t.task.snooze}</button>
        <button type="button" disabled=${busy} onClick=${() => setOpen('skip')}>${t.task.skip}</button>` : ''}
      ${writes && !over ? html`<${Link} class="button" to=${`tasks/${task.id}/edit`}><${Icon} name="edit" /> ${t.task.edit}</${Link}>` : ''}
      ${writes ? html`<${Link} class="button" to="tasks/new" query=${{ from: task.id }}>${t.task.duplicate}</${Link}>` : ''}
      ${writes && !over ? html`<button type="button" class="danger" disabled=${busy} onClick=${() => setOpen('cancel')}>${t.task.cancel}</button>` : ''}
      ${may('tasks:delete') ? html`<button type="button" class="danger" disabled=${busy} onClick=${() => setOpen('delete')}><${Icon} name="trash" /> ${t.task.remove}</button>` : ''}
    </div>
    <${ErrorBox} error=${error} />
    ${open === 'snooze' ? html`<${Snooze} task=${task} onClose=${() => setOpen(null)} onDone=${(body) => act('snooze', body)} />` : ''}
    ${open === 'skip' ? html`<${Confirm} title=${t.task.skip} text=${t.task.skipText(formatIn(task.next_run_at, zoneOf(task)))} action=${t.task.skip} onYes=${() => act('skip_next')} onClose=${() => setOpen(null)} />` : ''}
    ${open === 'cancel' ? html`<${Confirm} danger title=${t.task.cancel} text=${t.task.cancelText(task.title)} action=${t.task.cancel} onYes=${() => act('cancel')} onClose=${() => setOpen(null)} />` : ''}
    ${open === 'delete' ? html`<${Remove} task=${task} onClose=${() => setOpen(null)} onYes=${remove} />` : ''}`;
}

/** The history goes with the task: its title has to be typed. */
function Remove({ task, onYes, onClose }) {
  const [typed, setTyped] = useState('');
  const same = typed.trim() === task.title.trim();
  return html`<${Dialog} title=${t.task.remove} onClose=${onClose}><p>${t.task.removeText}</p>
    <form onSubmit=${(event) => { event.preventDefault(); if (same) onYes(); }}>
    <${Field} label=${t.task.typeTitle(task.title)}>${(tie) => html`<input ...${tie} value=${typed} autocomplete="off" onInput=${(event) => setTyped(event.target.value)} />`}</${Field}>
    <div class="actions"><button class="danger" disabled=${!same}>${t.task.remove}</button><button type="button" onClick=${onClose}>${t.back}</button></div></form></${Dialog}>`;
}

const DELAYS = { 600: 0, 3600: 0, 86400: 0, 604800: 0, until: 0 };

function Snooze({ task, onClose, onDone }) {
  const [delay, setDelay] = useState('3600');
  const [until, setUntil] = useState('');
  const zone = zoneOf(task);
  const instant = until && instantOf(until, zone);
  const submit = (event) => {
    event.preventDefault();
    onDone(delay === 'until' ? { until: instant } : { delay_seconds: Number(delay) });
  };
  return html`<${Dialog} title=${t.task.snooze} onClose=${onClose}><p>${t.task.snoozeText(formatIn(task.next_run_at, zoneOf(task)))}</p>
    <form onSubmit=${submit}>
      <${Field} label=${t.task.snoozeBy}>${(tie) => html`<${Select} ...${tie} value=${delay} options=${Object.keys(DELAYS).map((one) => [one, t.task.delays[one]])} onChange=${setDelay} />`}</${Field}>
      ${delay === 'until' ? html`<${Field} label=${t.task.snoozeUntil} hint=${`${t.task.zoneTime(zone)}${instant ? ` ${t.task.thatIs(formatIn(instant, zone))}` : ''}`}>${(tie) => html`<input ...${tie} type="datetime-local" required value=${until} onInput=${(event) => setUntil(event.target.value)} />`}</${Field}>` : ''}
      <div class="actions"><button class="primary">${t.task.snooze}</button><button type="button" onClick=${onClose}>${t.back}</button></div>
    </form></${Dialog}>`;
}
