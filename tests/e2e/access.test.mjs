// Everybody can use it: an automatic check for what makes a page hard to use without eyes or a mouse.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { idle, launch, open, SIZES } from './browser.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

async function check(page, where) {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
  const told = violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${where}: ${id} (${help}) ${node.target.join(' ')} ${node.any[0]?.message ?? ''}`));
  assert.deepEqual(told, []);
}

for (const [view, path] of [['home', '/'], ['screen', '/screen'], ['field', '/field']]) {
  test(`${path} passes the accessibility check`, async () => {
    const { page, context } = await open(browser, path, { viewport: SIZES[view] });
    await idle(page);
    await check(page, path);
    await context.close();
  });
}

test('the sign-in page passes it, at the desk and on a phone', async () => {
  for (const view of ['desk', 'field']) {
    const { page, context } = await open(browser, '/sign-in?failed=unknown', { as: null, viewport: SIZES[view] });
    await page.locator('[data-test=oidc]').waitFor();
    await check(page, `sign-in, ${view}`);
    await context.close();
  }
});

test('the desk passes it in each of its states', async () => {
  const { page, context } = await open(browser, '/desk');
  await idle(page);
  await check(page, 'layers');
  await page.getByRole('tab', { name: '事件台' }).click();
  await page.locator('[data-incident]').first().click();
  await page.locator('[data-test=inspector] .timeline, [data-test=inspector] dl').first().waitFor();
  await check(page, 'incident');
  await page.locator('[data-test=report]').click();
  await page.getByRole('tree').waitFor();
  await check(page, 'report');
  await context.close();
});

test('the phone passes it in each of its tabs', async () => {
  const { page, context } = await open(browser, '/field', { viewport: SIZES.field });
  await idle(page);
  for (const tab of ['report', 'find']) {
    await page.locator(`[data-tab=${tab}]`).click();
    await check(page, tab);
  }
  await page.getByRole('button', { name: '大字' }).click();
  await check(page, 'large');
  await context.close();
});
