// The settings of a task that most tasks leave as they are.
import { html } from '../lib/dom.js';
import { t } from '../locales/en.js';
import { Field, Select } from '../ui/basics.js';

/** Member and form: a whole number, a number, text, or a choice. */
export const SETTINGS = [
  ['overlap_policy', 'choice'], ['misfire_policy', 'choice'], ['catchup_window_seconds', 'number'],
  ['max_retries', 'number'], ['backoff_strategy', 'choice'], ['backoff_base_seconds', 'number'], ['backoff_cap_seconds', 'number'],
  ['timeout_seconds', 'number'], ['priority', 'number'], ['jitter_seconds', 'number'], ['max_runs', 'number'],
  ['starts_at', 'text'], ['ends_at', 'text'], ['concurrency_key', 'text'], ['concurrency_limit', 'number'],
  ['dedupe_key', 'text'], ['dedupe_window_seconds', 'number'], ['durability', 'choice'],
];

export function MoreSettings({ doc, change, faults }) {
  const wrong = SETTINGS.some(([name]) => faults(`/${name}`).length);
  return html`<details class="more" open=${wrong || undefined}><summary><h2>${t.form.more}</h2></summary><div class="grid">${SETTINGS.map(([name, form]) => html`
    <${Field} key=${name} label=${t.form.fields[name]} hint=${t.form.hints[name]} pointer=${`/${name}`} faults=${faults(`/${name}`)}>${(tie) => form === 'choice'
      ? html`<${Select} ...${tie} value=${doc[name] ?? ''} options=${[['', t.form.standard], ...Object.entries(t.form.choices[name])]} onChange=${(value) => change({ [name]: value || undefined })} />`
      : html`<input ...${tie} autocomplete="off" inputmode=${form === 'number' ? 'decimal' : undefined} value=${doc[name] ?? ''} onInput=${(event) => change({ [name]: read(form, event.target.value) })} />`}</${Field}>`)}</div></details>`;
}

/** A number where it is one; what is none is the server's to refuse. */
function read(form, text) {
  if (text.trim() === '') return undefined;
  return form === 'number' && Number.isFinite(Number(text)) ? Number(text) : text;
}
