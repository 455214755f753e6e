// The arguments of a tool: fields where its schema has such, JSON for everything else.
import { html, useState } from '../lib/dom.js';
import { t } from '../locales/en.js';
import { Field, Json, Select } from '../ui/basics.js';
import { JsonInput } from './json_input.js';

/** The form of a member: `text`, `number`, `boolean`, `enum` or `json`. */
function formOf(schema) {
  if (Array.isArray(schema?.enum) && schema.enum.every((one) => typeof one === 'string')) return 'enum';
  const types = [].concat(schema?.type ?? []).filter((one) => one !== 'null');
  if (types.length !== 1) return 'json';
  return { string: 'text', integer: 'number', number: 'number', boolean: 'boolean' }[types[0]] || 'json';
}

const isTemplate = (value) => typeof value === 'string' && value.includes('${');

export function Arguments({ tool, value, onChange, pointer, faults, report }) {
  const schema = tool?.input_schema;
  const properties = schema?.type === 'object' && schema.properties ? Object.entries(schema.properties) : [];
  const object = value === undefined || (value && typeof value === 'object' && !Array.isArray(value));
  const extra = object && Object.keys(value || {}).some((name) => !schema?.properties?.[name]);
  const possible = properties.length > 0 && object && !extra;
  const [json, setJson] = useState(false);
  const asForm = possible && !json;
  const set = (name, next) => {
    const changed = { ...(value || {}) };
    if (next === undefined) delete changed[name];
    else changed[name] = next;
    onChange(changed);
  };
  return html`<div class="arguments">
    ${asForm ? html`<fieldset><legend>${t.pipeline.arguments}</legend>${properties.map(([name, one]) => html`<${Member} key=${name} name=${name} schema=${one} required=${(schema.required || []).includes(name)} value=${value?.[name]}
      pointer=${`${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`} faults=${faults} report=${report} onChange=${(next) => set(name, next)} />`)}
      ${faults(pointer).filter((one) => !properties.some(([name]) => one.pointer === `${pointer}/${name}` || one.pointer.startsWith(`${pointer}/${name}/`))).map((one) => html`<p class="faults">${one.detail}</p>`)}</fieldset>`
      : html`<${JsonInput} label=${t.pipeline.argumentsJson} hint=${t.pipeline.templateHint} value=${value} onChange=${onChange} pointer=${pointer} faults=${faults(pointer)} report=${report} rows="6" />`}
    <div class="actions">
      ${possible ? html`<button type="button" class="small" aria-pressed=${json ? 'true' : 'false'} onClick=${() => setJson(!json)}>${json ? t.pipeline.toFields : t.pipeline.toJson}</button>` : ''}
    </div>
    ${schema && !asForm ? html`<details><summary>${t.pipeline.schema}</summary><${Json} value=${schema} label=${t.pipeline.schema} /></details>` : ''}
  </div>`;
}

function Member({ name, schema, required, value, pointer, faults, report, onChange }) {
  const form = isTemplate(value) && ['boolean', 'enum'].includes(formOf(schema)) ? 'text' : formOf(schema);
  const found = faults(pointer);
  const hint = schema?.description;
  if (form === 'json') return html`<${JsonInput} label=${name} hint=${hint} required=${required} value=${value} onChange=${onChange} pointer=${pointer} faults=${found} report=${report} rows="3" />`;
  const plain = value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value ?? '');
  const input = (text) => {
    if (text === '') return onChange(undefined);
    if (form === 'number' && text.trim() !== '' && Number.isFinite(Number(text))) return onChange(Number(text));
    if (form === 'boolean') return onChange(text === 'true');
    return onChange(text);
  };
  return html`<${Field} label=${name} hint=${hint} required=${required} pointer=${pointer} faults=${found}>${(tie) =>
    form === 'boolean' ? html`<${Select} ...${tie} value=${plain} options=${[['', t.pipeline.unset], ['true', t.yes], ['false', t.no]]} onChange=${input} />`
    : form === 'enum' ? html`<${Select} ...${tie} value=${plain} options=${[['', t.pipeline.unset], ...schema.enum.map((one) => [one, one])]} onChange=${input} />`
    : html`<input ...${tie} value=${plain} inputmode=${form === 'number' ? 'decimal' : undefined} spellcheck=${false} autocomplete="off" onInput=${(event) => input(event.target.value)} />`}</${Field}>`;
}
