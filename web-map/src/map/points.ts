/** What lies on the base map: clusters of villages, people, venues, lines and incidents, and their names. */
import type { ExpressionSpecification, FilterSpecification, LayerSpecification, SymbolLayerSpecification } from 'maplibre-gl';
import type { Theme } from './theme';

/** Drawn from the fonts of the machine; the weight is read out of the name. */
const FONT = ['Noto Sans CJK SC', 'Source Han Sans SC', 'PingFang SC', 'Microsoft YaHei', 'sans-serif'];
const BOLD = ['Noto Sans CJK SC Bold', ...FONT.slice(1)];

/** Above this, venues would only crowd the county. */
const VENUES_FROM = 10.5;

const ONE: FilterSpecification = ['!', ['has', 'count']];
const MANY: FilterSpecification = ['has', 'count'];
/** A cluster of one needs no disc with a figure: it is drawn as what it is. */
const SINGLE: FilterSpecification = ['==', ['coalesce', ['get', 'count'], 1], 1];
const SEVERAL: FilterSpecification = ['>', ['coalesce', ['get', 'count'], 1], 1];

/** A name steps aside for what stands at its place rather than vanish. */
const DODGING = { 'text-variable-anchor': ['center', 'bottom', 'top', 'left', 'right'], 'text-radial-offset': 1 } as const satisfies SymbolLayerSpecification['layout'];

const ALL_ROUND = [...DODGING['text-variable-anchor'], 'top-left', 'top-right', 'bottom-left', 'bottom-right'] as const;

function label({ colour }: Theme, token = 'map-text'): NonNullable<SymbolLayerSpecification['paint']> {
  return { 'text-color': colour(token), 'text-halo-color': colour('map-halo'), 'text-halo-width': 1.5 };
}

/** 1 234 → 1234, 12 345 → 1.2万: a count that fits its disc. */
const SHORT_COUNT: ExpressionSpecification = [
  'case', ['>=', ['get', 'count'], 10000],
  ['concat', ['to-string', ['/', ['round', ['/', ['get', 'count'], 1000]], 10]], '万'],
  ['to-string', ['get', 'count']],
];

function discs(id: 'household-cluster', source: string, theme: Theme, token: string): LayerSpecification {
  return {
    id, type: 'circle', source, 'source-layer': source, filter: SEVERAL, layout: { 'circle-sort-key': ['get', 'count'] },
    paint: {
      'circle-color': theme.colour(token), 'circle-opacity': 0.82, 'circle-stroke-color': theme.colour('map-halo'),
      'circle-stroke-width': 1.5,
      'circle-radius': ['interpolate', ['linear'], ['log10', ['max', 1, ['get', 'count']]], 0, 8, 2, 13, 4, 22],
    },
  };
}

function counts(id: 'household-count' | 'venue-count' | 'incident-count', source: string, { colour }: Theme, token = 'map-badge'): SymbolLayerSpecification {
  return {
    id, type: 'symbol', source, 'source-layer': source, filter: MANY,
    // Names keep clear of the disc, which is a circle and takes no part in their placement.
    layout: { 'text-field': SHORT_COUNT, 'text-font': BOLD, 'text-size': 11, 'text-allow-overlap': true, 'text-padding': 7 },
    paint: { 'text-color': colour(token) },
  };
}

/** Of figures that would cover one another the greatest is shown. */
function apart(layer: SymbolLayerSpecification): SymbolLayerSpecification {
  return { ...layer, filter: SEVERAL, layout: { ...layer.layout, 'text-allow-overlap': false, 'text-padding': 2, 'symbol-sort-key': ['-', 0, ['get', 'count']] } };
}

export function areaLayers({ colour }: Theme): LayerSpecification[] {
  return [
    // Nothing to see: what a click finds where there is no grid, or none is drawn.
    {
      id: 'region-hit', type: 'fill', source: 'region', 'source-layer': 'region', filter: ['!=', ['get', 'level'], 'county'],
      paint: { 'fill-color': colour('seq-1'), 'fill-opacity': 0 },
    },
    {
      id: 'choropleth', type: 'fill', source: 'region', 'source-layer': 'region', filter: ['==', ['id'], -1],
      paint: { 'fill-color': colour('seq-1'), 'fill-opacity': ['interpolate', ['linear'], ['zoom'], 12.5, 0.58, 14, 0.28] },
    },
    { id: 'spotlight', type: 'fill', source: 'spotlight', paint: { 'fill-color': colour('map-veil'), 'fill-antialias': false } },
    {
      id: 'choropleth-line', type: 'line', source: 'region', 'source-layer': 'region', filter: ['==', ['id'], -1],
      paint: { 'line-color': colour('map-select'), 'line-width': 2 },
    },
    {
      id: 'cluster-fill', type: 'fill', source: 'cluster', 'source-layer': 'cluster',
      paint: { 'fill-color': colour('map-cluster-fill') },
    },
    {
      id: 'cluster', type: 'line', source: 'cluster', 'source-layer': 'cluster', layout: { 'line-join': 'round' },
      paint: { 'line-color': colour('map-cluster'), 'line-width': 1.8 },
    },
    { id: 'select-fill', type: 'fill', source: 'selection', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': colour('map-select-fill') } },
    {
      id: 'select-line', type: 'line', source: 'selection', filter: ['==', ['geometry-type'], 'Polygon'],
      layout: { 'line-join': 'round' }, paint: { 'line-color': colour('map-select'), 'line-width': 2.5 },
    },
    {
      id: 'select-road', type: 'line', source: 'selection', filter: ['==', ['geometry-type'], 'LineString'],
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': colour('map-select'), 'line-width': 6, 'line-opacity': 0.55 },
    },
    // Where what is selected is of a layer that is switched off.
    {
      id: 'select-dot', type: 'circle', source: 'selection', filter: ['==', ['geometry-type'], 'Point'],
      paint: { 'circle-radius': 4.5, 'circle-color': colour('map-select'), 'circle-stroke-color': colour('map-badge'), 'circle-stroke-width': 1.5 },
    },
    {
      id: 'select-point', type: 'circle', source: 'selection', filter: ['==', ['geometry-type'], 'Point'],
      paint: {
        'circle-radius': 16, 'circle-color': colour('map-select-fill'), 'circle-stroke-color': colour('map-select'),
        'circle-stroke-width': 2.5,
      },
    },
    {
      id: 'bus-line', type: 'line', source: 'bus_line', 'source-layer': 'bus_line',
      layout: { 'line-cap': 'round', 'line-join': 'round' },
      paint: { 'line-color': colour('map-bus'), 'line-width': ['interpolate', ['linear'], ['zoom'], 9, 1.4, 15, 4], 'line-opacity': 0.8 },
    },
  ];
}

export function peopleLayers(theme: Theme): LayerSpecification[] {
  const { colour } = theme;
  const dot = (id: 'villager-group' | 'social-org', source: string, token: string): LayerSpecification => ({
    // Of an outline, a circle layer would mark every corner.
    id, type: 'circle', source, 'source-layer': source, minzoom: 11, filter: ['==', ['geometry-type'], 'Point'],
    paint: {
      'circle-radius': ['interpolate', ['linear'], ['zoom'], 11, 2.5, 16, 5], 'circle-color': colour(token),
      'circle-stroke-color': colour('map-halo'), 'circle-stroke-width': 1.2,
    },
  });
  return [
    discs('household-cluster', 'household', theme, 'map-household'),
    apart(counts('household-count', 'household', theme)),
    {
      id: 'household', type: 'circle', source: 'household', 'source-layer': 'household', filter: SINGLE,
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 12, 2, 15, 4, 18, 7], 'circle-color': colour('map-household'),
        'circle-stroke-color': colour('map-household-line'), 'circle-stroke-width': ['interpolate', ['linear'], ['zoom'], 13, 0.5, 16, 1.5],
      },
    },
    {
      id: 'household-label', type: 'symbol', source: 'household', 'source-layer': 'household', filter: ONE, minzoom: 16,
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 11, 'text-variable-anchor': ['top', 'bottom', 'left', 'right'], 'text-radial-offset': 0.8, 'text-padding': 1 },
      paint: label(theme, 'map-household'),
    },
    // Nothing to see: it keeps the doors free of their neighbours' names.
    {
      id: 'household-room', type: 'symbol', source: 'household', 'source-layer': 'household', filter: ONE, minzoom: 16,
      layout: { 'icon-image': 'room', 'icon-allow-overlap': true, 'icon-padding': 0 }, paint: { 'icon-opacity': 0 },
    },
    dot('villager-group', 'villager_group', 'map-group'),
    dot('social-org', 'social_org', 'map-org'),
    {
      id: 'venue-area', type: 'fill', source: 'venue', 'source-layer': 'venue', minzoom: 13, filter: ['==', ['geometry-type'], 'Polygon'],
      paint: { 'fill-color': colour('map-venue-service'), 'fill-opacity': 0.22, 'fill-outline-color': colour('map-venue-service') },
    },
    {
      id: 'venue-cluster', type: 'circle', source: 'venue', 'source-layer': 'venue', filter: SEVERAL, minzoom: VENUES_FROM,
      paint: {
        'circle-color': colour('map-badge'), 'circle-opacity': 0.9, 'circle-stroke-color': colour('map-venue-service'), 'circle-stroke-width': 1.6,
        'circle-radius': ['interpolate', ['linear'], ['log10', ['max', 1, ['get', 'count']]], 0, 8, 2, 13],
      },
    },
    { ...apart(counts('venue-count', 'venue', theme, 'map-venue-service')), minzoom: VENUES_FROM },
    {
      id: 'venue-dot', type: 'circle', source: 'venue', 'source-layer': 'venue', filter: SINGLE, minzoom: VENUES_FROM, maxzoom: 12,
      paint: { 'circle-radius': 2.6, 'circle-color': colour('map-venue-service'), 'circle-stroke-color': colour('map-halo'), 'circle-stroke-width': 1 },
    },
    {
      id: 'venue', type: 'symbol', source: 'venue', 'source-layer': 'venue', filter: ONE, minzoom: 12,
      layout: {
        'icon-image': ['concat', 'venue-', ['get', 'kind']], 'icon-size': ['interpolate', ['linear'], ['zoom'], 12, 0.62, 16, 1],
        'icon-padding': 1, 'text-field': ['step', ['zoom'], '', 14, ['get', 'name']], 'text-font': FONT, 'text-size': 11.5,
        'text-offset': [0, 1.15], 'text-anchor': 'top', 'text-optional': true, 'text-max-width': 8,
      },
      paint: label(theme, 'map-text'),
    },
  ];
}

export function incidentLayers(theme: Theme): LayerSpecification[] {
  const { colour } = theme;
  const incident = { source: 'incident', 'source-layer': 'incident' } as const;
  const symbols: SymbolLayerSpecification['layout'] = {
    'icon-image': ['concat', 'incident-', ['get', 'state']],
    'icon-size': ['interpolate', ['linear'], ['zoom'], 9, ['match', ['get', 'state'], 'pending_accept', 0.75, 0.5], 14, 1],
    'icon-allow-overlap': true,
    'symbol-sort-key': ['case', ['to-boolean', ['get', 'overdue']], 2, ['==', ['get', 'state'], 'pending_accept'], 1, 0],
  };
  const overdue: FilterSpecification = ['all', ['!', ['has', 'count']], ['to-boolean', ['get', 'overdue']]];
  return [
    {
      ...incident, id: 'incident-cluster', type: 'circle', filter: MANY,
      paint: {
        'circle-color': colour('state-work'), 'circle-opacity': 0.9, 'circle-stroke-color': colour('map-halo'), 'circle-stroke-width': 2,
        'circle-radius': ['interpolate', ['linear'], ['log10', ['max', 1, ['get', 'count']]], 0, 9, 2, 15, 4, 24],
      },
    },
    counts('incident-count', 'incident', theme),
    {
      ...incident, id: 'incident-overdue', type: 'circle', filter: overdue,
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 9, 9, 14, 17], 'circle-color': colour('alarm-soft'),
        'circle-stroke-color': colour('alarm'), 'circle-stroke-width': 2,
      },
    },
    // Nothing to see: it keeps the place of the symbols free of names.
    { ...incident, id: 'incident-room', type: 'symbol', filter: ONE, layout: symbols, paint: { 'icon-opacity': 0 } },
    { ...incident, id: 'incident', type: 'symbol', filter: ONE, layout: { ...symbols, 'icon-ignore-placement': true } },
  ];
}

export function labelLayers(theme: Theme): LayerSpecification[] {
  const name = ['get', 'name'] as ['get', string];
  const tile = (layer: string) => ({ type: 'symbol', source: layer, 'source-layer': layer }) as const;
  const region = { type: 'symbol', source: 'labels' } as const;
  return [
    {
      ...tile('water'), id: 'water-label', minzoom: 10,
      layout: { 'text-field': name, 'text-font': FONT, 'text-size': 12, 'text-letter-spacing': 0.25, 'symbol-placement': 'line', 'symbol-spacing': 420 },
      filter: ['all', ['has', 'name'], ['==', ['geometry-type'], 'LineString']], paint: label(theme, 'map-water-text'),
    },
    {
      ...tile('road'), id: 'road-label', minzoom: 13, filter: ['has', 'name'],
      layout: { 'text-field': name, 'text-font': FONT, 'text-size': 11, 'symbol-placement': 'line', 'symbol-spacing': 420, 'text-letter-spacing': 0.1 },
      paint: label(theme, 'map-text-soft'),
    },
    {
      ...tile('bus_line'), id: 'bus-label', minzoom: 11,
      layout: { 'text-field': ['coalesce', ['get', 'number'], name], 'text-font': BOLD, 'text-size': 11, 'symbol-placement': 'line', 'symbol-spacing': 300 },
      paint: label(theme, 'map-bus'),
    },
    {
      type: 'symbol', source: 'area-labels', id: 'grid-label', minzoom: 14, filter: ['==', ['get', 'level'], 'grid'],
      layout: { 'text-field': name, 'text-font': FONT, 'text-size': 11.5, 'text-max-width': 7, ...DODGING }, paint: label(theme, 'map-grid-text'),
    },
    {
      ...tile('villager_group'), id: 'group-label', minzoom: 13,
      layout: { 'text-field': name, 'text-font': FONT, 'text-size': 11, 'text-offset': [0, 0.7], 'text-anchor': 'top' },
      paint: label(theme, 'map-group'),
    },
    {
      ...tile('settlement'), id: 'settlement-label', minzoom: 11,
      filter: ['>=', ['zoom'], ['match', ['get', 'kind'], 'town', 11, 'village', 12, 13]],
      layout: {
        'text-field': name, 'text-font': FONT, 'text-padding': 6, ...DODGING, 'symbol-sort-key': ['match', ['get', 'kind'], 'town', 0, 'village', 1, 2],
        'text-size': ['interpolate', ['linear'], ['zoom'], 11, 10.5, 16, ['match', ['get', 'kind'], ['town', 'village'], 15, 13]],
      },
      paint: label(theme, 'map-text-soft'),
    },
    {
      ...tile('social_org'), id: 'social-label', minzoom: 13,
      layout: { 'text-field': name, 'text-font': FONT, 'text-size': 11, 'text-offset': [0, 0.7], 'text-anchor': 'top' },
      paint: label(theme, 'map-org'),
    },
    {
      type: 'symbol', source: 'area-labels', id: 'cluster-label', minzoom: 9, filter: ['==', ['get', 'level'], 'cluster'],
      layout: { 'text-field': name, 'text-font': BOLD, 'text-size': 13, ...DODGING }, paint: label(theme, 'map-cluster'),
    },
    {
      ...region, id: 'village-label', minzoom: 10.6, filter: ['==', ['get', 'level'], 'village'],
      layout: { 'text-field': name, 'text-font': FONT, 'text-size': ['interpolate', ['linear'], ['zoom'], 10.6, 11.5, 14, 15], 'text-padding': 5, ...DODGING },
      paint: label(theme, 'map-text'),
    },
    {
      ...region, id: 'township-label', maxzoom: 13.5, filter: ['==', ['get', 'level'], 'township'],
      layout: {
        'text-field': name, 'text-font': BOLD, 'text-size': ['interpolate', ['linear'], ['zoom'], 8, 12, 11, 17],
        'text-letter-spacing': 0.12, 'text-padding': 3, ...DODGING, 'text-variable-anchor': [...ALL_ROUND],
      },
      paint: label(theme, 'map-text'),
    },
  ];
}
