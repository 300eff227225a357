// Two maps side by side: what one changes the other shows, asking for the touched tiles alone.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { base, hash, idle, launch, open, PATIENCE, shoot, somewhere } from './browser.mjs';

let browser;
const left = [];
before(async () => (browser = await launch()));
after(() => (left.forEach((close) => close()), browser?.close()));

/** Writes down which ranges of which layer the server tells of. */
async function listen() {
  const told = [];
  const stop = new AbortController();
  const { body } = await fetch(`${base}/live?topics=tiles`, { signal: stop.signal });
  (async () => {
    let text = '';
    for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const events = text.split('\n\n');
      text = events.pop();
      for (const event of events) {
        const data = /^data: ?(.+)$/m.exec(event)?.[1];
        if (data?.includes('"tiles"')) told.push(JSON.parse(data));
      }
    }
  })().catch(() => undefined);
  left.push(() => stop.abort());
  return told;
}

/** A wire to the server that can be cut: what goes over it ends at once, and nothing new gets through. */
async function wire() {
  const ends = new Set();
  let cut = false;
  const { hostname, port } = new URL(base);
  const server = createServer((near) => {
    if (cut) return near.destroy();
    const far = connect(Number(port), hostname);
    for (const [end, other] of [[near, far], [far, near]]) {
      ends.add(end);
      end.on('error', () => undefined).on('close', () => (ends.delete(end), other.destroy()));
      end.pipe(other);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  left.push(() => (ends.forEach((end) => end.destroy()), server.close()));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    cut: () => ((cut = true), ends.forEach((end) => end.destroy())),
    mend: () => (cut = false),
  };
}

const TILE = /\/tiles\/([^/]+)\/(\d+)\/(\d+)\/(\d+)/;
const isTold = (told, url) => {
  const [, layer, ...tile] = TILE.exec(url) ?? [];
  const [z, x, y] = tile.map(Number);
  return told.some((event) => event.layer === layer && Array.isArray(event.tiles) && event.tiles.some(([zoom, xMin, yMin, xMax, yMax]) => z === zoom && xMin <= x && x <= xMax && yMin <= y && y <= yMax));
};

/** Through the API, from within a page. */
const send = (page, method, path, headers, body) =>
  page.evaluate(async ([method, path, headers, body]) => {
    const { page_key } = await (await fetch('/api/session')).json();
    const response = await fetch(path, { method, headers: { 'x-page-key': page_key, ...headers }, body: body === null ? null : JSON.stringify(body) });
    return { status: response.status, tag: response.headers.get('etag'), location: response.headers.get('location') };
  }, [method, path, headers, body ?? null]);

/** The address of a layer's tile that holds a place. */
function tileAt(layer, z, { lon, lat }) {
  const side = 2 ** z;
  const x = Math.floor(((lon + 180) / 360) * side);
  const y = Math.floor(((1 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) / 2) * side);
  return `/tiles/${layer}/${z}/${x}/${y}`;
}

/** Clicks the middle of the map until what it opens is as wanted: a tile that has arrived is drawn a moment later. */
async function clickMiddle(page, wanted) {
  const box = await page.locator('.map').first().boundingBox();
  const heading = page.locator('[data-test=inspector] h2');
  for (let end = Date.now() + PATIENCE; Date.now() < end; ) {
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await heading.waitFor();
    if (wanted(await heading.innerText())) return;
    await page.waitForTimeout(200);
  }
  assert.fail(`the middle of the map opens ${await heading.innerText()}`);
}

test('an edit in one map is seen in the other, out of view as well, for the touched tiles alone', async () => {
  const spot = await somewhere(5);
  const away = await somewhere(0);
  const view = (place) => hash(15, place, '&layers=venue,household');
  const one = await open(browser, `/desk${view(spot)}`);
  const two = await open(browser, `/desk${view(spot)}`);
  for (const { page } of [one, two]) {
    await idle(page);
    await page.locator('[data-live=live]').waitFor();
  }
  const told = await listen();
  const asked = [];
  two.page.on('request', (request) => TILE.test(request.url()) && asked.push(request.url()));
  const name = `试验议事亭${Date.now()}`;
  const shows = two.page.waitForResponse(async (response) => response.url().includes('/tiles/venue/') && response.status() === 200 && (await response.text()).includes(name));
  const venue = { type: 'Feature', geometry: { type: 'Point', coordinates: [spot.lon, spot.lat] }, properties: { name, kind: 'pavilion' } };
  const made = await send(one.page, 'POST', '/ogc/collections/venue/items', { 'content-type': 'application/geo+json' }, venue);
  assert.equal(made.status, 201);
  await shows;
  await idle(two.page);
  assert.ok(asked.length > 0);
  assert.deepEqual(asked.filter((url) => !isTold(told, url)), [], 'nothing else is asked for');
  await clickMiddle(two.page, (text) => text.includes(name));
  await shoot(two.page, 'live-other-map');

  // Taken away while the other map looks elsewhere and keeps the tiles it has seen.
  await two.page.keyboard.press('Escape');
  const there = two.page.waitForResponse((response) => response.url().endsWith(tileAt('venue', 15, away)));
  await two.page.evaluate((hash) => (location.hash = hash), view(away));
  await there;
  await idle(two.page);
  const path = new URL(made.location, base).pathname;
  const before = told.length;
  const gone = await send(one.page, 'DELETE', path, { 'if-match': made.tag });
  assert.ok(gone.status < 300, `${gone.status}`);
  while (told.length === before) await new Promise((resolve) => setTimeout(resolve, 50));
  const again = two.page.waitForRequest((request) => isTold(told.slice(before), request.url()));
  await two.page.evaluate((hash) => (location.hash = hash), view(spot));
  await again;
  await idle(two.page);
  await clickMiddle(two.page, (text) => !text.includes(name));
  assert.deepEqual([...one.faults, ...two.faults], []);
  for (const { context } of [one, two]) await context.close();
});

test('a cut stream goes on where it was: what came meanwhile is seen, and nothing else is asked for', async () => {
  const spot = await somewhere(6);
  const line = await wire();
  const one = await open(browser, `/desk${hash(15, spot, '&layers=venue')}`, { origin: line.origin });
  await idle(one.page);
  await one.page.locator('[data-live=live]').waitFor();
  // An event first: without one the map cannot say where it stood.
  const items = '/ogc/collections/venue/items';
  const venue = (name) => ({ type: 'Feature', geometry: { type: 'Point', coordinates: [spot.lon, spot.lat] }, properties: { name, kind: 'pavilion' } });
  const json = { 'content-type': 'application/geo+json' };
  const seen = (name) => one.page.waitForResponse(async (response) => response.url().includes('/tiles/venue/') && response.status() === 200 && (await response.text()).includes(name));
  const first = seen('第一处');
  assert.equal((await send(one.page, 'POST', items, json, venue('第一处'))).status, 201);
  await first;
  await idle(one.page);
  const told = await listen();
  const asked = [];
  one.page.on('request', (request) => TILE.test(request.url()) && asked.push(request.url()));
  line.cut();
  await one.page.locator('[data-live=lost]').waitFor();
  const made = await fetch(base + items, { method: 'POST', headers: json, body: JSON.stringify(venue('断线时的一处')) });
  assert.equal(made.status, 201);
  const second = seen('断线时的一处');
  line.mend();
  await one.page.locator('[data-live=live]').waitFor();
  await second;
  await idle(one.page);
  assert.deepEqual(asked.filter((url) => !isTold(told, url)), []);
  await one.context.close();
});
