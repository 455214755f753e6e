// Somebody without a mouse signs in, says when with the controls, sees the server's preview, creates, and watches it run.
import { call } from './api.mjs';
import { accessible, at, check, clientId, clientSecret, it, picture, same, settled, tabTo, visit } from './support.mjs';

const TITLE = 'Stand-up notes';

export async function create(page, theme) {
  await it(`${theme}: wrong secrets are refused with what to do, and right ones let in`, async () => {
    await page.goto(at('tasks/new'));
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await accessible(page, 'sign-in');
    await tabTo(page, page.getByLabel('Client id'));
    await page.keyboard.type(clientId);
    await page.keyboard.press('Tab');
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Client secret').fill('');
    await page.getByLabel('Client secret').focus();
    await picture(page, `sign-in-${theme}`);
    await page.keyboard.type(clientSecret);
    await page.keyboard.press('Enter');
    // Back where one wanted to go.
    await page.getByRole('heading', { name: 'Create a task' }).waitFor();
    await settled(page);
    const cookies = await page.context().cookies();
    check(cookies.length > 0 && cookies.every((one) => one.httpOnly), `cookies are ${JSON.stringify(cookies)}`);
    check(!(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).includes(clientSecret), 'the secret is stored');
  });

  await it(`${theme}: every second Tuesday at 08:30 in Chisinau, by the keyboard and the controls alone`, async () => {
    await tabTo(page, page.getByLabel('Title'));
    await page.keyboard.type(TITLE);
    await tabTo(page, page.getByLabel('Every', { exact: true }));
    await page.keyboard.press('Control+a');
    await page.keyboard.type('2');
    await tabTo(page, page.getByRole('checkbox', { name: 'Monday' }));
    await page.keyboard.press('Space');
    await tabTo(page, page.getByRole('checkbox', { name: 'Tuesday' }));
    await page.keyboard.press('Space');
    await tabTo(page, page.getByLabel('Time 1'));
    await page.keyboard.type('0830AM');
    await tabTo(page, page.getByLabel('Time zone'));
    await page.keyboard.press('Control+a');
    await page.keyboard.type('Europe/Chisinau');
    await page.keyboard.press('Escape');
    const text = await page.locator('[data-schedule-text]').textContent();
    same(text, 'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;BYHOUR=8;BYMINUTE=30;BYSECOND=0', 'the rule');
  });

  await it(`${theme}: the preview is the server's`, async () => {
    const asked = await call('POST', 'schedules/preview', { schedule_kind: 'rrule', schedule_expr: await page.locator('[data-schedule-text]').textContent(), timezone: 'Europe/Chisinau', count: 6 });
    await page.locator('[data-preview=sentence]', { hasText: asked.description }).waitFor();
    await settled(page);
    const shown = await page.locator('[data-preview=occurrences] time').evaluateAll((list) => list.map((one) => one.dateTime));
    same(shown, asked.occurrences.map((one) => one.at), 'the list of occurrences');
    check(/second Tuesday/.test(asked.description) && /08:30/.test(asked.description), `the sentence is ${asked.description}`);
    check((await page.locator('[data-preview=occurrences]').textContent()).includes('UTC+0'), 'no offset is shown');
  });

  await it(`${theme}: faults stand in their places, and are gone when they are mended`, async () => {
    await page.getByRole('button', { name: 'Create task' }).click();
    const fault = page.locator('[data-pointer="/payload/pipeline/0/uses"] .faults');
    await fault.waitFor();
    await accessible(page, 'a form with faults');
    await page.locator('.summary button.link').first().click();
    check(await page.evaluate(() => document.activeElement.closest('[data-pointer]') !== null), 'the summary leads to no field');
    await tabTo(page, page.getByLabel('Tool').first());
    await page.keyboard.type('events_demo.greet');
    await fault.waitFor({ state: 'detached' });
  });

  await it(`${theme}: the steps get their arguments as fields, and change places`, async () => {
    const step = (n) => page.locator(`[data-step-card="${n}"]`);
    await step(0).getByLabel('name').fill('everybody');
    await step(0).getByLabel('delay_ms').fill('1500');
    await step(0).getByLabel('Save result as').fill('hello');
    for (const [n, name] of [[1, 'the rest'], [2, '${steps.hello.greeting}']]) {
      await page.getByRole('button', { name: 'Add a step' }).click();
      await step(n).getByLabel('Tool').selectOption('events_demo.greet');
      await step(n).getByLabel('name').fill(name);
      await step(n).getByLabel('delay_ms').fill('1200');
    }
    await step(2).getByRole('button', { name: 'Move step 3 up' }).click();
    same(await step(1).getByLabel('name').inputValue(), '${steps.hello.greeting}', 'the second step after the move');
    await page.getByLabel('Tags').fill('team, notes');
    await page.locator('[data-check=good]').waitFor();
    await accessible(page, 'create');
    await page.evaluate(() => window.scrollTo(0, document.querySelector('#f-when').offsetTop - 16));
    await picture(page, `create-${theme}`);
    await page.evaluate(() => window.scrollTo(0, document.querySelector('#f-steps').offsetTop - 16));
    await picture(page, `pipeline-${theme}`);
  });

  await it(`${theme}: the task is created as it was shown`, async () => {
    await page.getByRole('button', { name: 'Create task' }).click();
    await page.getByRole('heading', { name: TITLE }).waitFor();
    const id = page.url().split('/').pop();
    const task = await call('GET', `tasks/${id}`);
    check(task.schedule_expr.endsWith('RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;BYHOUR=8;BYMINUTE=30;BYSECOND=0'), task.schedule_expr);
    same([task.timezone, task.tags, task.payload.pipeline.length], ['Europe/Chisinau', ['team', 'notes'], 3], 'the task');
    same(task.payload.pipeline[0].with, { name: 'everybody', delay_ms: 1500 }, 'the first step’s arguments');
    await settled(page);
    await accessible(page, 'task');
  });

  await it(`${theme}: run now, and the timeline fills by itself`, async () => {
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByRole('heading', { name: `Run of ${TITLE}` }).waitFor();
    const lanes = () => page.locator('.lane').evaluateAll((list) => list.map((one) => one.dataset.state ?? ''));
    const seen = [];
    await page.exposeFunction(`lanes_${theme}`, (states) => seen.push(states));
    await page.evaluate((name) => {
      const tell = () => window[name]([...document.querySelectorAll('.lane')].map((one) => one.dataset.state ?? '').join(' '));
      new MutationObserver(tell).observe(document.querySelector('main'), { childList: true, subtree: true, attributes: true });
      tell();
    }, `lanes_${theme}`);
    await page.locator('.lane[data-state=running]').first().waitFor();
    await page.locator('.lane[data-state=succeeded] ~ .lane[data-state=running]').first().waitFor();
    await picture(page, `run-live-${theme}`);
    await page.locator('.timeline[data-state=succeeded]').waitFor();
    await settled(page);
    const end = await lanes();
    same(end.filter((one) => one === 'succeeded').length, 3, 'the number of steps that succeeded');
    check(seen.some((one) => one.includes('running')) && seen.some((one) => one.includes('pending')), `on the way: ${[...new Set(seen)].join(' | ')}`);
    await page.locator('[data-step] button.lane-name').first().click();
    await page.getByRole('heading', { name: 'Result' }).waitFor();
    check((await page.locator('.inspect').textContent()).includes('everybody'), 'the result is not shown');
    await accessible(page, 'run');
    await picture(page, `run-${theme}`);
  });
  await visit(page, '');
}
