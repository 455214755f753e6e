// One run: what it does right now, step by step, and why it did not work.
import { html, useState } from '../lib/dom.js';
import { get, may, post } from '../lib/api.js';
import { formatDuration, formatInstant } from '../lib/format.js';
import { go } from '../lib/router.js';
import { useFresh, useLoad } from '../lib/load.js';
import { t } from '../locales/en.js';
import { Confirm, Dialog, ErrorBox, Field, Heading, Instant, Json, Link, LiveMark, Loaded, Select, State, say, useAction, ZoneNote } from '../ui/basics.js';
import { Icon } from '../ui/icons.js';
import { Timeline } from '../ui/timeline.js';

export const unfinished = (run) => ['queued', 'running'].includes(run.state);

export function RunPage({ id }) {
  const run = useLoad((abort) => get(`runs/${encodeURIComponent(id)}`, {}, abort), [id]);
  const taskId = run.data?.task_id;
  const task = useLoad((abort) => (taskId ? get(`tasks/${taskId}`, {}, abort).catch((problem) => (problem.status === 404 ? null : Promise.reject(problem))) : Promise.resolve(null)), [taskId]);
  const mine = (event) => event.subject === id || event.data?.run_id === id;
  const live = useFresh('ordinaut.run.*,ordinaut.step.*', run.reload, { wanted: mine, enabled: !run.data || unfinished(run.data) });
  return html`<${Loaded} from=${run} page=${t.pages.run}>${(one) => html`
    <${Heading} aside=${unfinished(one) ? html`<${LiveMark} state=${live} />` : ''}>${t.run.title(one.task_title || task.data?.title || one.task_id)}</${Heading}>
    <p><span role="status"><${State} value=${one.state} /></span> <${Link} to=${`tasks/${one.task_id}`}>${t.run.toTask}</${Link}>${one.simulated ? html` <span class="tag">${t.run.simulated}</span>` : ''}</p>
    <${Controls} run=${one} steps=${task.data?.payload?.pipeline || []} reload=${run.reload} />
    <${Why} run=${one} />
    <section aria-labelledby="timeline"><h2 id="timeline">${t.run.timeline}</h2><${Timeline} run=${one} pipeline=${task.data?.payload?.pipeline} reload=${run.reload} /></section>
    <section aria-labelledby="facts"><h2 id="facts">${t.run.facts}</h2><${Facts} run=${one} /><${ZoneNote} /></section>
    ${one.output && Object.keys(one.output).length ? html`<section aria-labelledby="output"><h2 id="output">${t.run.output}</h2><${Json} value=${one.output} label=${t.run.output} /></section>` : ''}`}</${Loaded}>`;
}

/** The cause in words, where it happened, and what usually mends it. */
function Why({ run }) {
  const bad = ['failed', 'timed_out'].includes(run.state);
  if (!bad && !run.reason) return null;
  if (!bad) return html`<div class="box"><p><${Icon} name="queued" /> ${t.run.reason} ${run.reason}</p></div>`;
  const error = run.error || {};
  const mend = t.run.mend[error.code] || (error.retryable ? t.run.mendRetryable : t.run.mendDefault);
  return html`<section class="box box-error" aria-labelledby="why"><h2 id="why"><${Icon} name="warning" /> ${t.run.why}</h2>
    ${error.step ? html`<p>${t.run.inStep} <strong>${error.step}</strong>${error.code ? html` · <code>${error.code}</code>` : ''}</p>` : error.code ? html`<p><code>${error.code}</code></p>` : ''}
    <p class="cause">${error.message || run.reason || t.run.noMessage}</p>
    <p><strong>${t.run.whatToDo}</strong> ${mend}</p>
    ${run.attempt > 1 ? html`<p>${t.run.afterAttempts(run.attempt)}</p>` : ''}
    ${error.details ? html`<details><summary>${t.run.details}</summary><${Json} value=${error.details} label=${t.run.details} /></details>` : ''}
  </section>`;
}

function Facts({ run }) {
  const facts = [
    [t.run.cause, t.causes[run.cause] || run.cause],
    [t.run.scheduledFor, html`<${Instant} at=${run.scheduled_for} />`],
    [t.run.startedAt, run.started_at ? formatInstant(run.started_at) : t.none],
    [t.run.finishedAt, run.finished_at ? formatInstant(run.finished_at) : t.none],
    [t.run.duration, formatDuration(run.duration_ms)],
    [t.run.lateness, formatDuration(run.lateness_ms)],
    [t.run.attempts, String(run.attempt)],
    [t.run.id, html`<code>${run.id}</code>`],
  ];
  if (run.trigger?.retry_of) facts.push([t.run.retryOf, html`<${Link} to=${`runs/${run.trigger.retry_of}`}>${run.trigger.retry_of}</${Link}>`]);
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <details><summary>${t.run.json}</summary><${Json} value=${run} label=${t.run.json} /></details>`;
}

function Controls({ run, steps, reload }) {
  const [open, setOpen] = useState(null);
  const { busy, error, run: act } = useAction();
  const cancel = () => act(async () => {
    setOpen(null);
    const answer = await post(`runs/${run.id}/cancel`);
    say(answer?.message || t.run.canceled);
    reload();
  });
  const retry = (body) => act(async () => {
    setOpen(null);
    const made = await post(`runs/${run.id}/retry`, body);
    say(t.run.retried);
    go(`runs/${made.id}`);
  });
  const cancels = unfinished(run) && may('runs:cancel');
  const retries = !unfinished(run) && may('runs:trigger');
  if (!cancels && !retries) return null;
  return html`<div class="toolbar" role="group" aria-label=${t.run.controls}>
      ${cancels ? html`<button type="button" class="danger" disabled=${busy} onClick=${() => (run.state === 'running' ? setOpen('cancel') : cancel())}>${t.run.cancel}</button>` : ''}
      ${retries ? html`<button type="button" class=${run.state === 'failed' ? 'primary' : ''} disabled=${busy} onClick=${() => setOpen('retry')}><${Icon} name="retry" /> ${t.run.retry}</button>` : ''}
    </div><${ErrorBox} error=${error} />
    ${open === 'cancel' ? html`<${Confirm} danger title=${t.run.cancel} text=${t.run.cancelText} action=${t.run.cancel} onYes=${cancel} onClose=${() => setOpen(null)} />` : ''}
    ${open === 'retry' ? html`<${Retry} run=${run} steps=${steps} onDone=${retry} onClose=${() => setOpen(null)} />` : ''}`;
}

function Retry({ run, steps, onDone, onClose }) {
  const ids = steps.map((step, at) => step.id || `step_${at + 1}`);
  const [from, setFrom] = useState(run.error?.step && ids.includes(run.error.step) ? run.error.step : '');
  const [params, setParams] = useState('');
  const [fault, setFault] = useState(null);
  const submit = (event) => {
    event.preventDefault();
    const body = from ? { from_step: from } : {};
    try {
      if (params.trim()) body.params = JSON.parse(params);
    } catch (error) {
      setFault(error.message);
      return;
    }
    onDone(body);
  };
  return html`<${Dialog} title=${t.run.retry} onClose=${onClose}><form onSubmit=${submit}>
    <${Field} label=${t.run.fromStep} hint=${t.run.fromStepHint}>${(tie) => html`<${Select} ...${tie} value=${from} options=${[['', t.run.fromStart], ...ids.map((one) => [one, one])]} onChange=${setFrom} />`}</${Field}>
    <${Field} label=${t.run.otherParams} hint=${t.run.otherParamsHint} faults=${fault ? [{ detail: fault }] : []}>${(tie) => html`<textarea ...${tie} rows="3" spellcheck=${false} value=${params} onInput=${(event) => setParams(event.target.value)}></textarea>`}</${Field}>
    <div class="actions"><button class="primary">${t.run.retry}</button><button type="button" onClick=${onClose}>${t.back}</button></div></form></${Dialog}>`;
}
