/** Tiles that changed, gathered by layer until those the map holds are asked for anew together. */
import type { Map as LibreMap } from 'maplibre-gl';

/** Columns and rows at one zoom, both ends included. */
export type TileRange = readonly [z: number, xMin: number, yMin: number, xMax: number, yMax: number];

interface TileId {
  z: number;
  x: number;
  y: number;
}

export class StaleTiles {
  private readonly layers = new Map<string, TileRange[] | 'all'>();

  get empty(): boolean {
    return this.layers.size === 0;
  }

  add(layer: string, tiles: readonly TileRange[] | 'all'): void {
    const known = this.layers.get(layer);
    if (known === 'all' || (tiles !== 'all' && tiles.length === 0)) return;
    this.layers.set(layer, tiles === 'all' ? tiles : [...(known ?? []), ...tiles]);
  }

  /** Hands out what was gathered. */
  take(): [layer: string, tiles: readonly TileRange[] | 'all'][] {
    const taken = [...this.layers];
    this.layers.clear();
    return taken;
  }
}

export function covers(tiles: readonly TileRange[] | 'all', { z, x, y }: TileId): boolean {
  return tiles === 'all' || tiles.some(([zoom, xMin, yMin, xMax, yMax]) => z === zoom && xMin <= x && x <= xMax && yMin <= y && y <= yMax);
}

/** A tile is on its way, for the first time or anew. */
const UNDER_WAY = new Set(['loading', 'reloading', 'expired']);

/**
 * Asks anew for the stale tiles that the map holds of a source; shown ones stay until the new ones are there. Those out
 * of view are dropped, so that they are asked for when they come into view. Answers the ones that are under way: what
 * arrives may be of before the change, and a second request could overtake the first, so they wait for the next turn.
 */
export function renew(map: Pick<LibreMap, 'style' | 'refreshTiles'>, source: string, tiles: readonly TileRange[] | 'all'): TileRange[] {
  const manager = map.style.tileManagers[source];
  if (!manager) return [];
  manager._outOfViewCache.filter(({ tileID }) => !covers(tiles, tileID.canonical));
  const touched = manager.getIds().flatMap((id) => manager.getTileByID(id) ?? []).filter(({ tileID }) => covers(tiles, tileID.canonical));
  const waiting = touched.filter(({ state }) => UNDER_WAY.has(state));
  const resting = touched.filter((tile) => !waiting.includes(tile));
  if (resting.length > 0) map.refreshTiles(source, resting.map(({ tileID }) => tileID.canonical));
  return waiting.map(({ tileID: { canonical: { z, x, y } } }) => [z, x, y, x, y]);
}
