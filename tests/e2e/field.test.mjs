// The phone: report in three taps, keep it when there is no network, find a household in two.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, CHINESE, idle, launch, open, shoot, SIZES, somewhere } from './browser.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

const phone = async (skip) => {
  const spot = await somewhere(skip);
  const opened = await open(browser, '/field', { viewport: SIZES.field, geolocation: { longitude: spot.lon, latitude: spot.lat, accuracy: 8 } });
  await idle(opened.page);
  return { ...opened, spot };
};

test('report in three taps', async () => {
  const { page, context, faults, spot } = await phone(6);
  await page.locator('[data-tab=report]').tap().catch(() => page.locator('[data-tab=report]').click());
  await page.locator('.usual [data-category]').first().click();
  await page.getByText('已定位').waitFor();
  await shoot(page, 'field-report');
  const answer = page.waitForResponse((response) => response.url().endsWith('/api/incidents') && response.request().method() === 'POST');
  await page.locator('[data-test=report-submit]').click();
  // Where it may be reported already, the phone asks first.
  await page.locator('[data-test=report-result], [data-test=duplicates]').first().waitFor();
  const anyway = page.locator('[data-test=duplicate-send]');
  if (await anyway.isVisible()) await anyway.click();
  const incident = await (await answer).json();
  assert.equal(incident.location.source, 'gps');
  assert.equal(String(incident.grid.id), String(spot.grid.id));
  const result = page.locator('[data-test=report-result]');
  await result.waitFor();
  assert.match(await result.innerText(), CHINESE);
  await shoot(page, 'field-reported');
  assert.deepEqual(faults, []);
  await context.close();
});

test('without network a report waits on the phone and goes out later, once', async () => {
  const { page, context } = await phone(7);
  await page.locator('[data-tab=report]').click();
  await page.locator('.usual [data-category]').first().click();
  await page.getByText('已定位').waitFor();
  await context.setOffline(true);
  await page.locator('[data-test=report-submit]').click();
  await page.locator('[data-test=report-result]').getByText('待上传').waitFor();
  await page.locator('[data-tab=tasks]').click();
  await page.locator('[data-upload=waiting]').waitFor();
  await shoot(page, 'field-waiting');
  const answer = page.waitForResponse((response) => response.url().endsWith('/api/incidents') && response.request().method() === 'POST');
  await context.setOffline(false);
  const response = await answer;
  assert.equal(response.status(), 201);
  await page.locator('[data-upload]').waitFor({ state: 'detached' });
  const incident = await response.json();
  assert.equal((await ask(`/api/incidents/${incident.id}`)).id, incident.id);
  await context.close();
});

test('the back gesture closes what is open and stays on the page', async () => {
  const { page, context } = await phone(11);
  await page.locator('[data-incident]').first().click();
  await page.getByRole('button', { name: '返回' }).waitFor();
  await page.goBack();
  await page.locator('[data-incident]').first().waitFor();
  assert.equal(new URL(page.url()).pathname, '/field');
  await context.close();
});

test('a link to an incident opens it with its place on the map', async () => {
  const { items } = await ask('/api/incidents?state=in_progress&limit=1');
  const [{ id, location }] = items;
  const { page, context } = await open(browser, `/field#sel=incident:${id}`, { viewport: SIZES.field });
  await page.getByRole('button', { name: '返回' }).waitFor();
  await page.waitForFunction(({ lon, lat }) => {
    const [, zoom, y, x] = /map=([\d.]+)\/(-?[\d.]+)\/(-?[\d.]+)/.exec(location.hash)?.map(Number) ?? [];
    return zoom >= 14 && Math.hypot(x - lon, y - lat) < 0.005;
  }, location);
  await context.close();
});

test('find a household and see it on the map', async () => {
  const { spot, page, context, faults } = await phone(9);
  const { results } = await ask(`/api/near?lon=${spot.lon}&lat=${spot.lat}&kind=household&radius_m=5000&limit=1`).catch(() => ({ results: [] }));
  const number = results[0]?.properties?.number ?? results[0]?.name ?? '陈';
  await page.locator('[data-tab=find]').click();
  await page.getByRole('combobox').last().fill(String(number));
  await page.getByRole('option').first().click();
  await page.locator('[data-test=household] h2').waitFor();
  assert.ok(await page.locator('[data-test=look] button[type=submit]').isDisabled(), 'the household is not theirs: there must be a reason');
  await idle(page);
  await shoot(page, 'field-household');
  assert.deepEqual(faults, []);
  await context.close();
});

test('the page opens without a network once it has been opened with one', async () => {
  const { page, context } = await phone(3);
  await page.waitForFunction(async () => {
    const cache = await caches.open('yitu-field-pages-1');
    return navigator.serviceWorker.controller !== null && (await cache.match('/api/categories')) && (await cache.match('/field'));
  });
  const names = await page.evaluate(async () => (await Promise.all((await caches.keys()).map(async (name) => (await (await caches.open(name)).keys()).map((request) => new URL(request.url).pathname)))).flat());
  assert.deepEqual(names.filter((path) => /household|incident|search|near/.test(path)), [], 'nothing that names people is kept');
  await context.setOffline(true);
  await page.reload();
  await idle(page);
  await page.getByText('岚溪县').first().waitFor();
  await page.locator('[data-tab=report]').click();
  await page.locator('.usual [data-category]').first().click();
  await page.locator('[data-test=report-submit]:enabled').click();
  await page.locator('[data-test=report-result]').getByText('待上传').waitFor();
  await shoot(page, 'field-offline');
  const answer = page.waitForResponse((response) => response.url().endsWith('/api/incidents') && response.request().method() === 'POST');
  await context.setOffline(false);
  assert.equal((await answer).status(), 201);
  await context.close();
});
