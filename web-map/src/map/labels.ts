/**
 * Names of townships and villages, one point each. Asked for as the townships come into view: a label placed from a
 * tile's clipped polygon would be repeated in every tile.
 */
import type { Feature, Geometry, Point, Position } from 'geojson';
import { api } from '../api/client';
import type { Region } from '../api/shapes';

type Box = [number, number, number, number];

/** A region and the point its name stands at. */
interface Named {
  id: string;
  name: string;
  parent: string | null;
  label: Position | null;
}

/** So many townships have no more villages than the server gives in one answer. */
const MOST_AT_ONCE = 12;

const meets = (a: Box, b: Box) => a[0] <= b[2] && a[2] >= b[0] && a[1] <= b[3] && a[3] >= b[1];

export class RegionLabels {
  private readonly points = new Map<string, Feature<Point>>();
  private readonly asked = new Set<string>();
  private townships: Region[] = [];

  constructor(private readonly show: (points: Feature<Point>[]) => void) {}

  async start(): Promise<void> {
    const { children } = await api.summary();
    this.townships = children.map((child) => child.region);
    this.add(this.townships.map((township) => ({ ...township, parent: null })), 'township');
  }

  /** Asks for the villages of the townships in view, for many at once: names may not hold up tiles. */
  async inView(view: Box): Promise<void> {
    const wanted = this.townships.filter((t) => t.bbox && meets(t.bbox, view) && !this.asked.has(t.id)).slice(0, MOST_AT_ONCE);
    if (wanted.length === 0) return;
    for (const { id } of wanted) this.asked.add(id);
    try {
      const { features } = await api.regionsUnder(wanted.map(({ id }) => id));
      const villages = features.map(({ id, properties, geometry }) => ({
        id: id ?? '', name: String(properties['name'] ?? ''), parent: String(properties['parent_id'] ?? ''), label: geometry && labelPoint(geometry),
      }));
      this.add(villages, 'village');
    } catch {
      for (const { id } of wanted) this.asked.delete(id); // tried again when they come into view again
      return;
    }
    await this.inView(view);
  }

  private add(regions: readonly Named[], level: string): void {
    for (const { id, name, parent, label } of regions) {
      if (label) this.points.set(id, { type: 'Feature', properties: { id, name, level, parent }, geometry: { type: 'Point', coordinates: label } });
    }
    this.show([...this.points.values()]);
  }
}

/** A point for the name of an area: inside the largest of its parts. */
export function labelPoint(geometry: Geometry): Position | null {
  const parts = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.type === 'MultiPolygon' ? geometry.coordinates : [];
  const largest = parts.reduce<Position[][] | null>((best, part) => (best && size(best[0] ?? []) >= size(part[0] ?? []) ? best : part), null);
  return largest && inside(largest);
}

/** The pieces of one area in the tiles that are loaded. */
interface Piece {
  id: string;
  name: string;
  geometry: Geometry;
}

/** Twice the area of a ring, in square degrees: good enough to tell the larger of two pieces. */
export function size(ring: readonly Position[]): number {
  let sum = 0;
  for (let i = 0; i + 1 < ring.length; i += 1) {
    const [x1 = 0, y1 = 0] = ring[i] ?? [];
    const [x2 = 0, y2 = 0] = ring[i + 1] ?? [];
    sum += x1 * y2 - x2 * y1;
  }
  return Math.abs(sum);
}

/** A point inside a polygon: the middle of the widest stretch at half its height. */
export function inside(rings: readonly Position[][]): Position | null {
  const ys = (rings[0] ?? []).map((p) => p[1] ?? 0);
  if (ys.length < 4) return null;
  const y = (Math.min(...ys) + Math.max(...ys)) / 2 + 1e-9;
  const crossings: number[] = [];
  for (const ring of rings) {
    for (let i = 0; i + 1 < ring.length; i += 1) {
      const [x1 = 0, y1 = 0] = ring[i] ?? [];
      const [x2 = 0, y2 = 0] = ring[i + 1] ?? [];
      if (y1 > y !== y2 > y) crossings.push(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1));
    }
  }
  crossings.sort((a, b) => a - b);
  let best: [number, number] | null = null;
  for (let i = 0; i + 1 < crossings.length; i += 2) {
    const [from = 0, to = 0] = [crossings[i], crossings[i + 1]];
    if (!best || to - from > best[1] - best[0]) best = [from, to];
  }
  return best && [(best[0] + best[1]) / 2, y];
}

/** One label an area, in its largest piece, however many tiles it is cut into. */
export function areaLabels(pieces: Iterable<Piece>, level: string): Feature<Point>[] {
  const largest = new Map<string, { name: string; rings: Position[][]; size: number }>();
  for (const { id, name, geometry } of pieces) {
    const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.type === 'MultiPolygon' ? geometry.coordinates : [];
    for (const rings of polygons) {
      const area = size(rings[0] ?? []);
      if (name !== '' && area > (largest.get(id)?.size ?? 0)) largest.set(id, { name, rings, size: area });
    }
  }
  return [...largest.values()].flatMap(({ name, rings }) => {
    const at = inside(rings);
    return at ? [{ type: 'Feature' as const, properties: { name, level }, geometry: { type: 'Point' as const, coordinates: at } }] : [];
  });
}
