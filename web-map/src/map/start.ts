/** The map of every view: started once, then moved only through this handle. */
import {
  GeolocateControl, LngLatBounds, Map, Marker, NavigationControl, ScaleControl, setWorkerUrl, type ExpressionSpecification, type FilterSpecification,
  type GeoJSONSource, type MapGeoJSONFeature, type PointLike,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { Feature as GeoFeature, GeoJSON, Geometry } from 'geojson';
import { api } from '../api/client';
import type { County, LiveTiles } from '../api/shapes';
import { t } from '../i18n';
import type { Hit } from './hits';
import { addSymbols } from './icons';
import { areaLabels, RegionLabels } from './labels';
import { outside } from './mask';
import { isTileLayer, ReadOwnWrites, TILE_LAYERS } from './sources';
import { renew, StaleTiles } from './stale';
import { buildStyle } from './style';
import { readTheme } from './theme';
import { TOGGLES, type ToggleKey } from './toggles';
import type { Camera } from './url';

setWorkerUrl(workerUrl);

/** This browser cannot draw the map (no WebGL 2). */
export class NoMap extends Error {}

export interface StartOptions {
  camera?: Camera | null;
  layers: readonly ToggleKey[];
  interactive?: boolean;
  controls?: boolean;
  locate?: boolean;
  /** Numbers of incidents where single ones would crowd the map; not where colours tell them already. */
  counts?: boolean;
  /** Households stay off the map below this zoom, where their counts would hide everything else. */
  householdsFrom?: number;
  /** Device pixels to a pixel of the map, where the container itself is scaled. */
  pixelRatio?: number;
  padding?: number | { top: number; right: number; bottom: number; left: number };
}

/** What a click finds first: small things before the areas they lie in. */
const HIT_LAYERS = [
  'incident', 'incident-cluster', 'venue', 'venue-dot', 'household', 'venue-cluster', 'household-cluster', 'social-org', 'villager-group',
  'settlement-label', 'bus-line', 'road-major', 'road', 'cluster', 'dedicated-fill', 'grid-fill', 'region-hit',
] as const;

const LABELS_FROM_ZOOM = 10.4;
const VILLAGES_FROM = 11;
/** Areas that are named from their tiles: a label the map placed itself would stand in every tile anew. */
const AREA_LABELS = [
  { source: 'grid', layer: 'grid-label', from: 14 },
  { source: 'cluster', layer: 'cluster-label', from: 9 },
] as const;
/** Changes that come in a burst are drawn together. */
const GATHER_MS = 120;
const MOST_PULSES = 40;
/** Nearer to the map's edge than this, in pixels, is as good as out of sight. */
const EDGE = 40;
/** From here on each incident has a symbol of its own, which a pulse needs no core for. */
const SINGLE_FROM = 11;
/** How much is left to see of what lies outside the region in the spotlight. */
const ASIDE = 0.28;

export class YituMap {
  private readonly writes: ReadOwnWrites;
  private readonly labels: RegionLabels;
  private pinMarker: Marker | null = null;
  private meMarker: Marker | null = null;
  /** The outline and the names are there, or were refused. */
  private furnished = false;
  private readonly stale = new StaleTiles();
  private refreshing: ReturnType<typeof setTimeout> | undefined;
  private readonly pulses = new globalThis.Map<string, Marker>();

  private constructor(readonly map: Map, readonly county: County, writes: ReadOwnWrites) {
    this.writes = writes;
    this.labels = new RegionLabels((points) => this.data('labels', { type: 'FeatureCollection', features: points }));
  }

  /** Resolves once the style stands; throws NoMap where WebGL 2 is missing. */
  static async start(container: HTMLElement, county: County, options: StartOptions): Promise<YituMap> {
    if (!document.createElement('canvas').getContext('webgl2')) throw new NoMap();
    const writes = new ReadOwnWrites();
    const theme = readTheme();
    const { camera } = options;
    let map: Map;
    try {
      map = new Map({
        container,
        style: buildStyle(theme, county, location.origin),
        ...(camera
          ? { center: [camera.lon, camera.lat], zoom: camera.zoom }
          : { bounds: new LngLatBounds(county.bbox), fitBoundsOptions: { padding: options.padding ?? 40 } }),
        interactive: options.interactive ?? true,
        ...(options.pixelRatio === undefined ? {} : { pixelRatio: options.pixelRatio }),
        attributionControl: false,
        dragRotate: false,
        pitchWithRotate: false,
        touchPitch: false,
        fadeDuration: matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 200,
        maxZoom: 19,
        // Beyond a layer's last zoom its tiles are drawn larger: pieces cut from them would outlive a change.
        zoomLevelsToOverscale: 24,
        minZoom: 6,
        maxBounds: roomy(county.bbox),
        transformRequest: (url) => ({ url: writes.apply(url) }),
        locale: {
          'NavigationControl.ZoomIn': t('map.zoomIn'), 'NavigationControl.ZoomOut': t('map.zoomOut'),
          'GeolocateControl.FindMyLocation': t('map.findMe'), 'GeolocateControl.LocationNotAvailable': t('map.noLocation'),
          'Map.Title': t('map.title'),
        },
      });
    } catch {
      throw new NoMap();
    }
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    if (options.controls ?? true) {
      map.addControl(new NavigationControl({ showCompass: false }), 'bottom-right');
      if (options.locate) map.addControl(new GeolocateControl({ positionOptions: { enableHighAccuracy: true }, showAccuracyCircle: true }), 'bottom-right');
      map.addControl(new ScaleControl({ unit: 'metric', maxWidth: 110 }), 'bottom-left');
    }
    const handle = new YituMap(map, county, writes);
    addSymbols(map, theme);
    if (!map.isStyleLoaded()) await new Promise<void>((resolve) => void map.once('style.load', () => resolve()));
    handle.show(options.layers);
    if (options.counts === false) for (const layer of ['incident-cluster', 'incident-count'] as const) map.setLayoutProperty(layer, 'visibility', 'none');
    const near = () => container.classList.toggle('near', map.getZoom() >= SINGLE_FROM);
    map.on('zoom', near);
    near();
    if (options.householdsFrom !== undefined) {
      for (const layer of ['household-cluster', 'household', 'household-count'] as const) map.setLayerZoomRange(layer, options.householdsFrom, 24);
    }
    map.on('idle', () => {
      handle.nameAreas();
      if (handle.furnished) container.dataset['map'] = 'idle';
    });
    map.on('movestart', () => (container.dataset['map'] = 'moving'));
    map.on('dataloading', () => (container.dataset['map'] = 'loading'));
    void handle.furnish();
    return handle;
  }

  /** The county's own outline, the mask and the names: the map is usable before they are there. */
  private async furnish(): Promise<void> {
    const follow = () => {
      if (this.map.getZoom() < LABELS_FROM_ZOOM) return;
      const bounds = this.map.getBounds();
      void this.labels.inView([bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()]);
    };
    const outline = api.feature('region', this.county.id).then(({ geometry }) => {
      if (!geometry) return;
      this.data('county', geometry);
      this.data('mask', outside(geometry));
    });
    await Promise.allSettled([outline, this.labels.start()]);
    this.furnished = true;
    this.map.triggerRepaint(); // ends in a rest of its own, though nothing more should come
    this.map.on('moveend', follow);
    follow();
  }

  private namedAt = '';

  /** Names the grids and clusters in view once the map has come to rest. */
  private nameAreas(): void {
    const labels = AREA_LABELS.flatMap(({ source, layer, from }) => {
      if (this.map.getZoom() < from || this.map.getLayoutProperty(layer, 'visibility') === 'none') return [];
      const pieces = this.map.querySourceFeatures(source, { sourceLayer: source });
      return areaLabels(pieces.map(({ id, properties, geometry }) => ({ id: String(id), name: shortName(properties), geometry })), source);
    });
    const text = JSON.stringify(labels);
    if (text === this.namedAt) return; // drawing the labels ends in another rest
    this.namedAt = text;
    this.data('area-labels', { type: 'FeatureCollection', features: labels });
  }

  /** Dims everything outside a region; null lights the whole county. */
  spotlight(region: { id: string; geometry: Geometry } | null): void {
    this.data('spotlight', region ? outside(region.geometry) : { type: 'FeatureCollection', features: [] });
    const of = (test: ExpressionSpecification) => (region ? (['case', test, 1, ASIDE] as ExpressionSpecification) : 1);
    const named = of(['any', ['==', ['get', 'id'], region?.id ?? ''], ['==', ['get', 'parent'], region?.id ?? '']]);
    for (const layer of ['village-label', 'township-label'] as const) this.map.setPaintProperty(layer, 'text-opacity', named);
    const within = region && (region.geometry.type === 'Polygon' || region.geometry.type === 'MultiPolygon') ? of(['within', region.geometry]) : 1;
    this.map.setPaintProperty('incident', 'icon-opacity', within);
    this.map.setPaintProperty('grid-label', 'text-opacity', within);
    for (const property of ['circle-opacity', 'circle-stroke-opacity'] as const) this.map.setPaintProperty('incident-overdue', property, within);
  }

  private data(source: string, data: GeoJSON): void {
    void this.map.getSource<GeoJSONSource>(source)?.setData(data);
  }

  show(on: readonly ToggleKey[]): void {
    for (const { key, layers } of TOGGLES) {
      for (const layer of layers) this.map.setLayoutProperty(layer, 'visibility', on.includes(key) ? 'visible' : 'none');
    }
  }

  camera(): Camera {
    const { lng, lat } = this.map.getCenter();
    return { zoom: this.map.getZoom(), lat, lon: lng };
  }

  hit(point: { x: number; y: number }): Hit | null {
    const reach = 6;
    const box: [PointLike, PointLike] = [[point.x - reach, point.y - reach], [point.x + reach, point.y + reach]];
    const layers = HIT_LAYERS.filter((layer) => this.map.getLayoutProperty(layer, 'visibility') !== 'none');
    const found = this.map.queryRenderedFeatures(box, { layers: [...layers] });
    const exact = new Set(this.map.queryRenderedFeatures([point.x, point.y], { layers: [...layers] }).map((f) => `${f.layer.id}/${String(f.id)}`));
    // Far out a click means the township, nearer the village in it.
    const wanted = this.map.getZoom() < VILLAGES_FROM ? 'township' : 'village';
    const rank = (f: MapGeoJSONFeature) => HIT_LAYERS.indexOf(f.layer.id as (typeof HIT_LAYERS)[number]) + (f.properties['level'] === wanted ? 0 : 0.5);
    const best = found
      .filter((f) => f.geometry.type !== 'Polygon' && f.geometry.type !== 'MultiPolygon' ? true : exact.has(`${f.layer.id}/${String(f.id)}`))
      .sort((a, b) => rank(a) - rank(b))[0];
    return best ? hitOf(best, this.map.unproject([point.x, point.y])) : null;
  }

  /** The region of a level at a point of the screen. */
  regionAt(point: { x: number; y: number }, level: string): { id: string; name: string } | null {
    const place = this.map.unproject([point.x, point.y]);
    const features = this.map.queryRenderedFeatures([point.x, point.y], { layers: ['choropleth'] });
    const found = features.find((f) => f.properties['level'] === level) ?? features[0];
    return found?.id === undefined || !place ? null : { id: String(found.id), name: String(found.properties['name'] ?? '') };
  }

  /** Asks for the cursor at most once a frame, and not while the map is on the move. */
  onHover(cursor: (point: { x: number; y: number }) => string): void {
    let asked = 0;
    this.map.on('mousemove', ({ point }) => {
      if (asked !== 0 || this.map.isMoving()) return;
      asked = requestAnimationFrame(() => {
        asked = 0;
        this.map.getCanvas().style.cursor = cursor(point);
      });
    });
  }

  fly(lon: number, lat: number, zoom = 15): void {
    this.map.flyTo({ center: [lon, lat], zoom: Math.max(this.map.getZoom(), zoom), duration: 900 });
  }

  /** Takes up the container's new size, its middle having moved by so many pixels; `seen` is kept in sight. */
  fitRoom(moved: number, seen: { lon: number; lat: number } | null): void {
    this.map.resize();
    if (this.map.isMoving()) return; // on its way to somewhere else
    this.map.panBy([moved, 0], { duration: 0 });
    if (!seen) return;
    const { x } = this.map.project([seen.lon, seen.lat]);
    const width = this.map.getContainer().clientWidth;
    if (x < EDGE || x > width - EDGE) this.map.easeTo({ center: [seen.lon, seen.lat], duration: 300 });
  }

  /** Turns the map to a view it has shown before. */
  turn({ lon, lat, zoom }: Camera): void {
    this.map.easeTo({ center: [lon, lat], zoom, duration: 300 });
  }

  fit(box: [number, number, number, number], padding: StartOptions['padding'] = 60, maxZoom = 16): void {
    this.map.fitBounds(new LngLatBounds(box), { padding, duration: 900, maxZoom });
  }

  select(geometry: Geometry | null): void {
    this.data('selection', geometry ? { type: 'Feature', properties: {}, geometry } : { type: 'FeatureCollection', features: [] });
  }

  /** Colours regions by class (index into the sequential tokens) and outlines one of them. */
  choropleth(classes: ReadonlyMap<string, number>, outlined: string | null): void {
    const theme = readTheme();
    const ids = [...classes.keys()].map(Number);
    const filter = ['in', ['id'], ['literal', ids]] as FilterSpecification;
    this.map.setFilter('choropleth', ids.length > 0 ? filter : ['==', ['id'], -1]);
    this.map.setFilter('choropleth-line', ['==', ['id'], outlined === null ? -1 : Number(outlined)]);
    if (ids.length === 0) return;
    const pairs = [...classes].flatMap(([id, index]) => [Number(id), theme.colour(`seq-${Math.min(6, index + 1)}`)]);
    this.map.setPaintProperty('choropleth', 'fill-color', ['match', ['id'], ...pairs, theme.colour('seq-1')] as never);
  }

  /** A pin the reader can drag; null takes it away. */
  pin(place: { lon: number; lat: number } | null, moved?: (lon: number, lat: number) => void): void {
    if (!place) {
      this.pinMarker?.remove();
      this.pinMarker = null;
      return;
    }
    if (!this.pinMarker) {
      this.pinMarker = new Marker({ element: pinElement(), anchor: 'bottom', draggable: true }).setLngLat([place.lon, place.lat]).addTo(this.map);
      if (moved) {
        const marker = this.pinMarker;
        marker.on('dragend', () => moved(marker.getLngLat().lng, marker.getLngLat().lat));
      }
    } else this.pinMarker.setLngLat([place.lon, place.lat]);
  }

  /** Where the reader stands; null when it is not known. */
  me(place: { lon: number; lat: number } | null): void {
    this.meMarker?.remove();
    this.meMarker = null;
    if (!place) return;
    const element = document.createElement('div');
    element.className = 'map-me';
    this.meMarker = new Marker({ element }).setLngLat([place.lon, place.lat]).addTo(this.map);
  }

  /** Three pulses at a place; `lasting` ones go on until `calm(id)`. */
  pulse(id: string, lon: number, lat: number, lasting = false): void {
    this.calm(id);
    const element = document.createElement('div');
    element.className = lasting ? 'map-pulse lasting' : 'map-pulse';
    element.dataset['incident'] = id;
    const marker = new Marker({ element }).setLngLat([lon, lat]).addTo(this.map);
    this.pulses.set(id, marker);
    const [oldest] = this.pulses.keys();
    if (this.pulses.size > MOST_PULSES && oldest !== undefined) this.calm(oldest);
    if (!lasting) setTimeout(() => this.pulses.get(id) === marker && this.calm(id), 3_600);
  }

  calm(id: string): void {
    this.pulses.get(id)?.remove();
    this.pulses.delete(id);
  }

  /** The ids of what pulses now. */
  pulsing(): string[] {
    return [...this.pulses.keys()];
  }

  /** We wrote to a layer: its tiles must show it, though the stream has not told of it yet. */
  wrote(layer: string, seq: string | null): void {
    if (seq === null || !isTileLayer(layer)) return;
    this.writes.wrote(layer, seq);
    this.map.refreshTiles(layer);
  }

  /** Reloads what a change touched; shown tiles stay until the new ones are there, so nothing flickers. */
  refresh({ layer, tiles }: Pick<LiveTiles, 'layer' | 'tiles'>): void {
    if (!isTileLayer(layer)) return;
    this.writes.arrived(layer);
    this.stale.add(layer, tiles);
    this.renewSoon();
  }

  private renewSoon(): void {
    if (this.stale.empty) return;
    this.refreshing ??= setTimeout(() => {
      this.refreshing = undefined;
      for (const [layer, tiles] of this.stale.take()) this.stale.add(layer, renew(this.map, layer, tiles));
      this.renewSoon();
    }, GATHER_MS);
  }

  /** After a gap in the stream, or a server that was away: whatever is shown is asked for anew. */
  refreshAll(): void {
    for (const layer of Object.keys(TILE_LAYERS)) this.refresh({ layer, tiles: 'all' });
  }

  destroy(): void {
    clearTimeout(this.refreshing);
    this.map.remove();
  }
}

function roomy([w, s, e, n]: County['bbox']): [number, number, number, number] {
  const x = (e - w) * 2;
  const y = (n - s) * 2;
  return [w - x, s - y, e + x, n + y];
}

/** A grid's name without its village's, which stands on the map beside it. */
function shortName({ name, village_name: village }: Record<string, unknown>): string {
  const whole = String(name ?? '');
  return typeof village === 'string' && whole.startsWith(village) && whole.length > village.length ? whole.slice(village.length) : whole;
}

function hitOf(feature: MapGeoJSONFeature, click: { lng: number; lat: number }): Hit {
  const geometry = feature.geometry as GeoFeature['geometry'];
  const at = geometry.type === 'Point' ? geometry.coordinates : [click.lng, click.lat];
  const { properties } = feature;
  const count = properties['count'];
  return {
    layer: feature.source, id: String(feature.id ?? ''), properties, lon: at[0] ?? click.lng, lat: at[1] ?? click.lat,
    count: typeof count === 'number' ? count : null,
  };
}

function pinElement(): HTMLElement {
  const element = document.createElement('div');
  element.className = 'map-pin';
  element.setAttribute('role', 'img');
  element.setAttribute('aria-label', t('map.pin'));
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 34 44');
  for (const [tag, attributes] of [
    ['path', { d: 'M17 43C11 33 3 26 3 16a14 14 0 0 1 28 0c0 10-8 17-14 27z', fill: 'currentColor' }],
    ['circle', { cx: '17', cy: '16', r: '5.5', class: 'dot' }],
  ] as const) {
    const shape = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
    svg.append(shape);
  }
  element.append(svg);
  return element;
}
