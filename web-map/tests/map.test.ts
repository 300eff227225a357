import { describe, expect, it, vi } from 'vitest';
import { county, type County } from '../src/api/shapes';
import { areaLabels, inside, labelPoint } from '../src/map/labels';
import { outside } from '../src/map/mask';
import { inOrder, LAYER_ORDER } from '../src/map/order';
import { buildSources, ReadOwnWrites, TILE_LAYERS } from '../src/map/sources';
import { covers, renew, StaleTiles } from '../src/map/stale';
import { buildStyle } from '../src/map/style';
import type { Theme } from '../src/map/theme';
import { DEFAULT_ON, TOGGLES } from '../src/map/toggles';
import { placeId, placeOf, readView, writeView, type View } from '../src/map/url';

const QINGHE: County = county({ id: 1, name: '青禾县', bbox: [118, 25, 118.6, 25.5], center: [118.3, 25.2], layers: [{ id: 'grid', minzoom: 8, maxzoom: 15 }] }, '');
const PLAIN: Theme = { dark: false, colour: () => 'rgb(1, 2, 3)' };

describe('layer order', () => {
  it('sorts by the one order', () => {
    expect(inOrder([{ id: 'incident' }, { id: 'background' }, { id: 'county' }]).map((l) => l.id)).toEqual(['background', 'county', 'incident']);
  });
  it('refuses a stranger and a second of the same', () => {
    expect(() => inOrder([{ id: 'advert' }])).toThrow(/advert/);
    expect(() => inOrder([{ id: 'grid' }, { id: 'grid' }])).toThrow(/twice/);
  });
  it('has a place for every layer of the style, and the style draws every place', () => {
    const { layers } = buildStyle(PLAIN, QINGHE, 'http://here');
    expect(layers.map((l) => l.id)).toEqual([...LAYER_ORDER]);
  });
  it('keeps the agreed sequence of the base map', () => {
    const rank = (id: string) => (LAYER_ORDER as readonly string[]).indexOf(id);
    const agreed = ['background', 'water', 'road', 'building', 'mask', 'grid', 'village', 'township', 'county', 'choropleth', 'household', 'incident', 'township-label'];
    expect([...agreed].sort((a, b) => rank(a) - rank(b))).toEqual(agreed);
  });
});

describe('sources', () => {
  it('asks nobody but the server itself, and takes its zooms', () => {
    const sources = buildSources(QINGHE, 'http://here');
    const urls = Object.values(sources).flatMap((s) => ('tiles' in s ? (s.tiles ?? []) : []));
    expect(urls).toHaveLength(Object.keys(TILE_LAYERS).length + 1);
    expect(urls.every((url) => url.startsWith('http://here/tiles/'))).toBe(true);
    expect(sources['grid']).toMatchObject({ minzoom: 8, maxzoom: 15 });
  });
  it('simplifies what is cut out of the world so little that a coast does not cross itself', () => {
    const sources = buildSources(QINGHE, 'http://here');
    for (const name of ['mask', 'spotlight']) expect(sources[name]).toMatchObject({ tolerance: 0.1 });
  });
  it('waits for our own write until the stream has told of it', () => {
    const writes = new ReadOwnWrites();
    const url = 'http://here/tiles/incident/12/3/4';
    expect(writes.apply(url)).toBe(url);
    writes.wrote('incident', '7-99');
    expect(writes.apply(url)).toBe(`${url}?min_seq=7-99`);
    expect(writes.apply('http://here/tiles/grid/12/3/4')).not.toContain('min_seq');
    writes.arrived('incident');
    expect(writes.apply(url)).toBe(url);
  });
});

describe('toggles', () => {
  it('name each layer at most once', () => {
    const all = TOGGLES.flatMap((toggle) => toggle.layers);
    expect(new Set(all).size).toBe(all.length);
  });
});

describe('mask', () => {
  it('cuts every part of the county out of the world', () => {
    const square = (x: number) => [[[x, 0], [x + 1, 0], [x + 1, 1], [x, 0]]];
    const { geometry } = outside({ type: 'MultiPolygon', coordinates: [square(0), square(5)] });
    expect(geometry.coordinates).toHaveLength(3);
    expect(geometry.coordinates[0]).toContainEqual([-180, -85]);
  });
});

describe('the view in the address', () => {
  it('comes back as it went', () => {
    const view: View = {
      camera: { zoom: 13.25, lat: 25.12345, lon: 118.54321 }, layers: ['names', 'grid', 'household'].filter(() => true) as View['layers'],
      selection: { kind: 'incident', id: '2b1c9a52-7a52-4c0e-8a1a-3e6c1f6b0a11' }, tab: 'incidents', region: '42',
    };
    const back = readView(writeView(view));
    expect({ ...back, layers: [...back.layers].sort() }).toEqual({ ...view, layers: [...view.layers].sort() });
  });
  it('carries a bare place', () => {
    const selection = { kind: 'point', id: placeId(117.2, -25.61234) };
    expect(readView(writeView({ ...readView(''), selection })).selection).toEqual(selection);
    expect(placeOf(selection)).toEqual({ lon: 117.2, lat: -25.61234 });
    expect(placeOf({ kind: 'point', id: 'x' })).toBeNull();
    expect(placeOf({ kind: 'grid', id: '12' })).toBeNull();
  });
  it('says nothing of what is as usual', () => {
    expect(writeView({ camera: null, layers: [...DEFAULT_ON], selection: null, tab: null, region: null })).toBe('');
    expect(readView('').layers).toEqual(DEFAULT_ON);
  });
  it('can switch everything off', () => {
    expect(readView(writeView({ camera: null, layers: [], selection: null, tab: null, region: null })).layers).toEqual([]);
  });
  it.each(['#map=a/b/c', '#map=1/2', '#map=99/0/0', '#map=9/91/0', '#map=9/0/Infinity', '#sel=<x>:1', '#sel=grid:', '#tab=../x', '#layers=nonsense&region=%3Cb%3E'])(
    'leaves out what makes no sense: %s',
    (hash) => {
      const view = readView(hash);
      expect([view.camera, view.selection, view.tab, view.region]).toEqual([null, null, null, null]);
    },
  );
});

describe('area labels', () => {
  const square = (x: number, y: number, a: number) => [[[x, y], [x + a, y], [x + a, y + a], [x, y + a], [x, y]]];
  it('stand once an area, in its largest piece', () => {
    const pieces = [
      { id: '1', name: '一网格', geometry: { type: 'Polygon' as const, coordinates: square(0, 0, 1) } },
      { id: '1', name: '一网格', geometry: { type: 'MultiPolygon' as const, coordinates: [square(1, 0, 3), square(9, 9, 0.5)] } },
      { id: '2', name: '二网格', geometry: { type: 'Polygon' as const, coordinates: square(5, 5, 2) } },
    ];
    const labels = areaLabels(pieces, 'grid');
    expect(labels.map((l) => [l.properties?.['name'], l.geometry.coordinates.map((c) => Math.round(c * 100) / 100)])).toEqual([['一网格', [2.5, 1.5]], ['二网格', [6, 6]]]);
  });
  it('lie inside a bent area, where the middle of its box does not', () => {
    const u = [[[0, 0], [10, 0], [10, 10], [9, 10], [9, 1], [1, 1], [1, 10], [0, 10], [0, 0]]];
    const [x = 0] = inside(u) ?? [];
    expect(x < 1 || x > 9).toBe(true);
  });
});

describe('a region\'s name', () => {
  it('stands in its largest part, and nowhere without one', () => {
    const square = (x: number, a: number) => [[[x, 0], [x + a, 0], [x + a, a], [x, a], [x, 0]]];
    const [x = 0, y = 0] = labelPoint({ type: 'MultiPolygon', coordinates: [square(0, 1), square(5, 2)] }) ?? [];
    expect([x, Math.round(y)]).toEqual([6, 1]);
    expect(labelPoint({ type: 'Point', coordinates: [1, 2] })).toBeNull();
  });
});

describe('stale tiles', () => {
  it('are gathered by layer, and a whole layer swallows its ranges', () => {
    const stale = new StaleTiles();
    stale.add('grid', [[12, 1, 2, 1, 3]]);
    stale.add('grid', [[13, 2, 4, 3, 7]]);
    stale.add('venue', [[9, 0, 0, 0, 0]]);
    stale.add('venue', 'all');
    stale.add('venue', [[9, 0, 1, 0, 1]]);
    stale.add('road', []);
    expect(stale.take()).toEqual([['grid', [[12, 1, 2, 1, 3], [13, 2, 4, 3, 7]]], ['venue', 'all']]);
    expect(stale.empty).toBe(true);
  });
  it('include both ends of a range, at its zoom alone', () => {
    const within = (z: number, x: number, y: number) => covers([[12, 3, 5, 4, 7]], { z, x, y });
    expect([within(12, 3, 5), within(12, 4, 7), within(12, 2, 5), within(12, 5, 7), within(12, 3, 4), within(12, 3, 8), within(11, 3, 5)]).toEqual([true, true, false, false, false, false, false]);
    expect(covers('all', { z: 1, x: 0, y: 0 })).toBe(true);
  });

  /** A map that holds tiles of one source in view, others out of view. */
  const holding = (tiles: Record<string, string>, outOfView: string[]) => {
    const id = (key: string) => {
      const [z = 0, x = 0, y = 0] = key.split('/').map(Number);
      return { canonical: { z, x, y } };
    };
    let kept = outOfView;
    const refreshTiles = vi.fn();
    const manager = {
      getIds: () => Object.keys(tiles),
      getTileByID: (key: string) => ({ tileID: id(key), state: tiles[key] }),
      _outOfViewCache: { filter: (keep: (tile: object) => boolean) => void (kept = kept.filter((key) => keep({ tileID: id(key) }))) },
    };
    const map = { style: { tileManagers: { grid: manager } }, refreshTiles } as unknown as Parameters<typeof renew>[0];
    return { map, refreshTiles, kept: () => kept };
  };
  it('are asked for anew where the map shows them, and forgotten where it does not', () => {
    const { map, refreshTiles, kept } = holding({ '14/1/1': 'loaded', '14/2/1': 'loaded', '14/3/1': 'errored', '13/1/1': 'loaded' }, ['14/0/1', '14/9/1']);
    expect(renew(map, 'grid', [[14, 0, 0, 1, 9], [14, 3, 1, 3, 1]])).toEqual([]);
    expect(refreshTiles).toHaveBeenCalledExactlyOnceWith('grid', [{ z: 14, x: 1, y: 1 }, { z: 14, x: 3, y: 1 }]);
    expect(kept()).toEqual(['14/9/1']);
  });
  it('wait while they are under way, lest an older answer comes last', () => {
    const { map, refreshTiles } = holding({ '14/1/1': 'loading', '14/2/1': 'expired', '14/3/1': 'reloading', '14/4/1': 'loaded' }, []);
    expect(renew(map, 'grid', 'all')).toEqual([[14, 1, 1, 1, 1], [14, 2, 1, 2, 1], [14, 3, 1, 3, 1]]);
    expect(refreshTiles).toHaveBeenCalledExactlyOnceWith('grid', [{ z: 14, x: 4, y: 1 }]);
  });
  it('outside what the map holds ask for nothing', () => {
    const { map, refreshTiles } = holding({ '14/1/1': 'loaded' }, []);
    expect(renew(map, 'grid', [[14, 5, 5, 900, 900]])).toEqual([]);
    expect(renew(map, 'road', 'all')).toEqual([]);
    expect(refreshTiles).not.toHaveBeenCalled();
  });
});
