// When: with controls, or as text. Either way the text is what is sent, and the preview shows what it means.
import { html, useState } from '../lib/dom.js';
import { browserZone } from '../lib/format.js';
import { t } from '../locales/en.js';
import { Field, Select } from '../ui/basics.js';
import { Icon } from '../ui/icons.js';
import { Preview } from './preview.js';
import { RuleControls } from './rule_controls.js';
import { compose, fresh, parse } from './rrule.js';

const ZONES = typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : [];
const CRON_FIELDS = ['minute', 'hour', 'day', 'month', 'weekday'];
const PRESETS = ['*/15 * * * *', '0 * * * *', '0 8 * * *', '0 8 * * 1-5', '0 8 * * 1', '0 8 1 * *', '0 8 L * *'];
const ONCE = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::00)?$/;

/** What the controls of each kind show for a text; without any when they cannot show it. */
function readControls(kind, expr, zone) {
  const state = { rrule: fresh(), cron: ['0', '8', '*', '*', '*'], once: { date: '', time: '08:00' } };
  let raw = false;
  if (expr) {
    if (kind === 'rrule') {
      const model = parse(expr, zone);
      raw = model === null;
      if (model) state.rrule = model;
    } else if (kind === 'cron') {
      const fields = expr.trim().split(/\s+/);
      raw = fields.length !== 5;
      if (!raw) state.cron = fields;
    } else if (kind === 'once') {
      const found = ONCE.exec(expr.trim());
      raw = !found;
      if (found) state.once = { date: found[1], time: found[2] };
    } else raw = true;
  }
  return { ...state, raw };
}

/** The text for what the controls show: `{expr}` or `{fault}`. */
function write(kind, state, zone) {
  if (kind === 'rrule') return compose(state.rrule, zone);
  if (kind === 'cron') return state.cron.every((field) => field.trim()) ? { expr: state.cron.map((field) => field.trim()).join(' ') } : { fault: ['cron', 'cron'] };
  return state.once.date && state.once.time ? { expr: `${state.once.date}T${state.once.time}` } : { fault: ['once', 'once'] };
}

export function ScheduleBuilder({ doc, change, faults, report }) {
  const kind = doc.schedule_kind;
  const zone = doc.timezone || '';
  const [state, setState] = useState(() => readControls(kind, doc.schedule_expr, zone));
  const [fault, setFault] = useState(null);
  const apply = (next, nextKind = kind, nextZone = zone) => {
    setState(next);
    const written = next.raw ? { expr: doc.schedule_expr } : write(nextKind, next, nextZone || browserZone);
    setFault(written.fault || null);
    report('/schedule_expr', written.fault ? t.schedule.faults[written.fault[0]] : null);
    change({ schedule_kind: nextKind, timezone: nextZone || undefined, ...(written.expr === undefined ? {} : { schedule_expr: written.expr }) });
  };
  const setKind = (next) => apply({ ...state, raw: false }, next);
  const setRaw = (raw) => {
    const read = readControls(kind, doc.schedule_expr, zone);
    apply(raw ? { ...state, raw } : { ...state, ...(read.raw ? {} : { [kind]: read[kind] }), raw: false });
  };
  const place = fault?.[1];
  return html`<div class="builder">
    <fieldset class="choices"><legend>${t.schedule.kind}</legend>${['rrule', 'cron', 'once'].map((one) => html`
      <label><input type="radio" name="schedule-kind" value=${one} checked=${kind === one} onChange=${() => setKind(one)} /> ${t.schedule.kinds[one]}</label>`)}</fieldset>
    <div class="split">
      <div>
        ${state.raw ? html`<${Raw} kind=${kind} doc=${doc} change=${change} faults=${faults('/schedule_expr')} />`
          : kind === 'rrule' ? html`<${RuleControls} model=${state.rrule} place=${place} message=${fault ? t.schedule.faults[fault[0]] : ''} onChange=${(rrule) => apply({ ...state, rrule })} />`
          : kind === 'cron' ? html`<${CronControls} fields=${state.cron} faults=${faults('/schedule_expr')} onChange=${(cron) => apply({ ...state, cron })} />`
          : html`<${OnceControls} once=${state.once} faults=${faults('/schedule_expr')} onChange=${(once) => apply({ ...state, once })} />`}
        <${Field} label=${t.schedule.zone} hint=${t.schedule.zoneHint} pointer="/timezone" faults=${faults('/timezone')}>${(tie) => html`
          <input ...${tie} list="zones" autocomplete="off" spellcheck=${false} placeholder=${t.schedule.zoneDefault} value=${zone} onInput=${(event) => apply(state, kind, event.target.value.trim())} />
          <datalist id="zones">${ZONES.map((one) => html`<option value=${one} />`)}</datalist>`}</${Field}>
        <p><button type="button" class="small" aria-pressed=${state.raw ? 'true' : 'false'} disabled=${Boolean(fault)} aria-describedby=${fault ? 'no-text' : undefined} onClick=${() => setRaw(!state.raw)}>${state.raw ? t.schedule.toControls : t.schedule.toText}</button>${fault ? html` <span class="muted" id="no-text">${t.schedule.noText(t.schedule.faults[fault[0]])}</span>` : ''}</p>
        ${state.raw || fault ? '' : html`<p class="muted">${t.schedule.asText} <code data-schedule-text>${doc.schedule_expr}</code></p>`}
      </div>
      <${Preview} kind=${kind} expr=${doc.schedule_expr || ''} timezone=${zone} dst=${doc.dst} startsAt=${doc.starts_at} fault=${fault ? t.schedule.faults[fault[0]] : ''} />
    </div></div>`;
}

function Raw({ kind, doc, change, faults }) {
  return html`<${Field} label=${t.schedule.expression} hint=${t.schedule.rawHints[kind]} pointer="/schedule_expr" faults=${faults}>${(tie) => html`
    <textarea ...${tie} rows="4" spellcheck=${false} value=${doc.schedule_expr} onInput=${(event) => change({ schedule_expr: event.target.value })}></textarea>`}</${Field}>`;
}

function CronControls({ fields, onChange, faults }) {
  const preset = PRESETS.includes(fields.join(' ')) ? fields.join(' ') : '';
  return html`<${Field} label=${t.schedule.preset}>${(tie) => html`<${Select} ...${tie} value=${preset} options=${[['', t.schedule.own], ...PRESETS.map((one) => [one, t.schedule.presets[one]])]} onChange=${(value) => value && onChange(value.split(' '))} />`}</${Field}>
    <div class="cron" role="group" aria-label=${t.schedule.cronFields} data-pointer="/schedule_expr">${CRON_FIELDS.map((name, at) => html`
      <${Field} label=${t.schedule.cron[name]} hint=${t.schedule.cronHints[name]}>${(tie) => html`<input ...${tie} spellcheck=${false} autocomplete="off" value=${fields[at]} onInput=${(event) => onChange(fields.map((one, index) => (index === at ? event.target.value : one)))} />`}</${Field}>`)}</div>
    ${faults.map((one) => html`<p class="faults"><${Icon} name="warning" /> ${one.detail}</p>`)}`;
}

function OnceControls({ once, onChange, faults }) {
  return html`<div class="row" data-pointer="/schedule_expr">
    <${Field} label=${t.schedule.date}>${(tie) => html`<input ...${tie} type="date" value=${once.date} onInput=${(event) => onChange({ ...once, date: event.target.value })} />`}</${Field}>
    <${Field} label=${t.schedule.time}>${(tie) => html`<input ...${tie} type="time" value=${once.time} onInput=${(event) => onChange({ ...once, time: event.target.value })} />`}</${Field}></div>
    ${faults.map((one) => html`<p class="faults"><${Icon} name="warning" /> ${one.detail}</p>`)}`;
}
