// Creating and editing a task. What is wrong is the server's word, and stands where it belongs.
import { html, useEffect, useMemo, useRef, useState } from '../lib/dom.js';
import { ask, generation } from '../lib/api.js';
import { browserZone } from '../lib/format.js';
import { useLoad, useSettled } from '../lib/load.js';
import { go, guard } from '../lib/router.js';
import { t } from '../locales/en.js';
import { PipelineEditor } from '../pipeline/editor.js';
import { ScheduleBuilder } from '../schedule/builder.js';
import { ErrorBox, Field, Heading, Link, Loaded, say, useAction } from '../ui/basics.js';
import { Icon } from '../ui/icons.js';
import { MoreSettings, SETTINGS } from './task_settings.js';

/** What only the server writes. */
const SERVERS = ['id', 'status', 'version', 'owner', 'next_run_at', 'last_run', 'created_at', 'updated_at', 'schedule', 'warnings', 'message'];
const SETTLE_MS = 400;

const blank = () => ({
  title: '', schedule_kind: 'rrule', schedule_expr: 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=8;BYMINUTE=0;BYSECOND=0', timezone: browserZone,
  payload: { params: {}, pipeline: [{ uses: '' }] },
});

/** A task without what only the server writes: what `PUT` takes. */
const definition = (task) => Object.fromEntries(Object.entries(task).filter(([name]) => !SERVERS.includes(name)));

/** The task as it is now, to be written. */
async function current(id) {
  const answer = await ask('GET', `tasks/${encodeURIComponent(id)}`);
  return { doc: definition(answer.data), etag: answer.etag };
}

export function TaskForm({ id, from }) {
  const source = id || from;
  const loaded = useLoad(async (abort) => {
    if (!source) return { doc: blank(), etag: null };
    const answer = await ask('GET', `tasks/${encodeURIComponent(source)}`, { abort });
    const doc = definition(answer.data);
    if (!id) {
      doc.title = t.form.copyOf(doc.title).slice(0, 200);
      delete doc.dedupe_key;
      delete doc.dedupe_window_seconds;
    }
    return { doc, etag: answer.etag };
  }, [source]);
  // A session that was renewed loads again; what is being written stays.
  const first = useRef(null);
  if (!first.current && loaded.data) first.current = loaded.data;
  const [fresh, setFresh] = useState(0);
  const startOver = async () => {
    first.current = await current(id);
    setFresh(fresh + 1);
  };
  return html`<${Loaded} page=${t.pages.task} from=${first.current ? { data: first.current } : loaded}>${(data) => html`<${Form} key=${fresh} id=${id} start=${data} startOver=${startOver} />`}</${Loaded}>`;
}

/** The same text for the same content, whatever the order of its members. */
const canonical = (value) => JSON.stringify(value ?? null, (_, one) => (one && typeof one === 'object' && !Array.isArray(one) ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one));

/** The members in which two documents differ. */
const differing = (mine, theirs) => [...new Set([...Object.keys(theirs), ...Object.keys(mine)])].filter((name) => canonical(mine[name]) !== canonical(theirs[name]));

/** Faults at a place and below it. */
const below = (list, pointer) => list.filter((one) => one.pointer === pointer || one.pointer?.startsWith(`${pointer}/`));

function Form({ id, start, startOver }) {
  const [doc, setDoc] = useState(start.doc);
  const [touched, setTouched] = useState(() => new Set());
  const [tried, setTried] = useState(false);
  const [local, setLocal] = useState({});
  const [theirs, setTheirs] = useState(null);
  const refused = useRef({ text: '', errors: [] });
  const key = useRef({ text: '', key: '' });
  const { busy, error, run, clear } = useAction();
  const summary = useRef(null);
  const text = JSON.stringify(doc);
  const dirty = text !== JSON.stringify(start.doc);
  const checked = useChecked(text);

  useEffect(() => {
    guard.ask = dirty ? () => window.confirm(t.form.leave) : null;
    return () => { guard.ask = null; };
  }, [dirty]);

  const report = useMemo(() => (pointer, fault) => setLocal((old) => {
    if ((old[pointer] || null) === fault) return old;
    const next = { ...old };
    if (fault) next[pointer] = fault;
    else delete next[pointer];
    return next;
  }), []);
  const change = (changes) => {
    setDoc((old) => {
      const next = { ...old, ...changes };
      for (const name of Object.keys(changes)) if (changes[name] === undefined) delete next[name];
      return next;
    });
    setTouched((old) => new Set([...old, ...Object.keys(changes)]));
    clear();
  };
  const served = refused.current.text === text ? refused.current.errors : checked.errors;
  const mine = Object.entries(local).map(([pointer, detail]) => ({ pointer, detail }));
  const all = [...mine, ...served.filter((one) => !mine.some((own) => one.pointer === own.pointer)).map((one) => ({ ...one, ...unfilled(doc, one.pointer) }))];
  // What was not filled in yet is no fault before somebody tried to send it.
  const seen = tried ? all : all.filter((one) => touched.has(one.pointer?.split('/')[1]) && one.code !== 'required' && !one.unfilled && one.detail);
  const faults = (pointer) => below(seen, pointer);

  const submit = (event) => {
    event.preventDefault();
    send(() => start.etag);
  };
  const send = (etag) => {
    setTried(true);
    if (mine.length) {
      requestAnimationFrame(() => summary.current?.focus());
      return;
    }
    run(async () => {
      try {
        await save({ id, doc, text, key, etag: await etag() });
      } catch (problem) {
        if (problem.status === 412) setTheirs((await current(id)).doc);
        if (problem.errors?.length) refused.current = { text, errors: problem.errors };
        requestAnimationFrame(() => summary.current?.focus());
        throw problem;
      }
    });
  };
  const stale = error?.status === 412;
  const shown = tried ? all : [];
  // Faults that are shown nowhere are not spoken of: what is missing is still to come.
  const state = checked.state !== 'bad' || id || tried || seen.length ? checked.state : dirty ? 'incomplete' : 'pristine';
  return html`<${Heading}>${id ? t.form.edit(start.doc.title) : t.form.create}</${Heading}>
    <form class="task-form" onSubmit=${submit} novalidate>
      <div ref=${summary} tabindex="-1" class="summary">
        ${error && !stale && !(error.errors.length && shown.length) ? html`<${ErrorBox} error=${error} />` : ''}
        ${stale && theirs ? html`<${Conflict} mine=${doc} theirs=${theirs} busy=${busy} onTheirs=${() => run(startOver)} onMine=${() => send(async () => (await current(id)).etag)} />` : ''}
        ${shown.length ? html`<${Summary} faults=${shown} />` : ''}
      </div>
      <section aria-labelledby="f-what"><h2 id="f-what">${t.form.about}</h2>
        <${Field} label=${t.form.title} required pointer="/title" faults=${faults('/title')}>${(tie) => html`<input ...${tie} maxlength="200" autocomplete="off" value=${doc.title ?? ''} onInput=${(event) => change({ title: event.target.value })} />`}</${Field}>
        <${Field} label=${t.form.description} pointer="/description" faults=${faults('/description')}>${(tie) => html`<textarea ...${tie} rows="2" value=${doc.description ?? ''} onInput=${(event) => change({ description: event.target.value || undefined })}></textarea>`}</${Field}>
        <${Tags} tags=${doc.tags || []} faults=${faults('/tags')} onChange=${(tags) => change({ tags: tags.length ? tags : undefined })} />
      </section>
      <section aria-labelledby="f-when"><h2 id="f-when">${t.form.when}</h2><${ScheduleBuilder} doc=${doc} change=${change} faults=${faults} report=${report} /></section>
      <section aria-labelledby="f-steps"><h2 id="f-steps">${t.form.steps}</h2><${PipelineEditor} payload=${doc.payload} onChange=${(payload) => change({ payload })} faults=${faults} report=${report} /></section>
      <${MoreSettings} doc=${doc} change=${change} faults=${faults} />
      ${checked.warnings.length ? html`<div class="box box-warning"><p><${Icon} name="warning" /> <strong>${t.form.warnings}</strong></p><ul>${checked.warnings.map((one) => html`<li><code>${one.pointer}</code> ${one.detail}</li>`)}</ul></div>` : ''}
      <div class="actions sticky"><button class="primary" disabled=${busy}>${busy ? t.working : id ? t.form.save : t.tasks.create}</button>
        <${Link} class="button" to=${id ? `tasks/${id}` : 'tasks'}>${t.back}</${Link}>
        <span class="muted" data-check=${state}>${t.form.check[state]}</span></div>
    </form>`;
}

/** The fault of something that has to be filled in and is empty, in words of this page. */
function unfilled(doc, pointer) {
  if (pointer === '/title' && !doc.title) return { unfilled: true, detail: t.form.noTitle };
  const step = /^\/payload\/pipeline\/(\d+)\/uses$/.exec(pointer || '');
  return step && !doc.payload?.pipeline?.[step[1]]?.uses ? { unfilled: true, detail: t.pipeline.chooseOne } : {};
}

/** Two have changed the same task: what differs, and whose version it is to be. */
function Conflict({ mine, theirs, busy, onTheirs, onMine }) {
  const names = differing(mine, theirs);
  const told = (value) => (value === undefined || value === null ? t.none : typeof value === 'object' ? null : String(value));
  return html`<div class="box box-warning" role="alert"><p><${Icon} name="warning" /> <strong>${t.form.stale}</strong></p>
    ${names.length ? html`<p>${t.form.differs}</p><ul data-differs>${names.map((name) => html`<li><strong>${place(`/${name}`)}</strong>${
      told(mine[name]) !== null && told(theirs[name]) !== null ? html` – ${t.form.versions(told(theirs[name]), told(mine[name]))}` : ''}</li>`)}</ul>` : html`<p>${t.form.noDifference}</p>`}
    <div class="actions"><button type="button" disabled=${busy} onClick=${onTheirs}>${t.form.startOver}</button>
      <button type="button" disabled=${busy} onClick=${onMine}>${t.form.overwrite}</button></div></div>`;
}

async function save({ id, doc, text, key, etag }) {
  let task;
  if (id) {
    task = (await ask('PUT', `tasks/${encodeURIComponent(id)}`, { body: doc, headers: { 'if-match': etag || '*' } })).data;
  } else {
    // The same content sent again, because the answer was lost, does not become a second task.
    if (key.current.text !== text) key.current = { text, key: crypto.randomUUID() };
    task = (await ask('POST', 'tasks', { body: doc, headers: { 'idempotency-key': key.current.key } })).data;
  }
  guard.ask = null;
  say(id ? t.form.saved : t.form.created);
  go(`tasks/${task.id}`, undefined, { force: true });
}

/** What the server thinks of the document: `state` is `checking`, `good`, `bad` or `unknown`. */
function useChecked(text) {
  const settled = useSettled(text, SETTLE_MS);
  const [result, setResult] = useState({ text: '', state: 'checking', errors: [], warnings: [] });
  const turn = generation.value;
  useEffect(() => {
    const abort = new AbortController();
    ask('POST', 'tasks/validate', { body: JSON.parse(settled), abort: abort.signal }).then(({ data }) => setResult({
      text: settled, state: data.valid ? 'good' : 'bad', errors: data.errors || [], warnings: data.warnings || [],
    }), (problem) => problem.name !== 'AbortError' && setResult({ text: settled, state: 'unknown', errors: [], warnings: [] }));
    return () => abort.abort();
  }, [settled, turn]);
  return result.text === text ? result : { ...result, state: result.state === 'unknown' ? 'unknown' : 'checking' };
}

/** All faults at the top, each a way to its place. */
function Summary({ faults }) {
  const jump = (pointer) => {
    let place = pointer;
    let found = null;
    while (!found && place) {
      found = document.querySelector(`[data-pointer="${CSS.escape(place)}"]`);
      place = place.slice(0, place.lastIndexOf('/'));
    }
    found?.closest('details')?.setAttribute('open', '');
    found?.querySelector('input, select, textarea, button')?.focus();
  };
  return html`<div class="box box-error" role="alert"><p><${Icon} name="warning" /> <strong>${t.form.faults(faults.length)}</strong></p>
    <ul>${faults.map((one) => html`<li><button type="button" class="link" onClick=${() => jump(one.pointer || '')}>${place(one.pointer)}</button> ${one.detail}</li>`)}</ul></div>`;
}

function place(pointer) {
  const parts = (pointer || '').split('/').slice(1);
  if (parts[0] === 'payload' && parts[1] === 'pipeline' && parts[2] !== undefined) return [t.pipeline.step(Number(parts[2]) + 1), ...parts.slice(3).map((one) => (one === 'uses' ? t.pipeline.tool : one))].join(' › ');
  return t.form.places[parts[0]] || SETTINGS.some(([name]) => name === parts[0]) ? t.form.places[parts[0]] || t.form.fields[parts[0]] : pointer || '/';
}

function Tags({ tags, faults, onChange }) {
  const [text, setText] = useState(tags.join(', '));
  const input = (next) => {
    setText(next);
    onChange([...new Set(next.split(',').map((one) => one.trim()).filter(Boolean))]);
  };
  return html`<${Field} label=${t.form.tags} hint=${t.form.tagsHint} pointer="/tags" faults=${faults}>${(tie) => html`<input ...${tie} autocomplete="off" value=${text} onInput=${(event) => input(event.target.value)} />`}</${Field}>`;
}
