// A run over time: waiting, the attempts, and each step; what has not begun yet stands below.
import { html, useEffect, useState } from '../lib/dom.js';
import { formatDuration, formatInstant, useNow } from '../lib/format.js';
import { t } from '../locales/en.js';
import { Json, State } from './basics.js';

/** A bar is never narrower, in percent of the whole. */
const LEAST = 1.2;
/** While a run goes on, it is looked at this often besides the events. */
const LOOK_MS = 1000;
/** What is due within this may begin at any moment. */
const SOON_MS = 5000;

const ms = (at) => (at ? new Date(at).getTime() : null);

/** What is drawn: `{from, to, rows}` with times in milliseconds. Pure, so that it can be reasoned about. */
export function layout(run, pipeline, now) {
  const going = ['queued', 'running'].includes(run.state);
  const attempts = run.attempts || [];
  const steps = [...(run.steps || [])].sort((a, b) => a.index - b.index || a.attempt - b.attempt);
  const due = ms(run.run_at) ?? ms(run.scheduled_for);
  const begun = ms(attempts[0]?.started_at) ?? ms(run.started_at);
  // A run on request is due when it is asked for; one of the schedule is made a little early.
  const from = Math.min(due, begun ?? due);
  const to = Math.max(ms(run.finished_at) ?? (going ? now : 0), begun ?? 0, due + 1, ...attempts.map((one) => ms(one.finished_at) ?? 0), ...steps.map((one) => ms(one.finished_at) ?? 0));
  const waits = [{ start: from, end: begun ?? (going ? Math.max(now, due) : ms(run.finished_at) ?? to), kind: 'queued' }];
  attempts.slice(1).forEach((one, at) => waits.push({ start: ms(attempts[at].finished_at) ?? from, end: ms(one.started_at), kind: 'queued' }));
  const last = attempts[attempts.length - 1];
  if (run.state === 'queued' && last?.finished_at) waits.push({ start: ms(last.finished_at), end: now, kind: 'queued' });
  const rows = [{ key: 'wait', label: t.run.waiting, state: run.state === 'queued' ? 'queued' : null, spans: waits, took: waits.reduce((sum, one) => sum + Math.max(0, one.end - one.start), 0) }];
  if (attempts.length > 1) {
    rows.push({
      key: 'attempts', label: t.run.attemptsRow(attempts.length), state: null,
      spans: attempts.map((one) => ({ start: ms(one.started_at), end: ms(one.finished_at) ?? (going ? now : to), kind: one.finished_at ? kindOf(one.outcome) : 'running' })),
      took: attempts.reduce((sum, one) => sum + ((ms(one.finished_at) ?? (going ? now : to)) - ms(one.started_at)), 0),
    });
  }
  const current = run.state === 'running' ? runningNow(run, steps, pipeline || []) : null;
  for (const step of steps) {
    if (step.id === current?.id) continue;
    const start = ms(step.started_at);
    const end = ms(step.finished_at) ?? (going ? Math.max(now, start ?? now) : to);
    const open = step.state === 'started';
    const state = open ? (run.state === 'running' ? 'running' : going ? 'queued' : 'unknown') : step.state;
    rows.push({ key: `${step.id}-${step.attempt}`, label: step.id, uses: step.uses, state, step, tries: step.tries, spans: start === null ? [] : [{ start, end, kind: state }], took: start === null ? null : end - start });
  }
  if (current) {
    const start = Math.min(now, Math.max(ms(last?.started_at) ?? begun ?? now, ...steps.filter((one) => one.attempt === run.attempt).map((one) => ms(one.finished_at) ?? 0)));
    rows.push({ key: `now-${current.id}`, label: current.id, uses: current.uses, state: 'running', spans: [{ start, end: now, kind: 'running' }], took: now - start });
  }
  const seen = new Set([current?.id, ...steps.map((one) => one.id)]);
  (pipeline || []).forEach((step, at) => {
    const id = step.id || `step_${at + 1}`;
    if (!seen.has(id)) rows.push({ key: `later-${id}`, label: id, uses: step.uses, state: going ? 'pending' : 'not_reached', spans: [], took: null });
  });
  return { from, to, rows };
}

/**
 * The step that must be under way: steps run one after the other, and those without an effect are recorded when they
 * end. None while a step is recorded as begun, or none is left.
 */
function runningNow(run, steps, pipeline) {
  if (steps.some((one) => one.state === 'started')) return null;
  const over = new Set(steps.filter((one) => one.state === 'succeeded' || one.state === 'skipped' || one.attempt === run.attempt).map((one) => one.id));
  const named = pipeline.map((step, at) => ({ id: step.id || `step_${at + 1}`, uses: step.uses }));
  return named.find((one) => !over.has(one.id)) || null;
}

const kindOf = (outcome) => ({ succeeded: 'succeeded', failed: 'failed', timed_out: 'timed_out', canceled: 'canceled' }[outcome] || 'unknown');

export function Timeline({ run, pipeline, reload }) {
  const going = ['queued', 'running'].includes(run.state);
  const now = useNow(250, run.state === 'running');
  const [open, setOpen] = useState(null);
  useEffect(() => {
    // What waits for another attempt, or for its time, is left to the events.
    const soon = run.state === 'queued' && ms(run.run_at) < Date.now() + SOON_MS;
    if (run.state !== 'running' && !soon) return undefined;
    const timer = setInterval(() => !document.hidden && reload(), LOOK_MS);
    return () => clearInterval(timer);
  }, [run.state, run.run_at]);
  const { from, to, rows } = layout(run, pipeline, now);
  const chosen = rows.find((row) => row.key === open);
  return html`<div class="timeline" data-state=${run.state}>
    <p class="axis muted"><span>${formatInstant(new Date(from).toISOString())}</span><span>${going ? t.run.now : `+${formatDuration(to - from)}`}</span></p>
    <ol>${rows.map((row) => html`<li key=${row.key} class="lane" data-step=${row.step ? row.label : undefined} data-state=${row.state}>
      ${row.step ? html`<button type="button" class="lane-name" aria-expanded=${open === row.key ? 'true' : 'false'} onClick=${() => setOpen(open === row.key ? null : row.key)}><${Name} row=${row} /></button>`
        : html`<div class="lane-name"><${Name} row=${row} /></div>`}
      <${Bars} row=${row} from=${from} to=${to} />
      ${chosen === row ? html`<${Inspect} step=${row.step} />` : ''}</li>`)}</ol></div>`;
}

function Name({ row }) {
  return html`<span class="lane-label">${row.label}</span> ${row.state ? html`<${State} value=${row.state} />` : ''}
    <span class="muted lane-took">${row.took === null ? '' : formatDuration(row.took)}${row.tries > 1 ? ` · ${t.run.tries(row.tries)}` : ''}</span>`;
}

function Bars({ row, from, to }) {
  const whole = Math.max(1, to - from);
  return html`<svg class="lane-bars" aria-hidden="true" width="100%" height="20">
    <line x1="0" x2="100%" y1="10" y2="10" class="lane-line" />
    ${row.spans.filter((one) => one.end >= one.start).map((one) => {
      const width = Math.max(LEAST, ((one.end - one.start) / whole) * 100);
      const x = Math.min(100 - width, ((one.start - from) / whole) * 100);
      return html`<rect class=${`span span-${one.kind}`} x=${`${Math.max(0, x).toFixed(3)}%`} width=${`${width.toFixed(3)}%`} y="3" height="14" rx="3" />`;
    })}</svg>`;
}

function Inspect({ step }) {
  return html`<div class="inspect">
    <dl class="facts"><div><dt>${t.run.tool}</dt><dd><code>${step.uses}</code></dd></div>
      <div><dt>${t.run.startedAt}</dt><dd>${step.started_at ? formatInstant(step.started_at) : t.none}</dd></div>
      <div><dt>${t.run.attempts}</dt><dd>${step.attempt}</dd></div><div><dt>${t.run.triesName}</dt><dd>${step.tries}</dd></div></dl>
    ${step.error ? html`<h3>${t.run.error}</h3><p class="cause"><code>${step.error.code}</code> ${step.error.message}</p>${step.error.details ? html`<${Json} value=${step.error.details} label=${t.run.details} />` : ''}` : ''}
    <h3>${t.run.input}</h3><${Json} value=${step.input} label=${t.run.input} />
    ${step.error ? '' : html`<h3>${t.run.result}</h3><${Json} value=${step.result} label=${t.run.result} />`}
  </div>`;
}
