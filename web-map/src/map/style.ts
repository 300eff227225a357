/** The whole style: sources and layers in their one order. It names no host and no font server. */
import type { StyleSpecification } from 'maplibre-gl';
import type { County } from '../api/shapes';
import { boundaryLayers, groundLayers, roadLayers } from './base';
import { inOrder } from './order';
import { areaLayers, incidentLayers, labelLayers, peopleLayers } from './points';
import { buildSources } from './sources';
import type { Theme } from './theme';

export function buildStyle(theme: Theme, county: County, origin: string): StyleSpecification {
  return {
    version: 8,
    sources: buildSources(county, origin),
    layers: inOrder([
      ...groundLayers(theme), ...roadLayers(theme), ...boundaryLayers(theme), ...areaLayers(theme),
      ...peopleLayers(theme), ...incidentLayers(theme), ...labelLayers(theme),
    ]),
  };
}
