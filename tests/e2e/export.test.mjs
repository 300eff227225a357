// An exported archive, read by the PMTiles package and drawn by MapLibre in a page that has no Yitu to ask.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { ask, launch, PATIENCE, shoot, SIZES, somewhere } from './browser.mjs';

const archive = process.env.EXPORTED;
const FILES = {
  '/map.pmtiles': [archive, 'application/octet-stream'],
  '/pmtiles.js': ['node_modules/pmtiles/dist/pmtiles.js', 'text/javascript'],
  ...Object.fromEntries(['maplibre-gl.mjs', 'maplibre-gl-shared.mjs', 'maplibre-gl-worker.mjs'].map((name) => [`/${name}`, [`../../web-map/node_modules/maplibre-gl/dist/${name}`, 'text/javascript']])),
};
const PAGE = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><style>html,body,#map{height:100%;margin:0}</style><div id="map"></div><script src="/pmtiles.js"></script>';

let browser, kiosk, origin;
before(async () => {
  browser = await launch();
  // A kiosk's own files, with ranges as any static server has them.
  kiosk = createServer(async ({ url, headers }, response) => {
    const [path, type] = FILES[url] ?? [];
    if (!path) return response.writeHead(url === '/' ? 200 : 404, { 'content-type': 'text/html' }).end(url === '/' ? PAGE : '');
    const bytes = await readFile(path);
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
    if (!range) return response.writeHead(200, { 'content-type': type }).end(bytes);
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)];
    response.writeHead(206, { 'content-type': type, 'content-range': `bytes ${from}-${to}/${bytes.length}` }).end(bytes.subarray(from, to + 1));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => kiosk.once('listening', resolve));
  origin = `http://127.0.0.1:${kiosk.address().port}`;
});
after(async () => {
  await browser?.close();
  kiosk?.close();
});

async function page() {
  const context = await browser.newContext({ viewport: SIZES.field });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const faults = [];
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => new URL(request.url()).protocol === 'http:' && !request.url().startsWith(`${origin}/`) && faults.push(request.url()));
  await page.goto(`${origin}/`);
  return { page, context, faults };
}

/** Shows the archive and answers the names drawn of a layer at a place. */
const namesAt = (page, wanted) =>
  page.evaluate(async ({ fromFile, layer, lon, lat, zoom }) => {
    const { addProtocol, Map, setWorkerUrl } = await import('/maplibre-gl.mjs');
    setWorkerUrl('/maplibre-gl-worker.mjs');
    const { FileSource, PMTiles, Protocol } = window.pmtiles;
    const protocol = new Protocol();
    addProtocol('pmtiles', protocol.tile);
    let url = `${location.origin}/map.pmtiles`;
    if (fromFile) {
      // As a phone does with a file it was handed.
      const file = new File([await (await fetch(url)).blob()], 'township.pmtiles');
      protocol.add(new PMTiles(new FileSource(file)));
      url = file.name;
    }
    window.shown?.remove();
    const map = (window.shown = new Map({
      container: 'map', center: [lon, lat], zoom, attributionControl: false, fadeDuration: 0,
      style: {
        version: 8,
        sources: { yitu: { type: 'vector', url: `pmtiles://${url}` } },
        layers: [
          { id: 'region', type: 'fill', source: 'yitu', 'source-layer': 'region', filter: ['==', ['get', 'level'], 'village'], paint: { 'fill-color': '#dddddd', 'fill-outline-color': '#333333' } },
          { id: 'grid', type: 'line', source: 'yitu', 'source-layer': 'grid', paint: { 'line-color': '#1257c7' } },
          { id: 'grid-area', type: 'fill', source: 'yitu', 'source-layer': 'grid', paint: { 'fill-color': '#1257c7', 'fill-opacity': 0.1 } },
          { id: 'building', type: 'fill', source: 'yitu', 'source-layer': 'building', paint: { 'fill-color': '#cc6677' } },
        ],
      },
    }));
    await new Promise((resolve) => map.once('idle', resolve));
    const { x, y } = map.project([lon, lat]);
    return map.queryRenderedFeatures([x, y], { layers: [layer] }).map(({ properties }) => properties.name);
  }, wanted);

test('a kiosk shows villages and grids by name, from the file alone', async () => {
  const { grid, village, lon, lat } = await somewhere(1);
  const { page: kioskPage, context, faults } = await page();
  assert.deepEqual(await namesAt(kioskPage, { layer: 'region', lon, lat, zoom: 12 }), [village.name]);
  const grids = await namesAt(kioskPage, { layer: 'grid-area', lon, lat, zoom: 15.5 });
  assert.ok(grids.includes(grid.name), `${grid.name} in ${grids}`);
  await shoot(kioskPage, 'export-kiosk');
  assert.deepEqual(faults, []);
  await context.close();
});

test('a phone shows the file without any network, closer than its tiles go', async () => {
  const { grid, lon, lat } = await somewhere(2);
  const { page: phone, context, faults } = await page();
  await namesAt(phone, { fromFile: true, layer: 'grid-area', lon, lat, zoom: 12 });
  await context.setOffline(true);
  const grids = await phone.evaluate(async ([lon, lat]) => {
    const map = window.shown;
    const rested = new Promise((resolve) => map.once('idle', resolve));
    map.jumpTo({ center: [lon, lat], zoom: 17.5 });
    await rested;
    const { x, y } = map.project([lon, lat]);
    return map.queryRenderedFeatures([x, y], { layers: ['grid-area'] }).map(({ properties }) => properties.name);
  }, [lon, lat]);
  assert.ok(grids.includes(grid.name), `${grid.name} in ${grids}`);
  assert.deepEqual(faults, []);
  await context.close();
});

test('the archive says what it holds, as the server does', async () => {
  const { page: reader, context } = await page();
  const { header, metadata, bare } = await reader.evaluate(async () => {
    const archive = new window.pmtiles.PMTiles(`${location.origin}/map.pmtiles`);
    const header = await archive.getHeader();
    return { header, metadata: await archive.getMetadata(), bare: (await archive.getZxy(6, 0, 0)) ?? null };
  });
  const county = await ask('/api/county');
  assert.equal(metadata.name, county.name);
  assert.ok(metadata.attribution.includes(county.boundary_notice));
  const layers = metadata.vector_layers.map(({ id }) => id).filter((id) => !id.endsWith('_markers'));
  assert.deepEqual([...layers].sort(), county.layers.map(({ id }) => id).filter((id) => !['household', 'incident', 'dem'].includes(id)).sort());
  assert.deepEqual([header.minZoom, header.maxZoom, header.clustered, bare], [6, 16, true, null]);
  for (const [at, value] of [['minLon', 0], ['minLat', 1], ['maxLon', 2], ['maxLat', 3]]) assert.ok(Math.abs(header[at] - county.bbox[value]) < 1e-6, at);
  await context.close();
});
