// Whose names are told to whom: masked until there is a reason, one's own at once, a wall's never.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { DUTY_OFFICER, SIZES, ask, base, idle, launch, open, shoot } from './browser.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

const as = (name) => ({ ...DUTY_OFFICER, name });

/** A household the grid worker of the demo answers for, found as the worker finds it. */
async function own(context) {
  const listed = await context.request.get(`${base}/ogc/collections/household/items?limit=1&sortby=number`);
  const { features: [{ id, properties: { number, name, address } }] } = await listed.json();
  return { id, number, name, address };
}

test("a grid worker's phone opens in the own village, until another is chosen", async () => {
  const { page, context, faults } = await open(browser, '/field', { viewport: SIZES.field, as: as('grid_worker') });
  const { home } = await (await context.request.get(`${base}/api/session`)).json();
  const village = page.locator('.tasks .where');
  await village.filter({ hasText: home.name }).waitFor();
  await idle(page);
  assert.equal(await page.locator('.tasks .choose').count(), 0, 'nothing to choose');
  const { region: { bbox: [west, south, east, north] } } = await (await context.request.get(`${base}/api/summary?region=${home.id}`)).json();
  await page.waitForFunction(() => parseFloat(location.hash.slice('#map='.length)) > 11);
  const [lat, lon] = new URL(page.url()).hash.split('/').slice(1).map(parseFloat);
  assert.ok(lon > west && lon < east && lat > south && lat < north, `${page.url()} ${[west, south, east, north]}`);
  await shoot(page, 'field-own-village');
  await page.evaluate(() => localStorage.setItem('yitu.field.village', '1\n别的村'));
  await page.reload();
  await village.filter({ hasText: '别的村' }).waitFor();
  assert.deepEqual(faults, []);
  await context.close();
});

test('a grid worker finds a household of the own grid and can call at once', async () => {
  const { page, context, faults } = await open(browser, '/field', { viewport: SIZES.field, as: as('grid_worker') });
  const { number, name, address } = await own(context);
  assert.ok(!name.includes('*'));
  await page.locator('[data-tab=find]').click();
  await page.getByRole('combobox').last().fill(number);
  await page.getByRole('option').first().click();
  const found = page.locator('[data-test=household]');
  await found.getByText(address).waitFor();
  await found.locator('[data-test=look] button[type=submit]').click();
  const call = found.locator('a[href^="tel:"]').first();
  await call.waitFor();
  assert.match(await call.getAttribute('href'), /^tel:\d{11}$/);
  const box = await call.boundingBox();
  assert.ok(box.height >= 44 && box.width > 200, JSON.stringify(box));
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing stands out');
  await shoot(page, 'field-household-own');
  assert.deepEqual(faults, []);
  await context.close();
});

test('on the desk a name is masked until there is a reason, and the look is on record', async () => {
  const worker = await open(browser, '/field', { viewport: SIZES.field, as: as('grid_worker') });
  const { id, name, address } = await own(worker.context);
  await worker.context.close();
  const { page, context, faults } = await open(browser, `/desk#sel=household:${id}`);
  const panel = page.locator('.inspector');
  await panel.locator('h2').filter({ hasText: `${name[0]}*` }).waitFor();
  assert.ok(!(await panel.innerText()).includes(name) && !(await panel.innerText()).includes(address));
  await idle(page);
  await shoot(page, 'desk-household-masked');
  const look = panel.locator('[data-test=look]');
  assert.ok(await look.locator('button[type=submit]').isDisabled(), 'no reason, no look');
  await look.locator('input').fill('复核低保信息');
  await look.locator('button[type=submit]').click();
  await panel.locator('h2').filter({ hasText: name }).waitFor();
  await look.locator('a[href^="tel:"]').first().waitFor();
  assert.ok((await panel.innerText()).includes(address));
  await shoot(page, 'desk-household-seen');
  assert.deepEqual(faults, []);
  await context.close();
});

test('a wall lives on four things of a matter, and asks for nothing more', async () => {
  const asked = [];
  const { page, context, faults } = await open(browser, '/screen', {
    viewport: SIZES.screen, as: as('wall'),
    before: (page) => page.on('response', (response) => asked.push(`${response.status()} ${new URL(response.url()).pathname}`)),
  });
  await idle(page);
  const first = page.locator('[data-incident]').first();
  await first.waitFor();
  const { id } = await report();
  await page.locator(`[data-incident="${id}"].fresh`).waitFor();
  await page.locator('[data-test=children] [data-region]').first().click();
  await page.waitForFunction(() => location.hash.includes('region='));
  await idle(page);
  await shoot(page, 'screen-wall');
  const refused = asked.filter((line) => /^[45]/.test(line));
  assert.deepEqual(refused, [], 'the page asks for what a wall may have');
  assert.deepEqual(faults, []);
  await context.close();
});

test('a wall is let in by its token, which is in no address afterwards, and out when it is taken back', async () => {
  const { wall } = JSON.parse(readFileSync(process.env.TOKENS, 'utf8'));
  const { page, context } = await open(browser, `/sign-in#display=${wall}`, { viewport: SIZES.screen, as: null });
  await page.waitForURL('**/screen');
  await idle(page);
  assert.ok(!(await page.evaluate(() => location.href)).includes(wall));
  const [cookie] = await context.cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict' && cookie.expires > Date.now() / 1000 + 86_400, 'it outlives the browser');
  const wrong = await open(browser, '/sign-in#display=yitu_wrong', { viewport: SIZES.screen, as: null });
  await wrong.page.getByRole('alert').waitFor();
  assert.equal(await wrong.page.evaluate(() => location.hash), '');
  await wrong.context.close();
  await context.close();
});

/** A new matter, reported by the duty officer. */
async function report() {
  const { results: [{ lon, lat }] } = await ask('/api/near?lon=117.2&lat=25.6&kind=venue&radius_m=50000&limit=1');
  const response = await fetch(`${base}/api/incidents`, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: crypto.randomUUID(), category: '0301', description: '路边有垃圾', urgency: 'ordinary', location: { source: 'map', lon, lat } }),
  });
  assert.equal(response.status, 201);
  return response.json();
}
