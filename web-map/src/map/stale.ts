/** Tiles that changed, gathered by layer until they are asked for anew together. */
type Tile = readonly [z: number, x: number, y: number];

export class StaleTiles {
  private readonly layers = new Map<string, Map<string, { z: number; x: number; y: number }> | 'all'>();

  add(layer: string, tiles: readonly Tile[] | 'all'): void {
    const known = this.layers.get(layer);
    if (known === 'all') return;
    if (tiles === 'all') {
      this.layers.set(layer, 'all');
      return;
    }
    const list = known ?? new Map<string, { z: number; x: number; y: number }>();
    for (const [z, x, y] of tiles) list.set(`${z}/${x}/${y}`, { z, x, y });
    this.layers.set(layer, list);
  }

  /** Hands out what was gathered, each tile once; null stands for the whole layer. */
  take(): [layer: string, tiles: { z: number; x: number; y: number }[] | null][] {
    const taken = [...this.layers].map(([layer, tiles]): [string, { z: number; x: number; y: number }[] | null] => [layer, tiles === 'all' ? null : [...tiles.values()]]);
    this.layers.clear();
    return taken;
  }
}
