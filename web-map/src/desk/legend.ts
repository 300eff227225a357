/** What stands for what on the map, layer by layer, for the layers that draw more than one thing. */
import type { Toggle, ToggleKey } from '../map/toggles';
import { STATES } from '../api/shapes';
import type { Key } from '../i18n';
import { DELIBERATION, INCIDENT_ICONS, VENUE_ICONS, type IconNode } from '../ui/icons';

export interface Sign {
  name: Key;
  symbol: Toggle['symbol'] | 'ring';
  token: string;
  icon?: IconNode;
}

const sign = (name: Key, symbol: Sign['symbol'], token: string): Sign => ({ name, symbol, token });

export const LEGEND: Partial<Record<ToggleKey, readonly Sign[]>> = {
  incident: [
    ...STATES.filter((state) => state !== 'closed' && state !== 'cancelled').map((state): Sign => {
      const [icon, token] = INCIDENT_ICONS[state];
      return { name: `state.${state}`, symbol: 'icon', token, icon };
    }),
    sign('state.overdue', 'ring', 'alarm'),
  ],
  grid: [sign('gridkind.general', 'line', 'map-grid'), sign('gridkind.dedicated', 'line', 'map-dedicated')],
  region: [sign('bounds.county', 'line', 'map-county'), sign('bounds.township', 'dash', 'map-township'), sign('bounds.village', 'line', 'map-village')],
  venue: Object.entries(VENUE_ICONS).map(([kind, icon]): Sign => ({
    name: `venue.${kind}` as Key, symbol: 'badge', token: DELIBERATION.includes(kind) ? 'map-venue' : 'map-venue-service', icon,
  })),
  road: [
    sign('bounds.road.top', 'line', 'map-road-casing-major'), sign('roadclass.secondary', 'line', 'map-road-major'),
    sign('bounds.road.minor', 'line', 'map-road-casing'), sign('roadclass.path', 'dash', 'map-path'),
  ],
  land: [
    sign('land.forest', 'fill', 'map-forest'), sign('land.bamboo', 'fill', 'map-bamboo'), sign('land.orchard', 'fill', 'map-orchard'), sign('land.terrace', 'fill', 'map-terrace'),
    sign('land.farmland', 'fill', 'map-farmland'), sign('land.grass', 'fill', 'map-grass'), sign('land.built', 'fill', 'map-built'),
  ],
};
