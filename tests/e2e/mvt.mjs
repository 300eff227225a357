// Holds a tile against the rules of the Mapbox Vector Tile specification 2.1, byte by byte; numbers in brackets are its
// sections. Nothing here is shared with what writes the tiles.

/** Tile units a geometry may reach beyond the tile. */
const BUFFER = 256;
const EXTENT = 4096;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The fields of a protocol buffer message: [number, wire type, value], bytes for wire type 1, 2 and 5. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let n = 0n;
    for (let shift = 0n; ; shift += 7n) {
      if (at >= bytes.length || shift > 63n) throw new Error('a varint without an end');
      const byte = bytes[at++];
      n |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return n;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const type = tag & 7;
    if (type === 0) {
      yield [tag >> 3, type, varint()];
      continue;
    }
    const length = { 1: 8, 2: () => Number(varint()), 5: 4 }[type];
    if (length === undefined) throw new Error(`wire type ${type}`);
    const n = typeof length === 'function' ? length() : length;
    if (at + n > bytes.length) throw new Error('a field that is longer than its message');
    yield [tag >> 3, type, bytes.subarray(at, (at += n))];
  }
}

function unpack(bytes) {
  const numbers = [];
  let at = 0;
  while (at < bytes.length) {
    let [n, scale] = [0, 1];
    for (;;) {
      if (at >= bytes.length) throw new Error('a packed varint without an end');
      const byte = bytes[at++];
      n += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
      scale *= 128;
    }
    if (n > 0xffff_ffff) throw new Error('a packed number over 32 bits');
    numbers.push(n);
  }
  return numbers;
}

/** A value (4.1): exactly one of its seven forms; answers it with its type, so that equal ones are equal texts. */
function valueOf(bytes) {
  const all = [...fields(bytes)];
  if (all.length !== 1) throw new Error(`a value of ${all.length} fields`);
  const [[number, type, value]] = all;
  const wire = { 1: 2, 2: 5, 3: 1, 4: 0, 5: 0, 6: 0, 7: 0 }[number];
  if (wire !== type) throw new Error(`a value in field ${number} with wire type ${type}`);
  return `${number}:${number === 1 ? utf8.decode(value) : type === 0 ? value : Buffer.from(value).toString('hex')}`;
}

/** The commands of a geometry (4.3): its parts, each a list of positions; refuses what the type does not allow. */
function partsOf(kind, numbers) {
  const parts = [];
  let [x, y, at] = [0, 0, 0];
  const zigzag = (n) => (n >>> 1) ^ -(n & 1);
  const command = (id, least, most, name) => {
    const integer = numbers[at++];
    const count = integer >>> 3;
    if (integer === undefined || (integer & 7) !== id) throw new Error(`no ${name} where there must be one (4.3.4)`);
    if (count < least || count > most) throw new Error(`${name} of count ${count} (4.3.4)`);
    return count;
  };
  const go = (part, isLine) => {
    if (at + 2 > numbers.length) throw new Error('too few parameters (4.3.2)');
    const [dx, dy] = [zigzag(numbers[at++]), zigzag(numbers[at++])];
    if (isLine && dx === 0 && dy === 0) throw new Error('LineTo (0, 0) (4.3.3.2)');
    x += dx;
    y += dy;
    part.push([x, y]);
  };
  const many = Infinity;
  if (numbers.length === 0) throw new Error('no geometry (4.3)');
  while (at < numbers.length) {
    const part = [];
    if (kind === 1) {
      if (parts.length) throw new Error('a second MoveTo in a point geometry (4.3.4.2)');
      for (let n = command(1, 1, many, 'MoveTo'); n > 0; n--) go(part, false);
    } else {
      command(1, 1, 1, 'MoveTo');
      go(part, false);
      for (let n = command(2, kind === 3 ? 2 : 1, many, 'LineTo'); n > 0; n--) go(part, true);
      if (kind === 3) command(7, 1, 1, 'ClosePath');
    }
    parts.push(part);
  }
  return parts;
}

/** Twice the area; positive for an exterior ring, since y runs south (4.3.4.4). */
const doubledArea = (ring) => ring.reduce((sum, [x, y], k) => { const [u, v] = ring[(k + 1) % ring.length]; return sum + x * v - u * y; }, 0);

const cross = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

const between = (a, b, p) => Math.min(a[0], b[0]) <= p[0] && p[0] <= Math.max(a[0], b[0]) && Math.min(a[1], b[1]) <= p[1] && p[1] <= Math.max(a[1], b[1]);

/** How two segments meet: `crossing`, `overlap` (along a stretch), `touch` (at one's end), or not. Exact: all integers. */
function meeting([a, b], [c, d]) {
  const sides = [cross(a, b, c), cross(a, b, d), cross(c, d, a), cross(c, d, b)].map(Math.sign);
  if (sides[0] * sides[1] < 0 && sides[2] * sides[3] < 0) return 'crossing';
  if (sides.every((side) => side === 0)) {
    const ends = new Set([c, d].filter((p) => between(a, b, p)).concat([a, b].filter((p) => between(c, d, p))).map(String));
    return ends.size > 1 ? 'overlap' : ends.size === 1 ? 'touch' : undefined;
  }
  const touches = [[a, b, c], [a, b, d], [c, d, a], [c, d, b]].some(([p, q, r], k) => sides[k] === 0 && between(p, q, r));
  return touches ? 'touch' : undefined;
}

/** All pairs of segments that meet, by a sweep from west to east; each with the rings and positions in them it is of. */
function* meetings(rings) {
  const segments = rings.flatMap((ring, r) => ring.map((a, k) => ({ ring: r, k, n: ring.length, ends: [a, ring[(k + 1) % ring.length]] })));
  for (const s of segments) {
    const [[ax, ay], [bx, by]] = s.ends;
    Object.assign(s, { west: Math.min(ax, bx), east: Math.max(ax, bx), north: Math.min(ay, by), south: Math.max(ay, by) });
  }
  segments.sort((a, b) => a.west - b.west);
  for (const [i, one] of segments.entries()) {
    for (let j = i + 1; j < segments.length && segments[j].west <= one.east; j++) {
      const other = segments[j];
      if (other.north > one.south || other.south < one.north) continue;
      const how = meeting(one.ends, other.ends);
      if (how) yield { how, one, other };
    }
  }
}

/** Whether a position lies inside a ring: 1, on it: 0, outside: −1. */
function sideOf(ring, p) {
  let inside = -1;
  for (const [k, a] of ring.entries()) {
    const b = ring[(k + 1) % ring.length];
    const turn = cross(a, b, p);
    if (turn === 0 && between(a, b, p)) return 0;
    if (a[1] > p[1] !== b[1] > p[1] && turn > 0 === b[1] > a[1]) inside = -inside;
  }
  return inside;
}

/** The rules of polygons (4.3.4.4). */
function polygonFaults(rings) {
  const faults = [];
  const polygons = [];
  for (const ring of rings) {
    const area = doubledArea(ring);
    if (area === 0) faults.push('a ring without area');
    if (String(ring[0]) === String(ring.at(-1))) faults.push('a ring that repeats its first position');
    if (area > 0) polygons.push([ring]);
    else if (polygons.length) polygons.at(-1).push(ring);
    else faults.push('an interior ring before any exterior');
  }
  for (const polygon of polygons) {
    for (const { how, one, other } of meetings(polygon)) {
      const apart = Math.abs(one.k - other.k);
      const neighbours = one.ring === other.ring && (apart === 1 || apart === one.n - 1);
      if (one.ring === other.ring ? !(neighbours && how === 'touch') : how !== 'touch') {
        const whose = one.ring === other.ring ? 'a ring with itself' : 'two rings of a polygon';
        faults.push(`${how} of ${whose} near ${one.ends[0]}`);
      }
    }
    const [exterior, ...holes] = polygon;
    if (holes.some((hole) => hole.map((p) => sideOf(exterior, p)).find((side) => side !== 0) === -1)) faults.push('an interior ring outside its exterior');
  }
  return faults;
}

function featureFaults(bytes, keys, values, used) {
  let [id, kind, tags, geometry] = [undefined, 0, [], []];
  for (const [number, , value] of fields(bytes)) {
    if (number === 1) id = value;
    else if (number === 2) tags = unpack(value);
    else if (number === 3) kind = Number(value);
    else if (number === 4) geometry = unpack(value);
    else throw new Error(`field ${number} in a feature`);
  }
  if (![1, 2, 3].includes(kind)) throw new Error(`geometry type ${kind} (4.3.4)`);
  const faults = [];
  if (tags.length % 2) faults.push('an odd number of tags (4.4)');
  const own = new Set();
  for (let k = 0; k + 1 < tags.length; k += 2) {
    if (tags[k] >= keys.length || tags[k + 1] >= values.length) faults.push('a tag out of range (4.4)');
    if (own.has(tags[k])) faults.push('a key twice in a feature (4.4)');
    own.add(tags[k]);
    used.keys.add(tags[k]);
    used.values.add(tags[k + 1]);
  }
  const parts = partsOf(kind, geometry);
  const within = (t) => -BUFFER <= t && t <= EXTENT + BUFFER;
  if (!parts.flat(2).every(within)) faults.push('a position beyond the buffer');
  if (kind === 3) faults.push(...polygonFaults(parts));
  return { id, kind, parts, faults };
}

function layerOf(bytes) {
  const layer = { name: undefined, version: undefined, extent: EXTENT, keys: [], values: [], features: [], faults: [] };
  const raw = [];
  for (const [number, , value] of fields(bytes)) {
    if (number === 1) layer.name = utf8.decode(value);
    else if (number === 2) raw.push(value);
    else if (number === 3) layer.keys.push(utf8.decode(value));
    else if (number === 4) layer.values.push(valueOf(value));
    else if (number === 5) layer.extent = Number(value);
    else if (number === 15) layer.version = Number(value);
    else layer.faults.push(`field ${number} in a layer`);
  }
  const fault = (is, what) => is && layer.faults.push(what);
  fault(!layer.name, 'a layer without a name (4.1)');
  fault(layer.version !== 2, `version ${layer.version} (4.1)`);
  fault(layer.extent !== EXTENT, `extent ${layer.extent}`);
  fault(raw.length === 0, 'a layer without features (4.1)');
  fault(new Set(layer.keys).size < layer.keys.length, 'a key twice (4.1)');
  fault(new Set(layer.values).size < layer.values.length, 'a value twice (4.1)');
  const used = { keys: new Set(), values: new Set() };
  for (const one of raw) {
    try {
      const feature = featureFaults(one, layer.keys, layer.values, used);
      layer.features.push(feature);
      layer.faults.push(...feature.faults.map((what) => `${what}; feature ${feature.id}`));
    } catch (error) {
      layer.faults.push(error.message);
    }
  }
  fault(used.keys.size < layer.keys.length, 'a key that no feature uses');
  fault(used.values.size < layer.values.length, 'a value that no feature uses');
  const ids = layer.features.map((f) => f.id).filter((id) => id !== undefined);
  fault(new Set(ids).size < ids.length, 'an id twice in a layer (4.2)');
  return layer;
}

/** A tile's layers, and everything in it that breaks the specification. */
export function read(tile) {
  const layers = [];
  const faults = [];
  for (const [number, type, value] of fields(tile)) {
    if (number !== 3 || type !== 2) faults.push(`field ${number} in a tile`);
    else layers.push(layerOf(value));
  }
  const names = layers.map((layer) => layer.name);
  if (new Set(names).size < names.length) faults.push('a layer name twice (4.1)');
  return { layers, faults: faults.concat(layers.flatMap((layer) => layer.faults.map((what) => `${layer.name}: ${what}`))) };
}
