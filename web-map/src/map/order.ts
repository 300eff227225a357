/**
 * The order of everything drawn on the map, bottom to top. A layer that is not listed here is refused, so that
 * no feature can slip a layer in somewhere and cover another.
 */
export const LAYER_ORDER = [
  'background',
  'land-use', 'hillshade',
  'water-line', 'water',
  'path', 'road-casing', 'road', 'road-major-casing', 'road-major', 'building',
  'mask',
  'county-glow', 'grid-fill', 'dedicated-fill', 'grid', 'dedicated', 'village', 'township', 'county',
  'region-hit', 'choropleth', 'spotlight', 'choropleth-line', 'cluster-fill', 'cluster',
  'select-fill', 'select-line',
  'bus-line', 'select-road', 'select-dot',
  'villager-group', 'social-org', 'household-cluster', 'household', 'venue-area', 'venue-cluster', 'venue-dot',
  'select-point',
  'water-label', 'road-label', 'bus-label', 'grid-label', 'group-label', 'settlement-label',
  'household-label', 'household-room', 'venue', 'social-label',
  // What is higher is placed first: names make way for what waits for an answer, all but a township's.
  'village-label', 'cluster-label', 'household-count', 'venue-count', 'incident-room',
  'incident-cluster', 'incident-overdue', 'incident', 'township-label', 'incident-count',
] as const;

export type LayerId = (typeof LAYER_ORDER)[number];

const RANK = new Map<string, number>(LAYER_ORDER.map((id, index) => [id, index]));

/** Sorts layers by the one order; throws on a stranger and on a layer given twice. */
export function inOrder<T extends { id: string }>(layers: readonly T[]): T[] {
  const seen = new Set<string>();
  for (const { id } of layers) {
    if (!RANK.has(id)) throw new Error(`map layer "${id}" has no place in LAYER_ORDER`);
    if (seen.has(id)) throw new Error(`map layer "${id}" is given twice`);
    seen.add(id);
  }
  return [...layers].sort((a, b) => (RANK.get(a.id) ?? 0) - (RANK.get(b.id) ?? 0));
}
