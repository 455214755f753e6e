// One step of a pipeline as a card.
import { html } from '../lib/dom.js';
import { t } from '../locales/en.js';
import { Field, Select } from '../ui/basics.js';
import { Icon } from '../ui/icons.js';
import { Arguments } from './arguments.js';

const STRATEGIES = ['exponential_jitter', 'linear', 'fixed'];
const number = (text) => (text.trim() === '' ? undefined : Number.isFinite(Number(text)) ? Number(text) : text);

export function StepCard({ step, at, count, tools, before, faults, report, onChange, onMove, onRemove }) {
  const pointer = `/payload/pipeline/${at}`;
  const set = (name, value) => {
    const next = { ...step };
    if (value === undefined || value === '') delete next[name];
    else next[name] = value;
    onChange(next);
  };
  const text = (name, extra = {}) => html`<${Field} label=${t.pipeline.fields[name]} hint=${t.pipeline.hints[name]} pointer=${`${pointer}/${name}`} faults=${faults(`${pointer}/${name}`)}>${(tie) => html`
    <input ...${tie} ...${extra} spellcheck=${false} autocomplete="off" value=${step[name] ?? ''} onInput=${(event) => set(name, extra.inputmode ? number(event.target.value) : event.target.value)} />`}</${Field}>`;
  const tool = tools.find((one) => one.name === step.uses);
  const own = faults(pointer).filter((one) => one.pointer === pointer);
  const more = ['id', 'if', 'timeout_seconds', 'retry', 'on_error'].some((name) => step[name] !== undefined || faults(`${pointer}/${name}`).length);
  const known = ['uses', 'id', 'with', 'save_as', 'if', 'timeout_seconds', 'retry', 'on_error'];
  const others = faults(pointer).filter((one) => one.pointer !== pointer && !known.includes(one.pointer.slice(pointer.length + 1).split('/')[0]));
  return html`<li class="step-card" data-step-card=${at} data-pointer=${pointer}><div role="group" aria-label=${t.pipeline.step(at + 1)}>
    <div class="card-head"><strong>${t.pipeline.step(at + 1)}</strong> ${step.id ? html`<span class="muted">${step.id}</span>` : ''}
      <span class="card-tools">
        <button type="button" class="small" data-up disabled=${at === 0} aria-label=${t.pipeline.up(at + 1)} onClick=${() => onMove(-1)}><${Icon} name="up" /></button>
        <button type="button" class="small" data-down disabled=${at === count - 1} aria-label=${t.pipeline.down(at + 1)} onClick=${() => onMove(1)}><${Icon} name="down" /></button>
        <button type="button" class="small" aria-label=${t.pipeline.remove(at + 1)} onClick=${onRemove}><${Icon} name="trash" /></button>
      </span></div>
    ${[...own, ...others].map((one) => html`<p class="faults"><${Icon} name="warning" /> ${one.pointer === pointer ? '' : html`<code>${one.pointer.slice(pointer.length)}</code> `}${one.detail}</p>`)}
    <${Field} label=${t.pipeline.tool} required pointer=${`${pointer}/uses`} faults=${faults(`${pointer}/uses`)} hint=${tool?.description}>${(tie) => html`<${Tool} tie=${tie} step=${step} tools=${tools} onChange=${(uses) => set('uses', uses)} />`}</${Field}>
    <${Arguments} key=${step.uses} tool=${tool} value=${step.with} onChange=${(value) => set('with', value)} pointer=${`${pointer}/with`} faults=${faults} report=${report} />
    ${before.length ? html`<p class="hint">${t.pipeline.earlier} ${before.map((one) => html`<code>${`\${steps.${one}}`}</code> `)}</p>` : ''}
    ${text('save_as')}
    <details open=${more}><summary>${t.pipeline.more}</summary>
      <div class="row">${text('id', { placeholder: `step_${at + 1}` })}${text('timeout_seconds', { inputmode: 'decimal' })}
      <${Field} label=${t.pipeline.fields.on_error} pointer=${`${pointer}/on_error`} faults=${faults(`${pointer}/on_error`)}>${(tie) => html`<${Select} ...${tie} value=${step.on_error || 'fail'} options=${Object.entries(t.pipeline.onError)} onChange=${(value) => set('on_error', value === 'fail' ? undefined : value)} />`}</${Field}></div>
      ${text('if')}
      <${Retry} step=${step} set=${set} pointer=${`${pointer}/retry`} faults=${faults} />
    </details></div></li>`;
}

/** A choice of what is there; a tool that is not there now (its extension may come later) is written by hand. */
function Tool({ tie, step, tools, onChange }) {
  const names = tools.map((one) => one.name);
  if (!tools.length) return html`<input ...${tie} data-first value=${step.uses ?? ''} spellcheck=${false} onInput=${(event) => onChange(event.target.value)} />`;
  const options = [['', t.pipeline.choose], ...tools.map((one) => [one.name, one.title ? `${one.name} – ${one.title}` : one.name])];
  if (step.uses && !names.includes(step.uses)) options.push([step.uses, t.pipeline.missing(step.uses)]);
  return html`<${Select} ...${tie} data-first value=${step.uses || ''} options=${options} onChange=${onChange} />`;
}

function Retry({ step, set, pointer, faults }) {
  const retry = step.retry;
  const change = (name, value) => {
    const next = { ...(retry || {}) };
    if (value === undefined || value === '') delete next[name];
    else next[name] = value;
    set('retry', Object.keys(next).length ? next : undefined);
  };
  const field = (name) => html`<${Field} label=${t.pipeline.retry[name]} pointer=${`${pointer}/${name}`} faults=${faults(`${pointer}/${name}`)}>${(tie) => html`
    <input ...${tie} inputmode="decimal" class="narrow" value=${retry?.[name] ?? ''} onInput=${(event) => change(name, number(event.target.value))} />`}</${Field}>`;
  return html`<fieldset data-pointer=${pointer}><legend>${t.pipeline.fields.retry}</legend>
    ${faults(pointer).filter((one) => one.pointer === pointer).map((one) => html`<p class="faults">${one.detail}</p>`)}
    <div class="row">${field('max_attempts')}${field('base_seconds')}${field('cap_seconds')}
    <${Field} label=${t.pipeline.retry.backoff_strategy}>${(tie) => html`<${Select} ...${tie} value=${retry?.backoff_strategy || ''} options=${[['', t.pipeline.unset], ...STRATEGIES.map((one) => [one, t.form.choices.backoff_strategy[one]])]} onChange=${(value) => change('backoff_strategy', value)} />`}</${Field}></div></fieldset>`;
}
