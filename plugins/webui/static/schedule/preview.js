// What a schedule means, as the server says it, while it is being written.
import { html } from '../lib/dom.js';
import { post } from '../lib/api.js';
import { useLoad, useSettled } from '../lib/load.js';
import { t } from '../locales/en.js';
import { ErrorBox, Occurrence } from '../ui/basics.js';
import { Icon } from '../ui/icons.js';

const SETTLE_MS = 250;
/** How many occurrences are shown. */
const COUNT = 6;

export function Preview({ kind, expr, timezone, dst, startsAt, fault }) {
  const empty = !expr.trim();
  const wanted = empty || fault ? '' : JSON.stringify({ schedule_kind: kind, schedule_expr: expr, timezone: timezone || undefined, dst: dst || undefined, starts_at: startsAt || undefined, count: COUNT });
  const settled = useSettled(wanted, SETTLE_MS);
  // A request that is overtaken by the next one is given up.
  const preview = useLoad((abort) => (settled ? post('schedules/preview', JSON.parse(settled), { abort }) : Promise.resolve(null)), [settled]);
  const stale = preview.loading || settled !== wanted;
  return html`<section class="preview" aria-labelledby="preview-title" aria-busy=${stale ? 'true' : 'false'}>
    <h3 id="preview-title">${t.schedule.preview}</h3>
    <div aria-live="polite">${fault ? html`<p><${Icon} name="warning" /> ${fault}</p>` : empty ? html`<p class="muted">${t.schedule.nothingYet}</p>` : html`<${Shown} preview=${preview} />`}</div>
  </section>`;
}

function Shown({ preview }) {
  if (preview.error) return html`<${ErrorBox} error=${preview.error} title=${t.schedule.cannotRead} />`;
  const data = preview.data;
  if (!data) return html`<p class="loading">${t.loading}</p>`;
  return html`<p class="sentence" data-preview="sentence">${data.description}</p>
    ${data.warnings.map((one) => html`<p class="note"><${Icon} name="warning" /> ${one.detail}</p>`)}
    ${data.occurrences.length ? html`<h4>${t.schedule.next(data.timezone)}</h4>
      <ul class="occurrences" data-preview="occurrences">${data.occurrences.map((one) => html`<${Occurrence} key=${one.at} one=${one} />`)}</ul>` : ''}
    ${data.ends ? html`<p class="muted">${data.occurrences.length ? t.schedule.ends : t.schedule.neverFires}</p>` : ''}`;
}
