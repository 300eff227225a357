import type { Feature } from '../api/shapes';
import { labelPoint } from '../map/labels';

/** All positions of a GeoJSON geometry, depth first. */
function* positions(coordinates: unknown): Generator<[number, number]> {
  if (!Array.isArray(coordinates)) return;
  const [lon, lat] = coordinates as unknown[];
  if (typeof lon === 'number' && typeof lat === 'number') yield [lon, lat];
  else for (const part of coordinates) yield* positions(part);
}

/** The box round a geometry: [west, south, east, north]; null when it has no positions. */
export function boxOf(geometry: NonNullable<Feature['geometry']>): [number, number, number, number] | null {
  let [w, s, e, n] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [lon, lat] of positions(geometry.coordinates)) {
    w = Math.min(w, lon);
    s = Math.min(s, lat);
    e = Math.max(e, lon);
    n = Math.max(n, lat);
  }
  return w <= e && s <= n ? [w, s, e, n] : null;
}

/** Whether such features cross many grids: they have no place of their own but where the reader clicks them. */
export const isWide = (kind: string): boolean => ['bus_line', 'road', 'cluster'].includes(kind);

/** A place to stand for a geometry: a point itself, a point inside an area's largest part, else the middle of its box. */
export function centreOf(geometry: NonNullable<Feature['geometry']>): { lon: number; lat: number } | null {
  const [lon, lat] = labelPoint(geometry) ?? [];
  if (lon !== undefined && lat !== undefined) return { lon, lat };
  const box = boxOf(geometry);
  return box ? { lon: (box[0] + box[2]) / 2, lat: (box[1] + box[3]) / 2 } : null;
}
