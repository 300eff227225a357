// The desk's main jobs: find, look, report, and see it on every other open map.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, base, CHINESE, hash, idle, launch, open, shoot, SIZES, somewhere, UUID } from './browser.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

const camera = (page) => page.evaluate(() => /map=([\d.]+)\/(-?[\d.]+)\/(-?[\d.]+)/.exec(location.hash)?.slice(1).map(Number));

test('search suggests, flies there and opens details', async () => {
  const { village } = await somewhere(5);
  const { page, context, faults } = await open(browser, '/desk');
  await idle(page);
  await page.keyboard.press('/');
  await page.keyboard.type(village.name);
  const option = page.getByRole('option').filter({ hasText: village.name }).and(page.locator('[data-kind=region]')).first();
  await option.waitFor();
  await shoot(page, 'desk-search');
  await option.click();
  await page.waitForURL(/sel=region:\d+/);
  await page.waitForFunction(
    ([w, s, e, n]) => {
      const [, zoom, lat, lon] = /map=([\d.]+)\/(-?[\d.]+)\/(-?[\d.]+)/.exec(location.hash)?.map(Number) ?? [];
      return zoom > 11 && lon > w && lon < e && lat > s && lat < n;
    },
    village.bbox,
  );
  await page.locator('[data-test=inspector] h2').filter({ hasText: village.name }).waitFor();
  await page.locator('[data-test=chain]').waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test('search by the keyboard alone', async () => {
  const { village } = await somewhere(8);
  const { page, context } = await open(browser, '/desk');
  await idle(page);
  const box = page.getByRole('combobox');
  await box.fill(village.name);
  await page.getByRole('option').first().waitFor();
  await box.press('ArrowDown');
  await box.press('ArrowUp');
  await box.press('Enter');
  await page.waitForURL(/sel=/);
  await page.locator('[data-test=inspector] h2').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('[data-test=inspector]').waitFor({ state: 'hidden' });
  await context.close();
});

test('a click opens what lies there, as the server knows it', async () => {
  const spot = await somewhere(2);
  const feature = await ask(`/ogc/collections/grid/items/${spot.grid.id}`);
  const { page, context, faults } = await open(browser, `/desk${hash(16, spot, '&layers=grid,land,region')}`);
  await idle(page);
  const box = await page.locator('.map').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await page.waitForURL(new RegExp(`sel=grid:${spot.grid.id}`));
  const inspector = page.locator('[data-test=inspector]');
  await inspector.locator('h2').filter({ hasText: feature.properties.name }).waitFor();
  await inspector.locator('[data-test=fields]').getByText(String(feature.properties.code), { exact: true }).waitFor();
  for (const step of spot.place.chain) await inspector.locator('[data-test=chain]').getByText(step.name).first().waitFor();
  await shoot(page, 'desk-inspector');
  assert.deepEqual(faults, []);
  await context.close();
});

test('far out a click opens the township, and nothing on the map moves for it', async () => {
  const spot = await somewhere(2);
  const { page, context, faults } = await open(browser, `/desk${hash(10, spot, '&layers=region')}`);
  await idle(page);
  const before = await page.locator('.map').boundingBox();
  const [zoom, , lon] = await camera(page);
  await page.mouse.click(before.x + before.width / 2, before.y + before.height / 2);
  await page.waitForURL(new RegExp(`sel=region:${spot.place.township.id}`));
  await page.locator('[data-test=inspector] h2').filter({ hasText: spot.place.township.name }).waitFor();
  const after = await page.locator('.map').boundingBox();
  assert.ok(after.width < before.width - 300, 'the details took their room');
  const moved = ((before.width - after.width) / 2) * (360 / (512 * 2 ** zoom));
  await page.waitForFunction((wanted) => Math.abs(Number(location.hash.split('/')[2]?.split('&')[0]) - wanted) < 0.0005, lon - moved);
  assert.deepEqual(faults, []);
  await context.close();
});

/** Fills the report form for the middle of the map and waits for the preview. Returns the category's name. */
async function fill(page, description) {
  const all = await ask('/api/categories');
  const parents = new Set(all.map((c) => c.parent));
  const category = all.find((c) => !parents.has(c.code) && !c.restricted && c.village_admitted && !c.photo_needed) ?? all.find((c) => !parents.has(c.code) && !c.restricted);
  // The form takes its room from the map's edge; the place stays where it was on the page.
  const box = await page.locator('.map').boundingBox();
  await page.locator('[data-test=report]').click();
  await page.locator('[data-test=inspector]').waitFor();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await page.locator('.map-pin').waitFor();
  await page.getByPlaceholder('搜索事项').fill(category.name);
  await page.locator(`[data-category="${category.code}"]`).click();
  await page.getByLabel('情况描述').fill(description);
  await page.locator('[data-test=preview]').getByText(CHINESE).first().waitFor();
  return category.name;
}

test('a report reaches every open map, and its explanation reads in Chinese', async () => {
  const spot = await somewhere(1);
  const one = await open(browser, `/desk${hash(15, spot)}`);
  const two = await open(browser, `/desk${hash(13, spot, '&tab=incidents')}`);
  const wall = await open(browser, '/screen', { viewport: SIZES.screen });
  for (const { page } of [one, two, wall]) await idle(page);
  await two.page.locator('[data-live=live]').waitFor();
  await wall.page.locator('[data-live=live]').waitFor();

  const description = '巷口污水外溢,路面湿滑,老人出行不便。';
  await fill(one.page, description);
  await shoot(one.page, 'desk-report');
  const pulse = two.page.locator('.map-pulse').waitFor({ state: 'attached' });
  const refreshed = [];
  two.page.on('request', (request) => request.url().includes('/tiles/') && refreshed.push(new URL(request.url()).pathname.split('/')[2]));
  const tile = two.page.waitForRequest((request) => request.url().includes('/tiles/incident/'));
  const answer = one.page.waitForResponse((response) => response.url().endsWith('/api/incidents') && response.request().method() === 'POST');
  await one.page.locator('[data-test=report-submit]').click();
  const response = await answer;
  assert.equal(response.status(), 201);
  const incident = await response.json();
  assert.match(incident.id, UUID);
  assert.equal(String(incident.grid.id), String(spot.grid.id), 'dispatched by the grid that holds the point');

  const result = one.page.locator('[data-test=report-result]');
  await result.getByText(incident.owner.org_name ?? incident.owner.unit_name).first().waitFor();
  assert.match(await result.locator('[data-test=explanation]').innerText(), CHINESE);
  assert.match(incident.explanation.text, CHINESE);
  await shoot(one.page, 'desk-reported');

  await Promise.all([pulse, tile]);
  const row = two.page.locator(`.row[data-incident="${incident.id}"]`);
  await row.waitFor({ timeout: 10_000 });
  await wall.page.locator(`[data-test=feed] [data-incident="${incident.id}"]`).waitFor({ timeout: 10_000 });
  await shoot(wall.page, 'screen-live');
  assert.deepEqual([...new Set(refreshed)], ['incident'], 'nothing but the touched layer is asked for anew');
  await row.click();
  const inspector = two.page.locator('[data-test=inspector]');
  await inspector.getByText(description).first().waitFor();
  await inspector.getByText(incident.explanation.text.slice(0, 12)).first().waitFor();
  await shoot(two.page, 'desk-incident');

  await one.page.getByRole('button', { name: '查看事件' }).click();
  await one.page.locator('[data-action=accept]').click();
  await inspector.locator('.chip[data-state=in_progress]').waitFor({ timeout: 10_000 });
  await one.page.getByLabel('说明').fill('已清淤疏通,现场冲洗干净。');
  await one.page.locator('[data-action=resolve]').click();
  await inspector.locator('.chip[data-state=pending_check]').waitFor({ timeout: 10_000 });
  const whole = await ask(`/api/incidents/${incident.id}`);
  assert.deepEqual(whole.timeline.map((step) => step.action).filter((a) => ['accept', 'resolve'].includes(a)), ['accept', 'resolve']);
  for (const { faults, context } of [one, two, wall]) {
    assert.deepEqual(faults, []);
    await context.close();
  }
});

test('a report whose answer was lost is sent again as the same incident', async () => {
  const spot = await somewhere(4);
  const { page, context } = await open(browser, `/desk${hash(15, spot)}`);
  await idle(page);
  await fill(page, '村道边坡有落石,请派人查看。');
  const ids = [];
  const statuses = [];
  await page.route('**/api/incidents', async (route) => {
    if (route.request().method() !== 'POST') return route.continue();
    ids.push(route.request().postDataJSON().id);
    const response = await route.fetch();
    statuses.push(response.status());
    // The first answer never arrives, though the server has done its work.
    return ids.length === 1 ? route.abort('connectionreset') : route.fulfill({ response });
  });
  await page.locator('[data-test=report-submit]').click();
  await page.getByRole('alert').filter({ hasText: '连不上服务器' }).waitFor();
  await page.locator('[data-test=report-submit]').click();
  await page.locator('[data-test=report-result]').waitFor();
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1]);
  assert.deepEqual(statuses, [201, 200]);
  await context.close();
});

test('a report half written survives a look at something else', async () => {
  const spot = await somewhere(10);
  const { page, context } = await open(browser, `/desk${hash(15, spot, '&tab=incidents')}`);
  await idle(page);
  await fill(page, '桥面护栏松动。');
  await page.keyboard.press('Escape');
  assert.ok(await page.getByLabel('情况描述').isVisible(), 'Escape in a field leaves the field, not the form');
  await page.locator('[data-incident]').first().click();
  await page.getByLabel('情况描述').waitFor({ state: 'hidden' });
  await page.locator('[data-test=report]').click();
  assert.equal(await page.getByLabel('情况描述').inputValue(), '桥面护栏松动。');
  await page.locator('.map-pin').waitFor();
  assert.ok(await page.locator('[data-test=report-submit]').isEnabled());
  await context.close();
});

test('a place outside the county is refused in a Chinese sentence', async () => {
  const { bbox } = await ask('/api/county');
  const corner = { lon: bbox[0] + 0.002, lat: bbox[3] - 0.002 };
  const inside = await fetch(new URL(`/api/locate?lon=${corner.lon}&lat=${corner.lat}`, process.env.YITU_URL));
  if (inside.ok) return; // this county fills its box
  const { page, context } = await open(browser, `/desk${hash(15, corner)}`);
  await idle(page);
  const box = await page.locator('.map').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  const alert = page.locator('[data-test=inspector] [role=alert]');
  await alert.waitFor();
  assert.match(await alert.innerText(), CHINESE);
  assert.equal((await camera(page)).length, 3);
  await context.close();
});

test('a matter settled on the spot is closed and leaves the map', async () => {
  const spot = await somewhere(7);
  const category = (await ask('/api/categories')).find((c) => c.parent && !c.restricted && c.village_admitted);
  const id = crypto.randomUUID();
  const report = { id, category: category.code, description: '路口井盖松动。', urgency: 'ordinary', location: { source: 'map', lon: spot.lon, lat: spot.lat }, reported_at: new Date().toISOString() };
  const sent = await fetch(`${base}/api/incidents`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(report) });
  assert.equal(sent.status, 201);
  const { page, context, faults } = await open(browser, `/desk${hash(15, spot, `&sel=incident:${id}`)}`);
  await idle(page);
  const spotButton = page.locator('[data-action=resolve_on_spot]');
  assert.ok(await spotButton.isDisabled(), 'what was done must be said');
  await page.getByLabel('说明').fill('已压实并加固。');
  const tile = page.waitForRequest((request) => request.url().includes('/tiles/incident/'));
  await spotButton.click();
  await page.locator('[data-test=inspector] .chip[data-state=closed]').waitFor();
  await tile;
  const whole = await ask(`/api/incidents/${id}`);
  assert.equal(whole.state, 'closed');
  assert.equal(whole.timeline.at(-1).note, '已压实并加固。');
  assert.deepEqual(faults, []);
  await context.close();
});

test('the way back leads over what was looked at, and a link put into the window is followed', async () => {
  const spot = await somewhere(4);
  const { page, context, faults } = await open(browser, `/desk${hash(14, spot, `&sel=grid:${spot.grid.id}`)}`);
  await idle(page);
  const heading = page.locator('[data-test=inspector] h2');
  await heading.filter({ hasText: spot.grid.name }).waitFor();
  const before = await camera(page);
  await page.locator('[data-test=inspector] header').getByRole('button', { name: spot.village.name, exact: true }).click();
  await heading.filter({ hasText: spot.village.name }).filter({ hasNotText: spot.grid.name }).waitFor();
  await page.waitForURL(new RegExp(`sel=region:${spot.village.id}`));
  await page.goBack();
  await heading.filter({ hasText: spot.grid.name }).waitFor();
  await page.waitForFunction(([, lat, lon]) => {
    const [, , y, x] = /map=([\d.]+)\/(-?[\d.]+)\/(-?[\d.]+)/.exec(location.hash)?.map(Number) ?? [];
    return Math.hypot(y - lat, x - lon) < 0.002;
  }, before);
  await page.goForward();
  await page.waitForURL(new RegExp(`sel=region:${spot.village.id}`));
  const { results } = await ask(`/api/near?lon=${spot.lon}&lat=${spot.lat}&kind=venue&radius_m=20000&limit=1`);
  await page.evaluate((id) => (location.hash = `#layers=venue,household&tab=incidents&sel=venue:${id}`), results[0].id);
  await heading.filter({ hasText: results[0].name }).waitFor();
  await page.getByRole('tab', { name: '事件台', selected: true }).waitFor();
  await page.getByRole('tab', { name: '图层' }).click();
  assert.equal(await page.locator('[data-layer=household]').isChecked(), true);
  assert.equal(await page.locator('[data-layer=grid]').isChecked(), false);
  assert.deepEqual(faults, []);
  await context.close();
});

test('a region known by its code alone says that it has no outline, and what it belongs to', async () => {
  const township = (await ask('/api/summary')).children[0].region;
  const village = (await ask(`/api/summary?region=${township.id}`)).children[0].region;
  const { page, context } = await open(browser, `/desk#sel=region:${village.id}`, {
    before: (page) => page.route(`**/ogc/collections/region/items/${village.id}`, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), geometry: null } });
    }),
  });
  await page.getByRole('note').filter({ hasText: '还没有录入界线' }).waitFor();
  await page.locator('[data-test=inspector] header').getByRole('button', { name: township.name }).click();
  await page.waitForURL(new RegExp(`sel=region:${township.id}`));
  await context.close();
});

test('details that could not be had are had on another try', async () => {
  const spot = await somewhere(6);
  let away = true;
  const { page, context } = await open(browser, `/desk${hash(14, spot, `&sel=grid:${spot.grid.id}`)}`, {
    before: (page) => page.route('**/ogc/collections/grid/**', (route) => (away ? route.abort('connectionrefused') : route.continue())),
  });
  await page.locator('[data-test=inspector]').getByRole('alert').filter({ hasText: '连不上服务器' }).waitFor();
  away = false;
  await page.locator('[data-test=inspector]').getByRole('button', { name: '重试' }).click();
  await page.locator('[data-test=inspector] h2').filter({ hasText: spot.grid.name }).waitFor();
  await context.close();
});
