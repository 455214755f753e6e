// All tasks: one bar of filters, and the address holds all of it.
import { html, useEffect, useState } from '../lib/dom.js';
import { get, may } from '../lib/api.js';
import { place, setQuery } from '../lib/router.js';
import { useFresh, useLoad, useSettled } from '../lib/load.js';
import { t } from '../locales/en.js';
import { Empty, Heading, Instant, Link, LiveMark, Loaded, Pager, Select, State, Table, ZoneNote } from '../ui/basics.js';

const SORTS = ['-created_at', 'created_at', '-updated_at', 'next_run_at', 'title', '-title'];

/** A text filter that is put into the address when typing has stopped. */
export function TextFilter({ name, label, search }) {
  const held = place.value.query.get(name) || '';
  const [text, setText] = useState(held);
  useEffect(() => setText(held), [held]);
  const settled = useSettled(text, 300);
  useEffect(() => {
    if (settled === text && settled !== held) setQuery({ [name]: settled });
  }, [settled]);
  return html`<label>${label}<input type="search" value=${text} data-search=${search ? '' : undefined} onInput=${(event) => setText(event.target.value)} /></label>`;
}

export function ChoiceFilter({ name, label, options, fallback = '' }) {
  return html`<label>${label}<${Select} value=${place.value.query.get(name) || fallback} options=${options}
    onChange=${(value) => setQuery({ [name]: value === fallback ? '' : value })} /></label>`;
}

/** The filters of the address that the endpoint knows. */
export const filters = (names) => Object.fromEntries(names.map((name) => [name, place.value.query.get(name) || undefined]));

export function Tasks() {
  const query = filters(['status', 'schedule_kind', 'tag', 'q', 'sort', 'cursor']);
  const tasks = useLoad((abort) => get('tasks', { ...query, limit: 50 }, abort), [JSON.stringify(query)]);
  const live = useFresh('ordinaut.task.*,ordinaut.run.*', tasks.reload);
  const filtered = query.status || query.schedule_kind || query.tag || query.q;
  return html`<${Heading} aside=${html`<${LiveMark} state=${live} />${may('tasks:write') ? html`<${Link} to="tasks/new" class="button primary">${t.tasks.create}</${Link}>` : ''}`}>${t.nav.tasks}</${Heading}>
    <form class="filters" role="search" aria-label=${t.tasks.filter} onSubmit=${(event) => event.preventDefault()}>
      <${TextFilter} name="q" label=${t.tasks.text} search />
      <${ChoiceFilter} name="status" label=${t.tasks.status} options=${[['', t.all], ...['active', 'paused', 'completed', 'canceled'].map((one) => [one, t.states[one]])]} />
      <${ChoiceFilter} name="schedule_kind" label=${t.tasks.kind} options=${[['', t.all], ...Object.entries(t.kinds)]} />
      <${TextFilter} name="tag" label=${t.tasks.tag} />
      <${ChoiceFilter} name="sort" label=${t.sort} fallback="-created_at" options=${SORTS.map((one) => [one, t.tasks.sorts[one]])} />
    </form>
    <${Loaded} from=${tasks}>${(page) => page.data.length ? html`<${List} tasks=${page.data} /><${ZoneNote} />
      <${Pager} next=${page.next_cursor} first=${!query.cursor} onNext=${() => setQuery({ cursor: page.next_cursor })} onFirst=${() => setQuery({})} />`
      : html`<${Empty}>${filtered ? html`<p>${t.tasks.noMatch}</p><button type="button" onClick=${() => setQuery({ status: '', schedule_kind: '', tag: '', q: '' })}>${t.tasks.clear}</button>`
        : html`<p>${t.tasks.empty}</p><${Link} to="tasks/new" class="button primary">${t.tasks.create}</${Link}>`}</${Empty}>`}</${Loaded}>`;
}

function List({ tasks }) {
  const rows = tasks.map((task) => ({
    key: task.id,
    cells: [
      html`<${Link} to=${`tasks/${task.id}`}>${task.title}</${Link}> ${(task.tags || []).map((tag) => html`<${Link} class="tag" to="tasks" query=${{ tag }}>${tag}</${Link}> `)}`,
      html`<${State} value=${task.status} />`,
      html`<span class="kind">${t.kinds[task.schedule_kind] || task.schedule_kind}</span> ${task.schedule?.description || html`<code class="clip" title=${task.schedule_expr}>${short(task.schedule_expr)}</code>`}`,
      html`<${Instant} at=${task.next_run_at} />`,
      task.last_run ? html`<${Link} to=${`runs/${task.last_run.id}`}><${State} value=${task.last_run.state} /></${Link}>` : html`<span class="muted">${t.tasks.never}</span>`,
    ],
  }));
  return html`<${Table} caption=${t.nav.tasks} columns=${t.tasks.columns} rows=${rows} />`;
}

/** The rule without its beginning, which is the same for all. */
const short = (expr) => (expr.split(/\r?\n/).find((line) => line.startsWith('RRULE:')) || expr).replace(/^RRULE:/, '');
