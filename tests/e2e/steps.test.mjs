// What people do with an incident once it is there: place it, hand it on, call others, put it on an agenda; and before: is it the same one?
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ask, base, CHINESE, hash, idle, launch, open, shoot, SIZES, somewhere } from './browser.mjs';

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

async function send(path, body) {
  const response = await fetch(base + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const answer = await response.json();
  assert.ok(response.ok, `${path} answers ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

const plain = async () => (await ask('/api/categories')).find((c) => c.parent && !c.restricted && c.village_admitted);

/** An incident as somebody reports it elsewhere. */
async function report(location, more = {}) {
  const { code } = await plain();
  return send('/api/incidents', { id: crypto.randomUUID(), category: code, description: '路灯不亮,夜里看不清路。', urgency: 'ordinary', location, reported_at: new Date().toISOString(), ...more });
}

const act = ({ id, version }, action, more = {}) => send(`/api/incidents/${id}/actions`, { action, expected_version: version, ...more });
const onMap = ({ lon, lat }) => ({ source: 'map', lon, lat });

async function desk(incident, spot) {
  const opened = await open(browser, `/desk${hash(15, spot, `&sel=incident:${incident.id}`)}`);
  await idle(opened.page);
  const inspector = opened.page.locator('[data-test=inspector]');
  await inspector.locator('[data-test=tools]').waitFor();
  return { ...opened, inspector };
}

test('an incident known by words alone is placed on the map', async () => {
  const spot = await somewhere(2);
  const incident = await report({ source: 'text', text: `${spot.village.name}村口` });
  assert.equal(incident.state, 'pending_location');
  const { page, inspector, context, faults } = await desk(incident, spot);
  await inspector.getByText(`${spot.village.name}村口`).first().waitFor();
  await page.locator('[data-tool=locate]').click();
  const confirm = page.locator('[data-test=tool-locate] [data-action=locate]');
  assert.ok(await confirm.isDisabled(), 'no place is chosen yet');
  const box = await page.locator('.map').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await page.locator('.map-pin').waitFor();
  await shoot(page, 'desk-locate');
  await confirm.click();
  await inspector.locator('.chip[data-state=pending_accept]').waitFor();
  await page.locator('.map-pin').waitFor({ state: 'detached' });
  const { location } = await ask(`/api/incidents/${incident.id}`);
  assert.equal(location.source, 'map');
  assert.ok(Math.hypot(location.lon - spot.lon, location.lat - spot.lat) < 0.02);
  assert.deepEqual(faults, []);
  await context.close();
});

test('departments are called, and the matter is handed to one, both by name', async () => {
  const spot = await somewhere(3);
  const incident = await report(onMap(spot));
  const departments = await ask('/api/units?kind=department&limit=1000');
  const { helpers } = await ask(`/api/incidents/${incident.id}`);
  const busy = [incident.owner, ...helpers].map((unit) => unit.unit_id);
  const free = departments.filter((unit) => !busy.includes(unit.id));
  assert.ok(free.length >= 2);
  const [called, given] = free;
  const { page, inspector, context, faults } = await desk(incident, spot);
  for (const [tool, unit, done] of [['whistle', called, '已吹哨'], ['transfer', given, '已转办']]) {
    await page.locator(`[data-tool=${tool}]`).click();
    const form = page.locator(`[data-test=tool-${tool}]`);
    assert.ok(await form.locator(`[data-action=${tool}]`).isDisabled(), 'nobody is chosen yet');
    await form.getByRole('combobox').fill(unit.name);
    await form.locator(`[data-unit="${unit.id}"]`).click();
    await form.locator(`[data-picked="${unit.id}"]`).waitFor();
    await shoot(page, `desk-${tool}`);
    await form.locator(`[data-action=${tool}]`).click();
    await inspector.getByRole('status').filter({ hasText: done }).waitFor();
    await form.waitFor({ state: 'detached' });
  }
  const whole = await ask(`/api/incidents/${incident.id}`);
  assert.ok(whole.helpers.some((helper) => helper.unit_id === called.id));
  assert.equal(whole.owner.unit_id, given.id);
  assert.deepEqual(faults, []);
  await context.close();
});

test('a matter goes on an agenda, and the desk says when and where', async () => {
  const { features } = await ask('/ogc/collections/venue/items?limit=1000');
  const venue = features.find(({ properties }) => ['pavilion', 'corridor', 'courtyard'].includes(properties.kind));
  const [lon, lat] = venue.geometry.coordinates;
  const incident = await act(await report(onMap({ lon, lat })), 'accept');
  assert.equal(incident.state, 'in_progress');
  const { page, inspector, context, faults } = await desk(incident, { lon, lat });
  await page.locator('[data-tool=deliberate]').click();
  await page.locator('[data-test=tool-deliberate] [data-action=deliberate]').click();
  await inspector.locator('.chip[data-state=deliberating]').waitFor();
  const { deliberation } = await ask(`/api/incidents/${incident.id}`);
  const shown = await inspector.locator('[data-test=deliberation]').innerText();
  for (const part of [deliberation.venue.name, deliberation.day, deliberation.lunar, `第 ${deliberation.agenda_no} 项`, '待议']) assert.ok(shown.includes(part), `${part} in ${shown}`);
  await shoot(page, 'desk-deliberation');
  assert.deepEqual(faults, []);
  await context.close();
});

test('a guessed grid is handed to its neighbour in one tap', async () => {
  const spot = await somewhere(5);
  let incident;
  for (const accuracy_m of [100, 300, 800, 2000]) {
    incident = await report({ source: 'gps', lon: spot.lon, lat: spot.lat, crs: 'wgs84', accuracy_m, confidence: 0.68 });
    if (incident.provisional && incident.neighbours.length > 0) break;
  }
  assert.ok(incident.provisional && incident.neighbours.length > 0, 'a poor fix leaves the grid a guess');
  const { page, context, faults } = await open(browser, `/field#sel=incident:${incident.id}`, { viewport: SIZES.field });
  const guess = page.locator('[data-test=provisional]');
  await guess.locator('[data-action=accept]').waitFor();
  assert.equal(await guess.locator('[data-action=transfer]').count(), incident.neighbours.length);
  const [neighbour] = incident.neighbours;
  const button = guess.locator(`[data-grid="${neighbour.grid_id}"]`);
  assert.ok((await button.innerText()).includes(`转给${neighbour.name}`));
  await shoot(page, 'field-provisional');
  await button.click();
  await page.getByRole('status').filter({ hasText: `已转给${neighbour.name}` }).waitFor();
  assert.equal((await ask(`/api/incidents/${incident.id}`)).grid.id, neighbour.grid_id);
  assert.deepEqual(faults, []);
  await context.close();
});

/** The phone at a place, with a matter picked and located. */
async function picking(spot) {
  const opened = await open(browser, '/field', { viewport: SIZES.field, geolocation: { longitude: spot.lon, latitude: spot.lat, accuracy: 8 } });
  const { page } = opened;
  await idle(page);
  await page.locator('[data-tab=report]').click();
  const usual = page.locator('.usual [data-category]').first();
  const category = { code: await usual.getAttribute('data-category'), name: (await usual.innerText()).trim() };
  return { ...opened, category, pick: async () => {
    await usual.click();
    await page.getByText('已定位').waitFor();
  } };
}

const isReport = (request) => request.method() === 'POST' && new URL(request.url()).pathname === '/api/incidents';

test('what is reported already is offered: it can be opened instead, or reported all the same', async () => {
  const spot = await somewhere(8);
  const { page, context, faults, category, pick } = await picking(spot);
  const there = await report(onMap(spot), { category: category.code, description: category.name });
  const reported = [];
  page.on('request', (request) => isReport(request) && reported.push(request.postDataJSON().id));
  await pick();
  await page.locator('[data-test=report-submit]').click();
  const one = page.locator(`[data-duplicate="${there.id}"]`);
  await one.waitFor();
  assert.match(await one.innerText(), CHINESE);
  assert.ok(await page.getByRole('heading', { name: '附近可能已有同一件事' }).isVisible());
  await shoot(page, 'field-duplicates');
  await one.locator('[data-test=duplicate-same]').click();
  await page.waitForURL(new RegExp(`sel=incident:${there.id}`));
  assert.deepEqual(reported, []);

  await page.locator('[data-tab=report]').click();
  await pick();
  await page.locator('[data-test=report-submit]').click();
  await page.locator('[data-test=duplicate-send]').click();
  await page.locator('[data-test=report-result]').waitFor();
  assert.equal(reported.length, 1);
  assert.equal((await ask(`/api/incidents/${reported[0]}`)).category, category.code);
  assert.deepEqual(faults, []);
  await context.close();
});

test('a photo goes up after its report, and is shown with the incident', async () => {
  const spot = await somewhere(12);
  const { page, context, faults, pick } = await picking(spot);
  await pick();
  const drawn = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
    const brush = canvas.getContext('2d');
    for (let x = 0; x < 320; x += 20) {
      brush.fillStyle = `hsl(${x} 60% 50%)`;
      brush.fillRect(x, 0, 20, 240);
    }
    return canvas.toDataURL('image/jpeg', 0.9).split(',')[1];
  });
  await page.locator('[data-test=photo-choose]').setInputFiles({ name: 'scene.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(drawn, 'base64') });
  await page.locator('[data-test=photo-picker] img').waitFor();
  await shoot(page, 'field-photo');
  const up = page.waitForResponse((response) => /\/api\/incidents\/[^/]+\/photos\?/.test(response.url()));
  await page.locator('[data-test=report-submit]').click();
  await page.locator('[data-test=report-result], [data-test=duplicates]').first().waitFor();
  const anyway = page.locator('[data-test=duplicate-send]');
  if (await anyway.isVisible()) await anyway.click();
  await page.locator('[data-test=report-result]').waitFor();
  const response = await up;
  assert.equal(response.status(), 201);
  const { incident_id: id } = await response.json();
  assert.equal((await ask(`/api/incidents/${id}`)).photos.length, 1);
  await page.getByRole('button', { name: '查看事件' }).click();
  const thumb = page.locator('[data-test=photos] img');
  await thumb.waitFor();
  await page.waitForFunction(() => document.querySelector('[data-test=photos] img')?.naturalWidth > 0);
  await page.locator('[data-tab=tasks]').click();
  await page.locator('[data-test=photo-queue]').waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
  await context.close();
});
