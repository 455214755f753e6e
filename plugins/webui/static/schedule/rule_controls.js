// The controls of a recurrence rule.
import { html } from '../lib/dom.js';
import { t } from '../locales/en.js';
import { Field, Select } from '../ui/basics.js';
import { Icon } from '../ui/icons.js';
import { DAYS, FREQUENCIES, ORDINALS } from './rrule.js';

const CALENDAR = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'];

export function RuleControls({ model, onChange, place, message }) {
  const set = (changes) => onChange({ ...model, ...changes });
  const fault = (name) => (place === name ? [{ detail: message }] : []);
  const toggle = (list, one) => (list.includes(one) ? list.filter((held) => held !== one) : [...list, one]);
  const monthly = model.freq === 'MONTHLY' || model.freq === 'YEARLY';
  return html`
    <div class="row">
      <${Field} label=${t.rule.every} faults=${fault('interval')}>${(tie) => html`<input ...${tie} type="number" min="1" max="1000" inputmode="numeric" class="narrow" value=${model.interval} onInput=${(event) => set({ interval: event.target.value })} />`}</${Field}>
      <${Field} label=${t.rule.unit}>${(tie) => html`<${Select} ...${tie} value=${model.freq} options=${FREQUENCIES.map((one) => [one, t.rule.units[one]])} onChange=${(freq) => set({ freq })} />`}</${Field}>
    </div>
    ${model.freq === 'WEEKLY' ? html`<${Checks} legend=${t.rule.onDays} faults=${fault('days')} options=${DAYS.map((day) => [day, t.rule.days[day]])} held=${model.days} onToggle=${(day) => set({ days: toggle(model.days, day) })} />` : ''}
    ${monthly ? html`<fieldset class="choices"><legend>${t.rule.onWhich}</legend>
        <label><input type="radio" name="rule-by" checked=${model.by === 'weekday'} onChange=${() => set({ by: 'weekday' })} /> ${t.rule.byWeekday}</label>
        <label><input type="radio" name="rule-by" checked=${model.by === 'monthday'} onChange=${() => set({ by: 'monthday' })} /> ${t.rule.byMonthday}</label></fieldset>
      ${model.by === 'weekday' ? html`<div class="row">
        <${Field} label=${t.rule.ordinal}>${(tie) => html`<${Select} ...${tie} value=${model.ordinal} options=${ORDINALS.map((one) => [one, t.rule.ordinals[one]])} onChange=${(ordinal) => set({ ordinal })} />`}</${Field}>
        <${Field} label=${t.rule.day}>${(tie) => html`<${Select} ...${tie} value=${model.ordinalDay} options=${DAYS.map((day) => [day, t.rule.days[day]])} onChange=${(ordinalDay) => set({ ordinalDay })} />`}</${Field}></div>`
        : html`<${Field} label=${t.rule.monthdays} hint=${t.rule.monthdaysHint} faults=${fault('monthdays')}>${(tie) => html`<input ...${tie} value=${model.monthdays} onInput=${(event) => set({ monthdays: event.target.value })} />`}</${Field}>`}` : ''}
    ${CALENDAR.includes(model.freq) ? html`<${Times} times=${model.times} faults=${fault('times')} onChange=${(times) => set({ times })} />` : ''}
    ${model.freq === 'HOURLY' ? html`<${Field} label=${t.rule.minute} faults=${fault('minute')}>${(tie) => html`<input ...${tie} type="number" min="0" max="59" class="narrow" value=${model.minute} onInput=${(event) => set({ minute: event.target.value })} />`}</${Field}>` : ''}
    ${model.freq === 'YEARLY' ? html`<${Months} model=${model} set=${set} toggle=${toggle} faults=${fault('months')} />`
      : html`<details open=${model.months.length > 0}><summary>${t.rule.someMonths}</summary><${Months} model=${model} set=${set} toggle=${toggle} faults=${[]} /></details>`}
    <div class="row">
      <${Field} label=${t.rule.start} hint=${t.rule.startHint}>${(tie) => html`<input ...${tie} type="date" value=${model.start} onInput=${(event) => set({ start: event.target.value, startTime: '' })} />`}</${Field}>
      <${Field} label=${t.rule.end} faults=${fault('end')}>${(tie) => html`<${Select} ...${tie} value=${model.end} options=${Object.entries(t.rule.ends)} onChange=${(end) => set({ end })} />`}</${Field}>
      ${model.end === 'count' ? html`<${Field} label=${t.rule.count}>${(tie) => html`<input ...${tie} type="number" min="1" class="narrow" value=${model.count} onInput=${(event) => set({ count: event.target.value })} />`}</${Field}>` : ''}
      ${model.end === 'until' ? html`<${Field} label=${t.rule.until}>${(tie) => html`<input ...${tie} type="date" value=${model.until} onInput=${(event) => set({ until: event.target.value })} />`}</${Field}>` : ''}
    </div>`;
}

function Checks({ legend, options, held, onToggle, faults }) {
  return html`<fieldset class="choices"><legend>${legend}</legend>${options.map(([key, label]) => html`
    <label><input type="checkbox" checked=${held.includes(key)} onChange=${() => onToggle(key)} /> ${label}</label>`)}
    ${faults.map((one) => html`<p class="faults"><${Icon} name="warning" /> ${one.detail}</p>`)}</fieldset>`;
}

function Months({ model, set, toggle, faults }) {
  return html`<${Checks} legend=${t.rule.inMonths} faults=${faults} options=${t.rule.months.map((name, at) => [at + 1, name])} held=${model.months} onToggle=${(month) => set({ months: toggle(model.months, month) })} />`;
}

function Times({ times, onChange, faults }) {
  const list = times.length ? times : [''];
  return html`<fieldset class="choices"><legend>${t.rule.times}</legend>
    ${list.map((time, at) => html`<span class="time" key=${at}><input type="time" required aria-label=${t.rule.time(at + 1)} value=${time} onInput=${(event) => onChange(list.map((one, index) => (index === at ? event.target.value : one)))} />
      ${list.length > 1 ? html`<button type="button" class="small" aria-label=${t.rule.removeTime(time)} onClick=${() => onChange(list.filter((_, index) => index !== at))}><${Icon} name="trash" /></button>` : ''}</span>`)}
    <button type="button" class="small" onClick=${() => onChange([...list, ''])}><${Icon} name="plus" /> ${t.rule.addTime}</button>
    ${faults.map((one) => html`<p class="faults"><${Icon} name="warning" /> ${one.detail}</p>`)}</fieldset>`;
}
