// Events as they happen.
import { html, useEffect, useRef, useState } from '../lib/dom.js';
import { get } from '../lib/api.js';
import { formatInstant } from '../lib/format.js';
import { useEvents, useLoad } from '../lib/load.js';
import { place, setQuery } from '../lib/router.js';
import { t } from '../locales/en.js';
import { Empty, ErrorBox, Field, Heading, Json, LiveMark, ZoneNote } from '../ui/basics.js';

/** No more are kept on the page. */
const MOST = 300;
const ALL = '**';

/** The patterns of a list, without the empty ones. */
const parts = (text) => text.split(',').map((one) => one.trim()).filter(Boolean);

export function Events() {
  const topics = parts(place.value.query.get('topic') || '').join(',') || ALL;
  const [text, setText] = useState(place.value.query.get('topic') || '');
  const [paused, setPaused] = useState(false);
  const [events, setEvents] = useState([]);
  const [held, setHeld] = useState(0);
  const waiting = useRef([]);
  const [open, setOpen] = useState(null);
  const add = (list) => setEvents((old) => {
    const seen = new Set(old.map((one) => one.id));
    return [...list.filter((one) => !seen.has(one.id)), ...old].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0)).slice(0, MOST);
  });
  const stored = useLoad((abort) => get('events', { topic: topics, limit: 50 }, abort), [topics]);
  useEffect(() => { setEvents([]); waiting.current = []; setHeld(0); }, [topics]);
  useEffect(() => { if (stored.data) add(stored.data.data); }, [stored.data]);
  const { error } = stored;
  // What the server refuses to list it refuses to follow, too.
  const refused = Boolean(error && error.status >= 400 && error.status < 500);
  const live = useEvents(topics, (event) => {
    if (!event) return stored.reload();
    if (!paused) return add([event]);
    waiting.current = [event, ...waiting.current].slice(0, MOST);
    return setHeld(waiting.current.length);
  }, !refused);
  const state = refused || (error && live !== 'live') ? 'off' : paused ? 'paused' : live;
  const resume = () => {
    setPaused(!paused);
    if (paused) {
      add(waiting.current);
      waiting.current = [];
      setHeld(0);
    }
  };
  return html`<${Heading} aside=${html`<${LiveMark} state=${state} />`}>${t.nav.events}</${Heading}>
    <form class="filters" role="search" aria-label=${t.events.filter} onSubmit=${(event) => { event.preventDefault(); setQuery({ topic: parts(text).join(',') }); }}>
      <${Field} label=${t.events.topic} hint=${t.events.topicHint} faults=${error?.errors || []}>${(tie) => html`<input ...${tie} data-search spellcheck=${false} placeholder=${ALL} value=${text} onInput=${(event) => setText(event.target.value)} />`}</${Field}>
      <button>${t.events.apply}</button>
      <button type="button" aria-pressed=${paused ? 'true' : 'false'} onClick=${resume}>${paused ? t.events.resume(held) : t.events.pause}</button>
      <button type="button" onClick=${() => setEvents([])}>${t.events.clear}</button>
    </form>
    ${error?.errors.length ? '' : html`<${ErrorBox} error=${error} retry=${stored.reload} />`}
    ${events.length ? html`<ul class="events">${events.map((event) => html`<li key=${event.id}>
      <button type="button" class="event" aria-expanded=${open === event.id ? 'true' : 'false'} onClick=${() => setOpen(open === event.id ? null : event.id)}>
        <time datetime=${event.time}>${formatInstant(event.time)}</time> <code>${event.type}</code> <span class="muted">${event.subject || ''}</span></button>
      ${open === event.id ? html`<${Json} value=${event} label=${event.type} />` : ''}</li>`)}</ul>`
      : stored.loading && !error ? html`<p class="loading" role="status">${t.loading}</p>` : error ? '' : html`<${Empty}>${t.events.empty}</${Empty}>`}
    ${events.length ? html`<${ZoneNote} />` : ''}`;
}
