// A browser, what it is watched for, and how a story in it is told.
import { AxeBuilder } from '@axe-core/playwright';
import { chromium } from 'playwright-core';

const need = (name) => {
  const value = process.env[name];
  if (!value) {
    console.error(`${name} is missing. Needed: ORDINAUT_URL, CLIENT_ID, CLIENT_SECRET; optional: SCREENSHOTS (a folder), CHROMIUM.`);
    process.exit(2);
  }
  return value;
};

export const url = need('ORDINAUT_URL').replace(/\/$/, '');
export const clientId = need('CLIENT_ID');
export const clientSecret = need('CLIENT_SECRET');
const screenshots = process.env.SCREENSHOTS;

/** How long anything may take before it counts as not happening. */
export const PATIENCE_MS = 20000;
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const results = [];

/** One sentence of the story: what is inside must hold. */
export async function it(sentence, story) {
  const begun = Date.now();
  try {
    await story();
    results.push({ sentence, ok: true });
    console.log(`ok      ${sentence} (${Date.now() - begun} ms)`);
  } catch (error) {
    results.push({ sentence, ok: false });
    console.log(`FAILED  ${sentence}\n        ${String(error.stack || error).replaceAll('\n', '\n        ')}`);
  }
}

/** The exit status: 0 when every sentence held. */
export function report() {
  const failed = results.filter((one) => !one.ok).length;
  console.log(`\n${results.length - failed} passed, ${failed} failed`);
  return failed ? 1 : 0;
}

export function check(condition, otherwise) {
  if (!condition) throw new Error(otherwise);
}

export function same(found, wanted, what) {
  const [a, b] = [JSON.stringify(found, null, 1), JSON.stringify(wanted, null, 1)];
  check(a === b, `${what} is\n${a}\nbut should be\n${b}`);
}

/** Waits until this holds. */
export async function until(what, holds) {
  const end = Date.now() + PATIENCE_MS;
  while (!(await holds())) {
    check(Date.now() < end, `not within ${PATIENCE_MS} ms: ${what}`);
    await new Promise((done) => { setTimeout(done, 50); });
  }
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** Everything that was noticed in any page and must not happen: foreign requests, scripts' errors, refused inline code. */
export const noticed = [];
/** How many requests were looked at. */
export const looked = { requests: 0 };

/** A browser of its own, watched. */
export async function context(browser, options = {}) {
  const made = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US', timezoneId: 'Europe/Chisinau', ...options });
  made.setDefaultTimeout(PATIENCE_MS);
  made.on('request', (request) => {
    looked.requests += 1;
    const target = new URL(request.url());
    if (target.origin !== url && !['data:', 'blob:'].includes(target.protocol)) noticed.push(`a request to ${request.url()}`);
  });
  made.on('page', (page) => {
    page.on('pageerror', (error) => noticed.push(`a script's error: ${error.stack || error}`));
    page.on('dialog', (dialog) => {
      if (dialog.type() === 'alert') noticed.push(`somebody called alert(${dialog.message()})`);
      dialog.accept().catch(() => {});
    });
    page.on('console', (message) => {
      const text = message.text();
      if (/Content Security Policy|violates/i.test(text)) noticed.push(`refused by the policy: ${text}`);
      else if (message.type() === 'error' && !text.startsWith('Failed to load resource')) noticed.push(`the console: ${text}`);
    });
  });
  return made;
}

export const at = (path) => `${url}/ext/webui/${path}`;

/** Waits until nothing is being loaded any more. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('.loading, [aria-busy="true"]'));
}

export async function visit(page, path) {
  await page.goto(at(path));
  await settled(page);
}

export async function signIn(page) {
  await page.getByLabel('Client id').fill(clientId);
  await page.getByLabel('Client secret').fill(clientSecret);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
}

/** No violation that axe knows of. */
export async function accessible(page, where) {
  const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
  const told = violations.map((one) => `${one.id} (${one.impact}): ${one.help}\n${one.nodes.slice(0, 4).map((node) => `  ${node.target} ${node.html.slice(0, 160)}\n  ${node.any.concat(node.all).map((any) => any.message).join('; ')}`).join('\n')}`);
  check(!violations.length, `${where}: axe finds\n${told.join('\n')}`);
}

export async function picture(page, name) {
  if (!screenshots) return;
  const said = page.locator('.said button');
  if (await said.count()) await said.first().click();
  await page.screenshot({ path: `${screenshots}/${name}.png` });
}

/** Goes forward with Tab until this has the focus, as somebody without a mouse does. */
export async function tabTo(page, locator, most = 120) {
  for (let presses = 0; presses < most; presses += 1) {
    if (await locator.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not reach ${locator} in ${most} steps`);
}
