// What is happening, what comes next, and what went wrong.
import { html } from '../lib/dom.js';
import { get, may } from '../lib/api.js';
import { formatDuration, formatNumber, formatPercent, useNow } from '../lib/format.js';
import { useFresh, useLoad } from '../lib/load.js';
import { t } from '../locales/en.js';
import { Empty, Heading, Instant, Link, LiveMark, Loaded, State, ZoneNote } from '../ui/basics.js';

const HOUR_MS = 3600000;

export function Overview() {
  const running = useLoad((abort) => get('runs', { state: 'running,queued', limit: 20 }, abort), []);
  const next = useLoad((abort) => get('tasks', {
    status: 'active', due_before: new Date(Date.now() + HOUR_MS).toISOString(), sort: 'next_run_at', limit: 20,
  }, abort), []);
  const failed = useLoad((abort) => get('runs', { state: 'failed,timed_out', limit: 10 }, abort), []);
  const stats = useLoad((abort) => get('runs/stats', {}, abort), []);
  const live = useFresh('ordinaut.run.*,ordinaut.task.*', () => [running, next, failed, stats].forEach((one) => one.reload()));
  return html`<${Heading} aside=${html`<${LiveMark} state=${live} />${may('tasks:write') ? html`<${Link} to="tasks/new" class="button primary">${t.tasks.create}</${Link}>` : ''}`}>${t.nav.overview}</${Heading}>
    <section aria-labelledby="day"><h2 id="day">${t.overview.day}</h2><${Loaded} from=${stats}>${(data) => html`<${Counts} stats=${data} />`}</${Loaded}></section>
    <div class="columns">
      <section aria-labelledby="now"><h2 id="now">${t.overview.running}</h2><${Loaded} from=${running}>${(page) =>
        page.data.length ? html`<ul class="cards">${page.data.map((run) => html`<${Running} key=${run.id} run=${run} />`)}</ul>` : html`<${Empty}>${t.overview.idle}</${Empty}>`}</${Loaded}></section>
      <section aria-labelledby="soon"><h2 id="soon">${t.overview.next}</h2><${Loaded} from=${next}>${(page) =>
        page.data.length ? html`<ul class="cards">${page.data.map((task) => html`<li key=${task.id}><${Link} to=${`tasks/${task.id}`}>${task.title}</${Link}>
          <${Instant} at=${task.next_run_at} /></li>`)}</ul>` : html`<${Empty}>${t.overview.quiet} <${Link} to="tasks">${t.nav.tasks}</${Link}></${Empty}>`}</${Loaded}></section>
    </div>
    <section aria-labelledby="bad"><h2 id="bad">${t.overview.failures}</h2><${Loaded} from=${failed}>${(page) =>
      page.data.length ? html`<ul class="cards">${page.data.map((run) => html`<li key=${run.id}>
        <${State} value=${run.state} /> <${Link} to=${`runs/${run.id}`}>${run.task_title || run.task_id}</${Link}
        ><${Instant} at=${run.finished_at} />${run.error ? html`<p class="why">${run.error.message}</p>` : ''}</li>`)}</ul>` : html`<${Empty}>${t.overview.noFailures}</${Empty}>`}</${Loaded}></section>
    <${ZoneNote} />`;
}

function Running({ run }) {
  const now = useNow(1000, run.state === 'running');
  return html`<li><${State} value=${run.state} /> <${Link} to=${`runs/${run.id}`}>${run.task_title || run.task_id}</${Link}>
    ${run.state === 'running' && run.started_at ? html`<span>${t.overview.since(formatDuration(now - new Date(run.started_at)))}</span>` : html`<${Instant} at=${run.run_at} />`}</li>`;
}

function Counts({ stats }) {
  const states = stats.by_state || {};
  const facts = [
    [t.overview.total, formatNumber(stats.total)],
    [t.states.succeeded, formatNumber(states.succeeded || 0)],
    [t.states.failed, formatNumber((states.failed || 0) + (states.timed_out || 0))],
    [t.overview.rate, stats.success_rate === null ? t.none : formatPercent(stats.success_rate)],
    [t.overview.median, stats.duration_ms ? formatDuration(stats.duration_ms.p50) : t.none],
    [t.overview.late, stats.lateness_ms ? formatDuration(stats.lateness_ms.p95) : t.none],
  ];
  return html`<dl class="counts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <${Bars} intervals=${stats.intervals || []} />`;
}

/** The last hours as bars; the same figures stand in a table for those who do not see them. */
function Bars({ intervals }) {
  const most = Math.max(1, ...intervals.map((one) => one.succeeded + one.failed + one.other));
  if (!intervals.some((one) => one.succeeded + one.failed + one.other)) return null;
  const width = 100 / intervals.length;
  const bar = (one, at) => {
    let y = 100;
    return ['succeeded', 'other', 'failed'].map((name) => {
      const height = (one[name] / most) * 100;
      y -= height;
      return height ? html`<rect class=${`bar-${name}`} x=${at * width + width * 0.12} width=${width * 0.76} y=${y} height=${height} />` : '';
    });
  };
  const hours = intervals.filter((one) => one.succeeded + one.failed + one.other);
  return html`<svg class="bars" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">${intervals.map(bar)}</svg>
    <details><summary>${t.overview.figures}</summary><ul>${hours.map((one) => html`<li><${Instant} at=${one.at} distance=${false} />: ${t.overview.hour(one)}</li>`)}</ul></details>`;
}
