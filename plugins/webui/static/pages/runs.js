// All runs, newest first.
import { html } from '../lib/dom.js';
import { get } from '../lib/api.js';
import { formatDuration } from '../lib/format.js';
import { setQuery } from '../lib/router.js';
import { useFresh, useLoad } from '../lib/load.js';
import { t } from '../locales/en.js';
import { Empty, Heading, Instant, Link, LiveMark, Loaded, Pager, State, Table, ZoneNote } from '../ui/basics.js';
import { ChoiceFilter, filters } from './tasks.js';

const STATES = ['queued', 'running', 'succeeded', 'failed', 'timed_out', 'canceled', 'skipped'];
const CAUSES = ['schedule', 'manual', 'retry', 'event', 'condition', 'backfill'];

export function Runs() {
  const query = filters(['state', 'cause', 'task_id', 'sort', 'cursor']);
  const runs = useLoad((abort) => get('runs', { ...query, limit: 50 }, abort), [JSON.stringify(query)]);
  const live = useFresh('ordinaut.run.*', runs.reload);
  const failures = 'failed,timed_out';
  return html`<${Heading} aside=${html`<${LiveMark} state=${live} />`}>${t.nav.runs}</${Heading}>
    <form class="filters" role="search" aria-label=${t.runs.filter} onSubmit=${(event) => event.preventDefault()}>
      <${ChoiceFilter} name="state" label=${t.runs.state} options=${[['', t.all], [failures, t.runs.failures], ...STATES.map((one) => [one, t.states[one]])]} />
      <${ChoiceFilter} name="cause" label=${t.runs.cause} options=${[['', t.all], ...CAUSES.map((one) => [one, t.causes[one]])]} />
      <${ChoiceFilter} name="sort" label=${t.sort} fallback="-scheduled_for" options=${[['-scheduled_for', t.runs.newest], ['scheduled_for', t.runs.oldest]]} />
      ${query.task_id ? html`<button type="button" onClick=${() => setQuery({ task_id: '' })}>${t.runs.allTasks}</button>` : ''}
    </form>
    <${Loaded} from=${runs}>${(page) => page.data.length ? html`<${RunList} runs=${page.data} caption=${t.nav.runs} /><${ZoneNote} />
      <${Pager} next=${page.next_cursor} first=${!query.cursor} onNext=${() => setQuery({ cursor: page.next_cursor })} onFirst=${() => setQuery({})} />`
      : html`<${Empty}><p>${query.state || query.cause || query.task_id ? t.runs.noMatch : t.runs.empty}</p>
        ${query.state || query.cause || query.task_id ? html`<button type="button" onClick=${() => setQuery({ state: '', cause: '', task_id: '' })}>${t.tasks.clear}</button>` : ''}</${Empty}>`}</${Loaded}>`;
}

/** An error is red; why something was left out or put off is not one. */
const remark = (run) => (run.error?.message ? html`<span class="why">${run.error.message}</span>` : run.reason ? html`<span class=${['failed', 'timed_out'].includes(run.state) ? 'why' : 'muted'}>${run.reason}</span>` : '');

export function RunList({ runs, caption, ofOne, zone }) {
  const rows = runs.map((run) => ({
    key: run.id,
    cells: [
      html`<${State} value=${run.state} />`,
      ...(ofOne ? [] : [html`<${Link} to=${`tasks/${run.task_id}`}>${run.task_title || run.task_id}</${Link}>`]),
      html`<${Link} to=${`runs/${run.id}`}><${Instant} at=${run.scheduled_for} zone=${zone} /></${Link}>`,
      t.causes[run.cause] || run.cause,
      html`${formatDuration(run.duration_ms)}${run.attempt > 1 ? html` <span class="muted">${t.runs.attempt(run.attempt)}</span>` : ''}`,
      remark(run),
    ],
  }));
  const columns = ofOne ? t.runs.columns.filter((_, at) => at !== 1) : t.runs.columns;
  return html`<${Table} caption=${caption} columns=${columns} rows=${rows} />`;
}
