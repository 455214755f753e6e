// The REST API, past the interface: to prepare what it shows, and to compare.
import { check, clientId, clientSecret, PATIENCE_MS, url } from './support.mjs';

let token = null;

export async function call(method, path, body, headers = {}) {
  if (!token) {
    const answer = await fetch(`${url}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }),
    });
    token = (await answer.json()).access_token;
    check(token, `no token: ${answer.status}`);
  }
  const answer = await fetch(`${url}/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  check(answer.ok, `${method} /${path} answers ${answer.status}: ${text}`);
  return text ? JSON.parse(text) : null;
}

const weekly = { schedule_kind: 'cron', schedule_expr: '0 6 * * 1', timezone: 'Europe/Chisinau' };
const task = (title, pipeline, more = {}) => call('POST', 'tasks', { title, ...weekly, payload: { params: {}, pipeline }, ...more });

/** Asks until a run is over. */
export async function finished(run) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await call('GET', `runs/${run.id}`);
    if (!['queued', 'running'].includes(found.state)) return found;
    check(Date.now() < until, `run ${run.id} is still ${found.state}`);
    await new Promise((done) => { setTimeout(done, 100); });
  }
}

export const HOSTILE = '<img src=x onerror="window.hostile=1"><script>window.hostile=2</script>"{{7*7}}';

/** A world that looks lived in: `{report, broken, runs}`. */
export async function prepare() {
  const greet = (name, more = {}) => ({ uses: 'events_demo.greet', with: { name }, ...more });
  const report = await task('Morning report', [
    greet('readings', { id: 'collect', save_as: 'readings' }), greet('${steps.readings.greeting}', { id: 'write' }),
  ], { tags: ['reports'], schedule_kind: 'rrule', schedule_expr: 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=8;BYMINUTE=30;BYSECOND=0', description: 'What happened since yesterday.' });
  const broken = await task('Nightly invoices', [
    greet('orders', { id: 'collect', save_as: 'orders' }),
    { id: 'send', uses: 'events_demo.greet', with: { name: '${params.recipient}' } },
    greet('done', { id: 'note' }),
  ], { tags: ['billing'], max_retries: 0, schedule_expr: '15 2 * * *', payload: { params: { recipient: 7 }, pipeline: [
    greet('orders', { id: 'collect', save_as: 'orders' }), { id: 'send', uses: 'events_demo.greet', with: { name: '${params.recipient}' } }, greet('done', { id: 'note' }),
  ] } });
  const soon = new Date(Date.now() + 1800000).toISOString().replace(/\.\d+Z$/, 'Z');
  await task('Back up the archive', [greet('archive')], { schedule_kind: 'once', schedule_expr: soon, tags: ['archive'] });
  const paused = await task('Water the plants', [greet('plants')], { schedule_expr: '0 7 * * *' });
  await call('POST', `tasks/${paused.id}/pause`, {});
  const runs = {};
  for (const [name, of] of Object.entries({ report, broken })) runs[name] = await finished(await call('POST', `tasks/${of.id}/run_now`, {}));
  check(runs.broken.state === 'failed', `the broken task's run is ${runs.broken.state}: ${JSON.stringify(runs.broken.error)}`);
  return { report, broken, runs };
}

/** A run of a task in which everything that a person can write is markup. */
export async function prepareHostile() {
  const made = await task(HOSTILE, [{ id: 'greet', uses: 'events_demo.greet', with: { name: HOSTILE } }], { tags: [HOSTILE.slice(0, 60)], description: HOSTILE });
  const run = await finished(await call('POST', `tasks/${made.id}/run_now`, {}));
  check(run.state === 'succeeded', `it is ${run.state}: ${JSON.stringify(run.error)}`);
  return run;
}
