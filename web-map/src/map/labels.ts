/**
 * Names of townships and villages, one point each. Taken from the summaries, township by township as they come into
 * view: a label placed from a tile's clipped polygon would be repeated in every tile.
 */
import type { Feature, Point } from 'geojson';
import { api } from '../api/client';
import type { Region } from '../api/shapes';

type Box = [number, number, number, number];

const meets = (a: Box, b: Box) => a[0] <= b[2] && a[2] >= b[0] && a[1] <= b[3] && a[3] >= b[1];

export class RegionLabels {
  private readonly points = new Map<string, Feature<Point>>();
  private readonly asked = new Set<string>();
  private townships: Region[] = [];

  constructor(private readonly show: (points: Feature<Point>[]) => void) {}

  async start(): Promise<void> {
    const { children } = await api.summary();
    this.townships = children.map((child) => child.region);
    this.add(this.townships, 'township');
  }

  /** Asks for the villages of the townships in view that have not been asked for. */
  async inView(view: Box): Promise<void> {
    const wanted = this.townships.filter((t) => t.bbox && meets(t.bbox, view) && !this.asked.has(t.id));
    await Promise.all(
      wanted.map(async (township) => {
        this.asked.add(township.id);
        try {
          const { children } = await api.summary(township.id);
          this.add(children.map((child) => child.region), 'village');
        } catch {
          this.asked.delete(township.id); // tried again when it comes into view again
        }
      }),
    );
  }

  private add(regions: Region[], level: string): void {
    for (const { id, name, bbox } of regions) {
      if (!bbox) continue;
      const [w, s, e, n] = bbox;
      this.points.set(id, {
        type: 'Feature', properties: { name, level }, geometry: { type: 'Point', coordinates: [(w + e) / 2, (s + n) / 2] },
      });
    }
    this.show([...this.points.values()]);
  }
}
