// The OGC API's pages: quiet, fitting a desktop and a phone, usable without eyes or a mouse, and leading on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { AxeBuilder } from '@axe-core/playwright';
import { ask, launch, open, shoot, SIZES } from './browser.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

for (const size of ['desk', 'field']) {
  test(`every page fits the ${size}`, async () => {
    const [grid] = (await ask('/ogc/collections/grid/items?limit=1')).features;
    const { page, context, faults } = await open(browser, '/ogc', { viewport: SIZES[size] });
    const collection = '/ogc/collections/grid';
    const paths = ['/ogc', '/ogc/conformance', '/ogc/collections', collection, `${collection}/items`, `${collection}/items/${grid.id}`, `${collection}/queryables`, `${collection}/tiles/WebMercatorQuad`];
    for (const path of paths) {
      await page.goto(new URL(path, page.url()).href);
      const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']).analyze();
      assert.deepEqual(violations.map(({ id, nodes }) => `${path}: ${id} ${nodes[0].target.join(' ')} ${nodes[0].any[0]?.message ?? ''}`), []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${path} scrolls sideways by ${overflow} px`);
      await shoot(page, `ogc-${size}${path.replaceAll('/', '-')}`);
    }
    assert.deepEqual(faults, []);
    await context.close();
  });
}

test('a reader walks from the landing page to an item, and through the pages', async () => {
  const { page, context, faults } = await open(browser, '/ogc');
  await page.getByRole('main').getByRole('link', { name: '图层' }).click();
  await page.getByRole('row', { name: /阵地/ }).getByRole('link', { name: '要素' }).click();
  const first = await page.locator('tbody tr td a').first().textContent();
  await page.getByRole('link', { name: '下一页' }).first().click();
  await page.waitForURL(/after=/);
  assert.notEqual(await page.locator('tbody tr td a').first().textContent(), first);
  await page.getByRole('link', { name: '上一页' }).first().click();
  await page.waitForURL(/before=/);
  assert.equal(await page.locator('tbody tr td a').first().textContent(), first);
  const venue = await ask(`/ogc/collections/venue/items/${first}`);
  await page.locator('tbody tr td a').first().click();
  await page.getByRole('heading', { name: venue.properties.name }).waitFor();
  assert.equal(await page.locator('svg.sketch circle').count(), 1);
  assert.deepEqual(faults, []);
  await page.getByRole('link', { name: 'JSON' }).click();
  assert.ok((await page.textContent('body')).includes('"type":"Feature"'));
  await context.close();
});
