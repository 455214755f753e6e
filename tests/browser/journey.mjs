// The journey through the web interface, in both themes: ORDINAUT_URL, CLIENT_ID and CLIENT_SECRET say where and who.
import { prepare } from './api.mjs';
import { create } from './create.mjs';
import { looks, manners } from './looks.mjs';
import { pure } from './pure.mjs';
import { read } from './read.mjs';
import { check, context, it, launch, looked, noticed, report } from './support.mjs';

await pure();
const browser = await launch();
try {
  for (const theme of ['light', 'dark']) {
    const world = await prepare();
    const own = await context(browser, { colorScheme: theme });
    const page = await own.newPage();
    await create(page, theme);
    await looks(page, theme, world);
    await read(page, theme, world);
    await own.close();
    if (theme === 'light') await manners(browser, world);
  }
  await it('nothing was asked of anybody else, no script broke, nothing was refused by the policy', async () => {
    check(looked.requests > 100, `only ${looked.requests} requests were looked at`);
    check(!noticed.length, [...new Set(noticed)].join('\n'));
  });
} finally {
  await browser.close();
}
process.exitCode = report();
