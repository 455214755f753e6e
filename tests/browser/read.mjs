// Reading: why something failed, what is hostile, what happens when the session ends.
import { call, HOSTILE, prepareHostile } from './api.mjs';
import { accessible, at, check, it, picture, same, settled, signIn, until, visit } from './support.mjs';

export async function read(page, theme, world) {
  await it(`${theme}: a failed run says why, and from where to retry`, async () => {
    await visit(page, '');
    await page.locator('section', { hasText: 'Recent failures' }).getByRole('link', { name: 'Nightly invoices' }).first().click();
    const why = page.locator('section', { hasText: 'Why did it fail?' }).first();
    await why.waitFor();
    const failed = page.url();
    const said = await why.textContent();
    check(said.includes('send') && said.includes(world.runs.broken.error.message), `it says: ${said}`);
    check(said.includes('What to do:'), 'it does not say what to do');
    await settled(page);
    await page.locator('.lane[data-step=send] button.lane-name').click();
    await page.getByRole('heading', { name: 'Error' }).waitFor();
    await page.locator('.lane[data-state=not_reached]').waitFor();
    await accessible(page, 'failed run');
    await page.locator('.lane[data-step=send] button.lane-name').click();
    await page.evaluate(() => window.scrollTo(0, 0));
    await picture(page, `run-failed-${theme}`);
    await page.getByRole('button', { name: 'Retry' }).click();
    same(await page.getByLabel('From step').inputValue(), 'send', 'the step to retry from');
    await accessible(page, 'the retry dialog');
    await page.getByRole('dialog').getByLabel('Other parameters').fill('{"recipient": "the bookkeeper"}');
    await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
    await page.waitForURL((where) => where.href !== failed);
    await page.locator('.timeline[data-state=succeeded]').waitFor();
  });

  await it(`${theme}: script in titles, tags, descriptions and results is text`, async () => {
    const run = await prepareHostile();
    await visit(page, 'tasks');
    await page.getByRole('link', { name: HOSTILE, exact: true }).first().click();
    await page.getByRole('heading', { level: 1, name: HOSTILE }).waitFor();
    await settled(page);
    await visit(page, `runs/${run.id}`);
    await page.locator('[data-step] button.lane-name').click();
    check((await page.locator('.inspect').textContent()).includes(JSON.stringify(HOSTILE).slice(1, -1)), 'the result is not shown as it is');
    check((await page.locator('main img, main script').count()) === 0, 'markup came out of data');
    check((await page.evaluate(() => window.hostile)) === undefined, 'a script out of data ran');
  });

  await it(`${theme}: when the session ends in the middle, one signs in and goes on, and nothing is lost`, async () => {
    await visit(page, 'tasks/new');
    await page.getByLabel('Title').fill('Half a thought');
    await page.context().clearCookies();
    await page.getByLabel('Time zone').fill('Asia/Kolkata');
    await page.getByText('Your session has ended').waitFor();
    await accessible(page, 'signing in again');
    await signIn(page);
    same(await page.getByLabel('Title').inputValue(), 'Half a thought', 'the title');
    await page.locator('.preview', { hasText: 'Asia/Kolkata' }).waitFor();
    await page.goto(at('tasks'));
    await settled(page);
  });

  await it(`${theme}: filters stand in the address, and back takes them back`, async () => {
    await visit(page, 'tasks');
    await page.getByLabel('Status').selectOption('paused');
    await page.waitForURL(/status=paused/);
    await settled(page);
    await page.locator('tbody tr', { hasText: 'Water the plants' }).first().waitFor();
    await until('only paused tasks are listed', async () => (await page.locator('tbody tr', { hasText: 'Morning report' }).count()) === 0);
    await page.reload();
    await settled(page);
    same(await page.getByLabel('Status').inputValue(), 'paused', 'the filter after a reload');
    await page.goBack();
    await page.locator('tbody tr', { hasText: 'Morning report' }).first().waitFor();
    await page.getByLabel('Title contains').fill('nobody has this title');
    await page.getByText('No task matches these filters.').waitFor();
    await page.getByRole('button', { name: 'Clear the filters' }).click();
    await page.locator('tbody tr', { hasText: 'Morning report' }).first().waitFor();
  });

  await it(`${theme}: pause, resume, snooze, skip and edit`, async () => {
    await visit(page, `tasks/${world.report.id}`);
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText('The task is paused:').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await page.getByRole('button', { name: 'Snooze' }).click();
    await page.getByRole('dialog').getByLabel('Put off').selectOption('600');
    await page.getByRole('dialog').getByRole('button', { name: 'Snooze' }).click();
    await page.locator('.said .box').waitFor();
    const before = (await call('GET', `tasks/${world.report.id}`)).next_run_at;
    await page.getByRole('button', { name: 'Skip next' }).click();
    await accessible(page, 'a question');
    await page.getByRole('dialog').getByRole('button', { name: 'Skip next' }).click();
    await page.locator('.state[data-state=skipped]').first().waitFor();
    check((await call('GET', `tasks/${world.report.id}`)).next_run_at > before, 'nothing was skipped');
    await page.getByRole('link', { name: 'Edit' }).click();
    await page.getByRole('heading', { name: 'Edit Morning report' }).waitFor();
    await settled(page);
    check(await page.getByRole('checkbox', { name: 'Friday' }).isChecked(), 'the controls do not show the rule');
    const rule = (await call('GET', `tasks/${world.report.id}`)).schedule_expr;
    await page.getByLabel('Description').fill(`In ${theme}`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText(`In ${theme}`, { exact: true }).waitFor();
    same((await call('GET', `tasks/${world.report.id}`)).schedule_expr, rule, 'the rule after another change');
  });

  await it(`${theme}: when two change one task, the second is told what differs and chooses`, async () => {
    const path = `tasks/${world.report.id}`;
    const between = (changes) => call('PATCH', path, changes, { 'content-type': 'application/merge-patch+json', 'if-match': '*' });
    const open = async (text) => {
      await visit(page, `${path}/edit`);
      await page.getByLabel('Description').fill(text);
    };
    await open('mine');
    await between({ description: 'theirs', priority: 2 });
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Somebody changed this task while you were editing').waitFor();
    same(await page.locator('[data-differs] strong').allTextContents(), ['Description', 'Priority'], 'what differs');
    await accessible(page, 'a conflict');
    await page.getByRole('button', { name: 'Load their version' }).click();
    await until('their version is loaded', async () => (await page.getByLabel('Description').inputValue()) === 'theirs');
    await open('mine after all');
    await between({ description: 'theirs again' });
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('button', { name: 'Save mine over it' }).click();
    await page.getByText('mine after all', { exact: true }).waitFor();
    same((await call('GET', path)).description, 'mine after all', 'what was stored');
  });

  await it(`${theme}: a task's times are in its own zone, on its page and in what is asked`, async () => {
    const tokyo = await call('POST', 'tasks', {
      title: 'Morning in Tokyo', schedule_kind: 'cron', schedule_expr: '0 6 * * *', timezone: 'Asia/Tokyo', payload: { pipeline: [] },
    });
    await visit(page, `tasks/${tokyo.id}`);
    const next = await page.locator('section', { hasText: 'Next run:' }).locator('strong time').first().textContent();
    check(next.includes('06:00 UTC+09:00'), `the next run is told as ${next}`);
    await page.getByRole('button', { name: 'Snooze' }).click();
    await page.getByRole('dialog').getByLabel('Put off').selectOption('until');
    const morrow = `${new Date(Date.now() + 3 * 86400000).toISOString().slice(0, 10)}`;
    await page.getByRole('dialog').getByLabel('Until').fill(`${morrow}T08:30`);
    await page.getByRole('dialog').getByText('08:30 UTC+09:00').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Snooze' }).click();
    await page.locator('.said', { hasText: '08:30 UTC+09:00' }).waitFor();
    same(new Date((await call('GET', `tasks/${tokyo.id}`)).next_run_at).getTime(), Date.parse(`${morrow}T08:30:00+09:00`), 'when it runs');
    await call('POST', `tasks/${tokyo.id}/cancel`, {});
  });

  await it(`${theme}: what nobody has filled in yet is no fault, and invalid controls have no text`, async () => {
    await visit(page, 'tasks/new');
    await until('it was checked', async () => (await page.locator('[data-check]').getAttribute('data-check')) === 'pristine');
    same(await page.locator('.faults').count(), 0, 'the number of faults');
    await page.getByLabel('Every', { exact: true }).fill('0');
    await page.getByText('There is no text yet:').waitFor();
    same(await page.locator('[data-schedule-text]').count(), 0, 'the number of rules');
    check(await page.getByRole('button', { name: 'Write it as text' }).isDisabled(), 'a stale rule can be written as text');
    await page.getByLabel('Every', { exact: true }).fill('1');
    await page.getByRole('button', { name: 'Create task' }).click();
    await page.locator('.faults', { hasText: 'Choose a tool.' }).waitFor();
    await visit(page, 'tasks');
  });

  await it(`${theme}: a filter of events that cannot be read is told where it stands`, async () => {
    await visit(page, 'events?topic=ordinaut..run');
    await page.locator('.filters .faults').waitFor();
    await page.getByText('Not connected').waitFor();
    same(await page.getByText('No events yet').count(), 0, 'the number of empty lists');
    await page.getByLabel('Topics').fill('ordinaut.**, ,');
    await page.getByRole('button', { name: 'Apply' }).click();
    await page.locator('.event').first().waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    check(page.url().endsWith('ordinaut.**'), `the address is ${page.url()}`);
  });
}
