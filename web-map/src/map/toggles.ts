/** What the reader can switch on and off, and which layers of the map each switch moves. */
import type { LayerId } from './order';
import type { TileLayer } from './sources';

export interface Toggle {
  key: ToggleKey;
  group: 'base' | 'govern' | 'people' | 'service';
  layers: readonly LayerId[];
  /** How its legend symbol is drawn, and the token of its colour. */
  symbol: 'fill' | 'line' | 'dash' | 'dot' | 'icon' | 'badge' | 'text';
  token: string;
  /** The collection it shows; null where there is none to ask. */
  source: TileLayer | null;
  on: boolean;
}

export const TOGGLE_KEYS = [
  'shade', 'land', 'water', 'road', 'building', 'names', 'region', 'grid', 'incident', 'cluster', 'household', 'group',
  'org', 'venue', 'bus', 'settlement',
] as const;
export type ToggleKey = (typeof TOGGLE_KEYS)[number];

export const TOGGLES: readonly Toggle[] = [
  { key: 'incident', source: 'incident', group: 'govern', symbol: 'icon', token: 'state-accept', on: true, layers: ['incident-cluster', 'incident-overdue', 'incident-room', 'incident', 'incident-count'] },
  { key: 'grid', source: 'grid', group: 'govern', symbol: 'line', token: 'map-grid', on: true, layers: ['grid-fill', 'dedicated-fill', 'grid', 'dedicated', 'grid-label'] },
  { key: 'region', source: 'region', group: 'govern', symbol: 'dash', token: 'map-township', on: true, layers: ['village', 'township'] },
  { key: 'cluster', source: 'cluster', group: 'govern', symbol: 'fill', token: 'map-cluster', on: false, layers: ['cluster-fill', 'cluster', 'cluster-label'] },
  { key: 'household', source: 'household', group: 'people', symbol: 'dot', token: 'map-household', on: false, layers: ['household-cluster', 'household', 'household-count', 'household-label', 'household-room'] },
  { key: 'group', source: 'villager_group', group: 'people', symbol: 'dot', token: 'map-group', on: false, layers: ['villager-group', 'group-label'] },
  { key: 'org', source: 'social_org', group: 'people', symbol: 'dot', token: 'map-org', on: false, layers: ['social-org', 'social-label'] },
  { key: 'venue', source: 'venue', group: 'service', symbol: 'badge', token: 'map-venue-service', on: true, layers: ['venue-area', 'venue-cluster', 'venue-count', 'venue-dot', 'venue'] },
  { key: 'bus', source: 'bus_line', group: 'service', symbol: 'line', token: 'map-bus', on: false, layers: ['bus-line', 'bus-label'] },
  { key: 'names', source: 'region', group: 'base', symbol: 'text', token: 'map-text', on: true, layers: ['village-label', 'township-label'] },
  { key: 'settlement', source: 'settlement', group: 'base', symbol: 'text', token: 'map-text-soft', on: true, layers: ['settlement-label'] },
  { key: 'road', source: 'road', group: 'base', symbol: 'line', token: 'map-road-casing-major', on: true, layers: ['path', 'road-casing', 'road', 'road-major-casing', 'road-major', 'road-label'] },
  { key: 'water', source: 'water', group: 'base', symbol: 'fill', token: 'map-water', on: true, layers: ['water', 'water-line', 'water-label'] },
  { key: 'building', source: 'building', group: 'base', symbol: 'fill', token: 'map-building', on: true, layers: ['building'] },
  { key: 'land', source: 'land_use', group: 'base', symbol: 'fill', token: 'map-forest', on: true, layers: ['land-use'] },
  { key: 'shade', source: null, group: 'base', symbol: 'fill', token: 'map-shade-accent', on: true, layers: ['hillshade'] },
];

export const DEFAULT_ON: readonly ToggleKey[] = TOGGLES.filter((t) => t.on).map((t) => t.key);
