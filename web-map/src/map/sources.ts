/** Where the map's data come from: one vector source a server layer, so that a change reloads nothing else. */
import type { GeoJSONSourceSpecification, RasterDEMSourceSpecification, SourceSpecification, VectorSourceSpecification } from 'maplibre-gl';
import type { County } from '../api/shapes';

/** Server layers drawn as tiles, with the zooms assumed when the server does not list them. */
export const TILE_LAYERS = {
  land_use: [7, 14], water: [7, 15], road: [7, 15], building: [13, 16], settlement: [10, 15], region: [6, 14],
  grid: [9, 16], cluster: [7, 14], household: [9, 16], villager_group: [11, 16], social_org: [10, 16], venue: [8, 16],
  bus_line: [9, 15], incident: [6, 16],
} as const satisfies Record<string, readonly [number, number]>;

export type TileLayer = keyof typeof TILE_LAYERS;

export const isTileLayer = (name: string): name is TileLayer => name in TILE_LAYERS;

const EMPTY: GeoJSONSourceSpecification = { type: 'geojson', data: { type: 'FeatureCollection', features: [] } };
/** A county cut out of the world: where simplifying makes its coast cross itself, the cut would be filled again. */
const CUT_OUT: GeoJSONSourceSpecification = { ...EMPTY, tolerance: 0.1 };

export function buildSources(county: County, origin: string): Record<string, SourceSpecification> {
  const bounds = padded(county.bbox);
  const zooms = new Map(county.layers.map((layer) => [layer.id, [layer.minzoom, layer.maxzoom] as const]));
  const sources: Record<string, SourceSpecification> = {
    dem: dem(zooms.get('dem') ?? [6, 12], bounds, origin),
    mask: CUT_OUT, spotlight: CUT_OUT, county: EMPTY, labels: EMPTY, 'area-labels': EMPTY, selection: EMPTY,
  };
  for (const [name, assumed] of Object.entries(TILE_LAYERS)) {
    const [minzoom, maxzoom] = zooms.get(name) ?? assumed;
    sources[name] = {
      type: 'vector', tiles: [`${origin}/tiles/${name}/{z}/{x}/{y}`], minzoom, maxzoom, bounds,
    } satisfies VectorSourceSpecification;
  }
  return sources;
}

function dem(zooms: readonly [number, number], bounds: [number, number, number, number], origin: string): RasterDEMSourceSpecification {
  return {
    type: 'raster-dem', tiles: [`${origin}/tiles/dem/{z}/{x}/{y}`], encoding: 'terrarium', tileSize: 256,
    minzoom: zooms[0], maxzoom: zooms[1], bounds,
  };
}

/** A little more than the county, so that no tile at its edge is missed by rounding. */
function padded([w, s, e, n]: County['bbox']): [number, number, number, number] {
  return [w - 0.01, s - 0.01, e + 0.01, n + 0.01];
}

/** Adds `min_seq` to tiles of a layer we have just written, until the server has told that it is on the map. */
export class ReadOwnWrites {
  private readonly wanted = new Map<string, string>();

  wrote(layer: string, seq: string): void {
    this.wanted.set(layer, seq);
  }

  arrived(layer: string): void {
    this.wanted.delete(layer);
  }

  apply(url: string): string {
    if (this.wanted.size === 0) return url;
    const layer = /\/tiles\/([^/]+)\/\d+\/\d+\/\d+$/.exec(url)?.[1];
    const seq = layer ? this.wanted.get(layer) : undefined;
    return seq ? `${url}?min_seq=${encodeURIComponent(seq)}` : url;
  }
}
