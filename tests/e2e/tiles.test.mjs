// Every tile of the county, of every layer at every zoom it names, decoded by two readers that are not ours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VectorTile } from '@mapbox/vector-tile';
import { PbfReader } from 'pbf';
import { ask, base } from './browser.mjs';
import { read } from './mvt.mjs';

/** Columns and rows of the tiles at a zoom that meet bounds in degrees. */
function* tilesIn([west, south, east, north], z) {
  const n = 2 ** z;
  const column = (lon) => Math.floor((lon / 360 + 0.5) * n);
  const row = (lat) => Math.floor((0.5 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / (2 * Math.PI)) * n);
  for (let x = column(west); x <= column(east); x++) for (let y = row(north); y <= row(south); y++) yield `${z}/${x}/${y}`;
}

/** The same features by Mapbox's own reader: ids, types, positions and how many properties. */
function compare(bytes, layers, fields) {
  const theirs = new VectorTile(new PbfReader(bytes)).layers;
  assert.deepEqual(Object.keys(theirs), layers.map((layer) => layer.name));
  for (const layer of layers) {
    assert.equal(theirs[layer.name].length, layer.features.length);
    for (const [k, { id, kind, parts }] of layer.features.entries()) {
      const feature = theirs[layer.name].feature(k);
      assert.equal(feature.id, id === undefined ? undefined : Number(id));
      assert.equal(feature.type, kind);
      const positions = feature.loadGeometry().map((part) => part.map((p) => [p.x, p.y]));
      const closed = kind === 3 ? parts.map((ring) => [...ring, ring[0]]) : kind === 1 ? parts[0].map((p) => [p]) : parts;
      assert.deepEqual(kind === 1 ? positions.flat().map((p) => [p]) : positions, closed);
      const unknown = Object.keys(feature.properties).filter((key) => !(key in fields[layer.name]) && key !== 'count');
      assert.deepEqual(unknown, [], 'properties that TileJSON does not name');
    }
  }
}

test('every tile keeps the rules of MVT 2.1', { timeout: 600_000 }, async () => {
  const { layers } = await ask('/api/county');
  const names = layers.map((layer) => layer.id).filter((id) => id !== 'dem');
  const described = await ask(`/tiles/${names.join(',')}.json`);
  const fields = Object.fromEntries(described.vector_layers.map((layer) => [layer.id, layer.fields]));
  const found = new Map();
  const seen = new Map();
  let tiles = 0;
  for (let z = described.minzoom; z <= described.maxzoom; z++) {
    for (const path of tilesIn(described.bounds, z)) {
      const answer = await fetch(`${base}/tiles/${names.join(',')}/${path}`);
      if (answer.status === 204) continue;
      assert.equal(answer.status, 200, path);
      const bytes = new Uint8Array(await answer.arrayBuffer());
      const tile = read(bytes);
      tiles += 1;
      for (const fault of tile.faults) {
        const kind = `z${z} ${fault.replace(/ near .*|; feature .*/, '')}`;
        found.set(kind, { count: (found.get(kind)?.count ?? 0) + 1, first: found.get(kind)?.first ?? `${path} ${fault}` });
      }
      if (tile.faults.length === 0) compare(bytes, tile.layers, fields);
      for (const layer of tile.layers) seen.set(layer.name, (seen.get(layer.name) ?? 0) + layer.features.length);
    }
  }
  console.log(`${tiles} tiles; features: ${[...seen].map(([name, n]) => `${name} ${n}`).join(', ')}`);
  assert.ok(tiles > 500, `only ${tiles} tiles`);
  assert.deepEqual(names.filter((name) => !seen.has(name)), [], 'layers that no tile shows');
  assert.deepEqual([...found].map(([kind, { count, first }]) => `${kind}: ${count}, first ${first}`), []);
});
