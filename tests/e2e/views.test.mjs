// Every view opens clean: on a strict policy, with no request to anybody else, and says so where no map can be drawn.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, base, hash, idle, launch, open, shoot, SIZES, somewhere } from './browser.mjs';

const TILE_BUDGET = 150_000;
let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

for (const [view, path] of [['home', '/'], ['desk', '/desk'], ['screen', '/screen'], ['field', '/field']]) {
  test(`${path} opens clean`, async () => {
    const response = await fetch(base + path);
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'self'/);
    assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval/);
    const { page, context, faults, tiles } = await open(browser, path, { viewport: SIZES[view] });
    await idle(page);
    const county = await ask('/api/county');
    await page.getByText(county.boundary_notice).waitFor({ state: 'attached' });
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
    await shoot(page, view);
    assert.deepEqual(faults, []);
    assert.ok(tiles.length > 0, 'no tile was asked for');
    assert.deepEqual(tiles.filter((tile) => tile.bytes > TILE_BUDGET), []);
    await context.close();
  });
}

test('nothing scrolls sideways', async () => {
  for (const [view, path] of [['field', '/field'], ['home', '/']]) {
    const { page, context } = await open(browser, path, { viewport: SIZES.field });
    await idle(page);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${view} scrolls sideways by ${overflow} px`);
    await context.close();
  }
});

test('targets on the phone are at least 44 px', async () => {
  const { page, context } = await open(browser, '/field', { viewport: SIZES.field });
  await idle(page);
  for (const tab of ['tasks', 'report', 'find']) {
    await page.locator(`[data-tab=${tab}]`).click();
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, a[href], input:not([type=checkbox])')]
        .map((element) => ({ name: element.getAttribute('aria-label') ?? element.textContent?.trim() ?? '', box: (element.closest('.line') ?? element).getBoundingClientRect(), grip: element.classList.contains('grip') }))
        .filter(({ box, grip }) => box.width > 0 && !grip && (box.height < 43.5 || box.width < 43.5))
        .map(({ name, box }) => `${name} ${Math.round(box.width)}×${Math.round(box.height)}`),
    );
    assert.deepEqual(small, [], tab);
  }
  await context.close();
});

const withoutWebGL = (page) =>
  page.addInitScript(() => {
    const real = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
      return String(kind).startsWith('webgl') ? null : real.call(this, kind, ...rest);
    };
  });

test('without WebGL the desk says so and its list works', async () => {
  const { page, context } = await open(browser, '/desk', { before: withoutWebGL });
  await page.getByRole('alert').filter({ hasText: 'WebGL' }).waitFor();
  await page.getByRole('button', { name: '列表' }).click();
  await page.locator('[data-incident]').first().click();
  await page.locator('[data-test=inspector] h2').waitFor();
  await shoot(page, 'no-webgl');
  await context.close();
});

test('without WebGL the first page says so and still leads on', async () => {
  const { page, context } = await open(browser, '/', { before: withoutWebGL });
  await page.getByRole('alert').filter({ hasText: 'WebGL' }).waitFor();
  await page.getByRole('link', { name: '工作台' }).waitFor();
  await context.close();
});

test('in the hand the wall reads and the desk keeps its map in sight', async () => {
  const spot = await somewhere(2);
  const wall = await open(browser, '/screen', { viewport: SIZES.field });
  await idle(wall.page);
  await wall.page.locator('[data-region]').first().waitFor();
  const { small, wide } = await wall.page.evaluate(() => ({
    small: [...document.querySelectorAll('.screen *')].filter((e) => e.childNodes.length === 1 && e.firstChild?.nodeType === 3 && e.checkVisibility() && !e.closest('.foot, .maplibregl-map') && parseFloat(getComputedStyle(e).fontSize) < 12).map((e) => e.textContent),
    wide: [...document.querySelectorAll('.screen > *')].map((e) => e.getBoundingClientRect().right).filter((right) => right > innerWidth + 1),
  }));
  assert.deepEqual([small, wide], [[], []]);
  await shoot(wall.page, 'screen-hand');
  await wall.context.close();
  const desk = await open(browser, `/desk${hash(14, spot, `&sel=grid:${spot.grid.id}`)}`, { viewport: SIZES.field });
  await idle(desk.page);
  const details = await desk.page.locator('[data-test=inspector]').boundingBox();
  assert.ok(details.width > 380 && details.y > 300 && details.y + details.height <= SIZES.field.height + 1, JSON.stringify(details));
  await shoot(desk.page, 'desk-hand');
  await desk.context.close();
});

test('every sign is named, and a layer without features says so', async () => {
  const { page, context } = await open(browser, '/desk', {
    before: (page) => page.route('**/ogc/collections', async (route) => {
      const response = await route.fetch();
      const body = await response.json();
      for (const collection of body.collections) if (collection.id === 'bus_line') delete collection.extent;
      await route.fulfill({ response, json: body });
    }),
  });
  await page.locator('[data-legend=incident]').click();
  for (const word of ['待签收', '办理中', '已超期']) await page.locator('.signs').getByText(word).waitFor();
  await page.locator('label').filter({ hasText: '公交线路' }).getByText('暂无数据').waitFor();
  assert.equal(await page.getByText('暂无数据').count(), 1);
  await context.close();
});

test('the wall pulses for what came while its stream was cut', async () => {
  const spot = await somewhere(3);
  let cut = true;
  const { page, context } = await open(browser, '/screen', {
    viewport: SIZES.screen,
    before: (page) => page.route('**/live?**', (route) => (cut ? route.abort('connectionrefused') : route.continue())),
  });
  await idle(page);
  await page.locator('[data-live=lost]').waitFor();
  const category = (await ask('/api/categories')).find((c) => c.parent && !c.restricted && c.village_admitted);
  const report = { id: crypto.randomUUID(), category: category.code, description: '护坡有落石。', urgency: 'ordinary', location: { source: 'map', lon: spot.lon, lat: spot.lat }, reported_at: new Date().toISOString() };
  const sent = await fetch(`${base}/api/incidents`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(report) });
  assert.equal(sent.status, 201);
  assert.equal(await page.locator(`.map-pulse[data-incident="${report.id}"]`).count(), 0);
  cut = false;
  await page.locator('[data-live=live]').waitFor();
  await page.locator(`.map-pulse[data-incident="${report.id}"]`).waitFor({ state: 'attached' });
  await page.locator(`[data-test=feed] [data-incident="${report.id}"]`).waitFor();
  await context.close();
});

test('a wall that was there before its server comes up by itself', async () => {
  let away = true;
  const { page, context } = await open(browser, '/screen', {
    viewport: SIZES.screen,
    before: (page) => page.route('**/api/**', (route) => (away ? route.abort('connectionrefused') : route.continue())),
  });
  await page.getByRole('alert').filter({ hasText: '连不上服务器' }).first().waitFor();
  away = false;
  await idle(page);
  await page.locator('[data-kpi=households]').waitFor();
  await page.locator('[data-region]').first().waitFor();
  await context.close();
});

test('a county known by its register alone says so, and its list works', async () => {
  const county = await ask('/api/county');
  const { page, context } = await open(browser, '/desk', {
    before: (page) => page.route('**/api/county', (route) => route.fulfill({ json: { ...county, bbox: [-180, -85, 180, 85], center: [0, 0] } })),
  });
  await page.getByRole('alert').filter({ hasText: '还没有界线' }).waitFor();
  await page.getByRole('tab', { name: '事件台' }).click();
  await page.locator('[data-incident]').first().click();
  await page.locator('[data-test=inspector] h2').waitFor();
  await context.close();
});

test('English on a switch, kept over a reload', async () => {
  const { page, context, faults } = await open(browser, '/desk');
  await idle(page);
  await page.getByRole('button', { name: 'English' }).click();
  await page.getByRole('tab', { name: 'Layers' }).waitFor();
  await page.reload();
  await page.getByRole('tab', { name: 'Incidents' }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
  assert.deepEqual(faults, []);
  await context.close();
});

test('layers are switched, kept in the address, and found again', async () => {
  const place = await somewhere(3);
  const { page, context } = await open(browser, `/desk${hash(14, place)}`);
  await idle(page);
  const household = page.waitForRequest((request) => request.url().includes('/tiles/household/'));
  await page.locator('[data-layer=household]').check();
  await household;
  await page.waitForURL(/layers=[^&]*household/);
  await page.reload();
  await idle(page);
  assert.equal(await page.locator('[data-layer=household]').isChecked(), true);
  await shoot(page, 'desk-households');
  await context.close();
});

test('the wall drills down by the list and by the map, and back', async () => {
  const county = await ask('/api/summary');
  const child = county.children[0];
  const { page, context, faults } = await open(browser, '/screen', { viewport: SIZES.screen });
  await idle(page);
  const households = page.locator('[data-kpi=households] .num');
  const shown = async (figures) => {
    const wanted = new Intl.NumberFormat('zh-CN').format(figures.households);
    await page.locator('[data-kpi=households]').filter({ hasText: wanted }).waitFor();
  };
  await shown(county.figures);
  await page.locator(`[data-region="${child.region.id}"]`).click();
  await shown(child.figures);
  await page.locator('.crumb.here').filter({ hasText: child.region.name }).waitFor();
  await idle(page);
  await shoot(page, 'screen-township');
  // The map is fitted to the township between the rails: its middle is a village of it, or lies in a bay of its outline.
  const village = (await ask(`/api/summary?region=${child.region.id}`)).children[0];
  await page.locator(`[data-region="${village.region.id}"]`).click();
  await shown(village.figures);
  await page.reload();
  await shown(village.figures);
  await page.keyboard.press('Escape');
  await shown(child.figures);
  await page.keyboard.press('Escape');
  await shown(county.figures);
  assert.ok(await households.isVisible());
  assert.deepEqual(faults, []);
  await context.close();
});
