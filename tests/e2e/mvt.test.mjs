// The checker itself: what the specification forbids is found.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { read } from './mvt.mjs';

const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
const bytes = (field, value) => [...varint((field << 3) | 2), ...varint(value.length), ...value];
const number = (field, n) => [...varint(field << 3), ...varint(n)];
const zigzag = (n) => (n << 1) ^ (n >> 31);
const text = (field, value) => bytes(field, Buffer.from(value));

/** A ring's commands, from the position before it. */
function ring(positions, [x, y] = [0, 0]) {
  const out = [];
  positions.forEach(([u, v], k) => {
    if (k === 0) out.push(9);
    if (k === 1) out.push(((positions.length - 1) << 3) | 2);
    out.push(zigzag(u - x), zigzag(v - y));
    [x, y] = [u, v];
  });
  return [...out, 15];
}

function tile({ geometry = ring([[0, 0], [9, 0], [9, 9]]), kind = 3, tags = [0, 0], keys = ['k'], values = ['v'], extent = 4096, version = 2, copies = 1 }) {
  const feature = [...number(1, 1), ...bytes(2, tags.flatMap(varint)), ...number(3, kind), ...bytes(4, geometry.flatMap((n) => varint(n >>> 0)))];
  const layer = [...text(1, 'a'), ...bytes(2, feature), ...keys.flatMap((k) => text(3, k)), ...values.flatMap((v) => bytes(4, text(1, v))), ...number(5, extent), ...number(15, version)];
  return Uint8Array.from(Array(copies).fill(bytes(3, layer)).flat());
}

const SQUARE = [[0, 0], [90, 0], [90, 90], [0, 90]];
const HOLE = [[20, 20], [20, 40], [40, 40], [40, 20]];
const after = (outer, inner) => [...ring(outer), ...ring(inner, outer.at(-1))];

test('sound tiles have no faults', () => {
  for (const sound of [{}, { geometry: after(SQUARE, HOLE) }, { geometry: [9, 50, 34], kind: 1 }, { geometry: [9, 4, 4, 18, 0, 16, 16, 0], kind: 2 }]) {
    assert.deepEqual(read(tile(sound)).faults, []);
  }
});

const BAD = {
  'a layer name twice': { copies: 2 },
  'version 1': { version: 1 },
  'extent 512': { extent: 512 },
  'a key that no feature uses': { keys: ['k', 'l'] },
  'a key twice': { keys: ['k', 'k'] },
  'a value that no feature uses': { values: ['v', 'w'] },
  'a value twice': { values: ['v', 'v'] },
  'a tag out of range': { tags: [0, 1] },
  'an odd number of tags': { tags: [0] },
  'geometry type 0': { kind: 0 },
  'LineTo \\(0, 0\\)': { geometry: ring([[0, 0], [9, 0], [9, 0], [9, 9]]) },
  'no ClosePath': { geometry: ring(SQUARE).slice(0, -1) },
  'LineTo of count 1': { geometry: ring([[0, 0], [9, 0]]) },
  'a ring without area': { geometry: ring([[0, 0], [9, 0], [5, 0]]) },
  'an interior ring before any exterior': { geometry: ring(HOLE) },
  'an interior ring outside its exterior': { geometry: after(SQUARE, HOLE.map(([x, y]) => [x + 200, y])) },
  'crossing of a ring with itself': { geometry: ring([[0, 0], [90, 0], [90, 90], [50, -10]]) },
  'touch of a ring with itself': { geometry: ring([[0, 0], [90, 0], [90, 90], [40, 0], [0, 90]]) },
  'overlap of a ring with itself': { geometry: ring([[0, 0], [90, 0], [90, 50], [120, 50], [90, 50], [90, 90]]) },
  'crossing of two rings': { geometry: after(SQUARE, HOLE.map(([x, y]) => [x + 60, y])) },
  'a ring that repeats its first position': { geometry: ring([...SQUARE, [0, 0]]) },
  'a position beyond the buffer': { geometry: ring([[0, 0], [4353, 0], [90, 90]]) },
};

for (const [fault, bad] of Object.entries(BAD)) {
  test(`found: ${fault}`, () => {
    const { faults } = read(tile(bad));
    assert.ok(faults.some((f) => new RegExp(fault).test(f)), faults.join('; '));
  });
}
