// Every page as it looks: for axe, on a narrow screen, with forced colours, and in pictures.
import { accessible, check, context, it, picture, same, settled, signIn, visit, at } from './support.mjs';

export const pages = (world) => ({
  overview: '', tasks: 'tasks', task: `tasks/${world.report.id}`, edit: `tasks/${world.broken.id}/edit`, runs: 'runs', run: `runs/${world.runs.report.id}`, failed: `runs/${world.runs.broken.id}`,
  events: 'events', extensions: 'extensions', extension: 'extensions/events_demo', agents: 'agents', nothing: 'no/such/place', missing: 'tasks/00000000-0000-7000-8000-000000000000',
});
const PICTURES = ['overview', 'tasks', 'task', 'runs', 'events', 'extensions', 'extension', 'agents'];

export async function looks(page, theme, world) {
  for (const [name, path] of Object.entries(pages(world))) {
    await it(`${theme}: the page ${name} has no violation and reflows to 320 pixels`, async () => {
      await page.setViewportSize({ width: 1280, height: 800 });
      await visit(page, path);
      await page.mouse.move(640, 790);
      await accessible(page, name);
      if (PICTURES.includes(name)) await picture(page, `${name}-${theme}`);
      await page.setViewportSize({ width: 320, height: 640 });
      await settled(page);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      check(width <= 320, `it is ${width} pixels wide: ${await page.evaluate(() => [...document.querySelectorAll('main *, header *')].filter((one) => one.getBoundingClientRect().right > 321).slice(0, 5).map((one) => one.outerHTML.slice(0, 120)).join('\n'))}`);
    });
  }
  await page.setViewportSize({ width: 1280, height: 800 });
}

export async function manners(browser, world) {
  await it('the keys: help by ?, Escape gives the focus back, the skip link leads to the content', async () => {
    const own = await context(browser);
    const page = await own.newPage();
    await page.goto(at(''));
    await signIn(page);
    await settled(page);
    await page.reload();
    await settled(page);
    await page.keyboard.press('Tab');
    same(await page.evaluate(() => document.activeElement.className), 'skip', 'the first stop');
    await page.keyboard.press('Enter');
    same(await page.evaluate(() => document.activeElement.id), 'main', 'where the skip link leads');
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await accessible(page, 'help');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    same(await page.evaluate(() => document.activeElement.id), 'main', 'the focus after the dialog');
    await page.keyboard.press('t');
    await page.getByRole('heading', { level: 1, name: 'Tasks' }).waitFor();
    same(await page.evaluate(() => document.activeElement.tagName), 'H1', 'the focus after going elsewhere');
    same(await page.title(), 'Tasks · Ordinaut', 'the title');
    await page.getByLabel('Colours').selectOption('dark');
    await page.reload();
    await settled(page);
    same(await page.evaluate(() => document.documentElement.dataset.theme), 'dark', 'the theme after a reload');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await own.close();
  });

  await it('occurrences are told in the schedule’s zone, wherever the reader is', async () => {
    const told = [];
    for (const timezoneId of ['UTC', 'America/New_York', 'Asia/Kolkata', 'Pacific/Apia']) {
      const own = await context(browser, { timezoneId });
      const page = await own.newPage();
      await page.goto(at(`tasks/${world.broken.id}`));
      await signIn(page);
      await page.locator('.occurrences time').first().waitFor();
      told.push(await page.locator('.occurrences time').allTextContents());
      await own.close();
    }
    check(told[0].every((one) => one.includes('02:15')), `it says ${told[0]}`);
    for (const other of told) same(other, told[0], 'what another zone sees');
  });

  await it('forced colours and reduced motion', async () => {
    const own = await context(browser, { forcedColors: 'active', reducedMotion: 'reduce' });
    const page = await own.newPage();
    await page.goto(at(`runs/${world.runs.broken.id}`));
    await signIn(page);
    await settled(page);
    await accessible(page, 'forced colours');
    const moving = await page.evaluate(() => document.getAnimations().length);
    same(moving, 0, 'the number of animations');
    await own.close();
  });

  await it('the first load is within 60 KiB, and the second takes nothing but the page', async () => {
    const own = await context(browser);
    const page = await own.newPage();
    const sizes = [];
    page.on('response', (response) => {
      if (response.url().includes('/ext/webui/')) sizes.push(response.request().sizes().then((size) => ({ url: response.url(), status: response.status(), cached: response.fromServiceWorker(), bytes: size.responseBodySize })));
    });
    await page.goto(at(''));
    await signIn(page);
    await settled(page);
    const total = (await Promise.all(sizes)).reduce((sum, one) => sum + one.bytes, 0);
    check(total > 10000 && total <= 60 * 1024, `${total} bytes`);
    const again = await page.reload();
    check([200, 304].includes(again.status()), `the page is answered ${again.status()}`);
    const stored = await page.evaluate(() => performance.getEntriesByType('resource').filter((one) => one.name.includes('/assets/')).every((one) => one.transferSize === 0));
    check(stored, 'files are fetched again');
    await own.close();
  });
}
