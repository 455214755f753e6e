// What: the steps as cards, or all of it as JSON.
import { html, useRef, useState } from '../lib/dom.js';
import { get } from '../lib/api.js';
import { useLoad } from '../lib/load.js';
import { t } from '../locales/en.js';
import { Empty, ErrorBox, say } from '../ui/basics.js';
import { Icon } from '../ui/icons.js';
import { JsonInput } from './json_input.js';
import { StepCard } from './step.js';

export function PipelineEditor({ payload, onChange, faults, report }) {
  const tools = useLoad((abort) => get('tools', {}, abort), []);
  const steps = Array.isArray(payload?.pipeline) ? payload.pipeline : [];
  const readable = Array.isArray(payload?.pipeline) && payload.pipeline.every((step) => step && typeof step === 'object' && !Array.isArray(step));
  const [json, setJson] = useState(!readable);
  // Cards keep their state when they change places.
  const keys = useRef([]);
  const counter = useRef(0);
  while (keys.current.length < steps.length) keys.current.push((counter.current += 1));
  keys.current.length = steps.length;
  const list = useRef(null);
  const set = (pipeline) => onChange({ ...payload, pipeline });
  const focus = (at, control) => requestAnimationFrame(() => {
    const card = list.current?.children[at];
    (card?.querySelector(control) || card?.querySelector('[data-first]'))?.focus();
  });
  const move = (at, by) => {
    const to = at + by;
    const [step, key] = [[...steps], [...keys.current]];
    [step[at], step[to]] = [step[to], step[at]];
    [key[at], key[to]] = [key[to], key[at]];
    keys.current = key;
    set(step);
    say(t.pipeline.moved(to + 1));
    focus(to, by < 0 ? '[data-up]:not(:disabled)' : '[data-down]:not(:disabled)');
  };
  const remove = (at) => {
    keys.current = keys.current.filter((_, index) => index !== at);
    set(steps.filter((_, index) => index !== at));
    say(t.pipeline.removed(at + 1));
    focus(Math.max(0, at - 1), '[data-first]');
  };
  const add = () => {
    set([...steps, { uses: '' }]);
    focus(steps.length, '[data-first]');
  };
  if (json) {
    return html`<${JsonInput} label=${t.pipeline.whole} hint=${t.pipeline.wholeHint} value=${payload} onChange=${(value) => onChange(value ?? {})} pointer="/payload" faults=${faults('/payload')} report=${report} rows="18" />
      <div class="actions"><button type="button" class="small" disabled=${!readable} onClick=${() => setJson(false)}>${t.pipeline.toCards}</button></div>`;
  }
  const before = (at) => steps.slice(0, at).map((step, index) => step.save_as || `${step.id || `step_${index + 1}`}.result`);
  return html`${tools.error ? html`<${ErrorBox} error=${tools.error} retry=${tools.reload} title=${t.pipeline.noTools} />` : ''}
    ${steps.length ? html`<ol class="step-cards" ref=${list}>${steps.map((step, at) => html`<${StepCard} key=${keys.current[at]} step=${step} at=${at} count=${steps.length} tools=${tools.data?.data || []} before=${before(at)}
      faults=${faults} report=${report} onChange=${(next) => set(steps.map((one, index) => (index === at ? next : one)))} onMove=${(by) => move(at, by)} onRemove=${() => remove(at)} />`)}</ol>`
      : html`<${Empty}>${t.pipeline.empty}</${Empty}>`}
    <div class="actions"><button type="button" onClick=${add}><${Icon} name="plus" /> ${t.pipeline.add}</button>
      <button type="button" class="small" onClick=${() => setJson(true)}>${t.pipeline.toWholeJson}</button></div>
    <${JsonInput} label=${t.pipeline.params} hint=${t.pipeline.paramsHint} value=${payload?.params && Object.keys(payload.params).length ? payload.params : undefined} pointer="/payload/params" faults=${faults('/payload/params')} report=${report} rows="3"
      onChange=${(params) => onChange({ ...payload, params: params ?? {} })} />`;
}
