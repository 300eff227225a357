/** The base map: ground, relief, land use, water, roads, buildings, the mask and the boundaries. */
import type { DataDrivenPropertyValueSpecification, FilterSpecification, LayerSpecification } from 'maplibre-gl';
import type { Theme } from './theme';

type Width = DataDrivenPropertyValueSpecification<number>;

/** A width growing exponentially with the zoom: pairs of zoom and pixels. */
const byZoom = (...stops: [number, number][]): Width =>
  ['interpolate', ['exponential', 1.5], ['zoom'], ...stops.flat()] as unknown as Width;

/** A width by zoom and road class: at each zoom [major, secondary, township, village]. */
const byClass = (...stops: [number, [number, number, number, number]][]): Width =>
  [
    'interpolate', ['exponential', 1.5], ['zoom'],
    ...stops.flatMap(([zoom, [top, second, town, village]]) => [
      zoom,
      ['match', ['get', 'class'], ['highway', 'primary'], top, 'secondary', second, 'township', town, village],
    ]),
  ] as unknown as Width;

const MAJOR: FilterSpecification = ['match', ['get', 'class'], ['highway', 'primary', 'secondary'], true, false];
const MINOR: FilterSpecification = ['match', ['get', 'class'], ['township', 'village'], true, false];
const ROUND = { 'line-cap': 'round', 'line-join': 'round' } as const;

export function groundLayers({ colour, dark }: Theme): LayerSpecification[] {
  return [
    { id: 'background', type: 'background', paint: { 'background-color': colour('map-ground') } },
    {
      id: 'land-use', type: 'fill', source: 'land_use', 'source-layer': 'land_use',
      // Outlined in their own colour: simplified apart, neighbours leave slivers of bare ground between them.
      paint: {
        'fill-color': [
          'match', ['get', 'kind'], 'forest', colour('map-forest'), 'bamboo', colour('map-bamboo'), 'orchard',
          colour('map-orchard'), 'terrace', colour('map-terrace'), 'farmland', colour('map-farmland'), 'grass',
          colour('map-grass'), 'built', colour('map-built'), colour('map-grass'),
        ],
      },
    },
    {
      id: 'hillshade', type: 'hillshade', source: 'dem',
      paint: {
        'hillshade-method': 'standard',
        'hillshade-exaggeration': dark ? ['interpolate', ['linear'], ['zoom'], 8, 0.55, 14, 0.36] : ['interpolate', ['linear'], ['zoom'], 8, 0.62, 12, 0.5, 15, 0.34],
        'hillshade-shadow-color': colour('map-shade-dark'),
        'hillshade-highlight-color': colour('map-shade-light'),
        'hillshade-accent-color': colour('map-shade-accent'),
      },
    },
    {
      id: 'water', type: 'fill', source: 'water', 'source-layer': 'water', filter: ['==', ['geometry-type'], 'Polygon'],
      // No outline: a brook's mouth would be drawn on the river it runs into.
      paint: { 'fill-color': colour('map-water') },
    },
    {
      id: 'water-line', type: 'line', source: 'water', 'source-layer': 'water', layout: ROUND,
      filter: ['==', ['geometry-type'], 'LineString'],
      paint: {
        // A river's line fades into its banks where those are drawn, and stands for them where they are not.
        'line-color': ['interpolate', ['linear'], ['zoom'], 10.5, colour('map-water-line'), 12.5, ['match', ['get', 'kind'], 'river', colour('map-water'), colour('map-water-line')]],
        'line-width': [
          'interpolate', ['exponential', 1.4], ['zoom'], 8, ['match', ['get', 'kind'], 'river', 1.4, 0.35], 12,
          ['match', ['get', 'kind'], 'river', 3.4, 1], 16, ['match', ['get', 'kind'], 'river', 12, 3],
        ],
        'line-opacity': ['interpolate', ['linear'], ['zoom'], 8, ['match', ['get', 'kind'], 'river', 1, 0], 11, ['match', ['get', 'kind'], 'river', 1, 0.8]],
      },
    },
  ];
}

export function roadLayers({ colour }: Theme): LayerSpecification[] {
  const road = { source: 'road', 'source-layer': 'road', type: 'line', layout: ROUND } as const;
  return [
    {
      ...road, id: 'path', minzoom: 13, filter: ['==', ['get', 'class'], 'path'],
      paint: { 'line-color': colour('map-path'), 'line-width': byZoom([13, 0.6], [17, 2]), 'line-dasharray': [3, 2] },
    },
    {
      ...road, id: 'road-casing', minzoom: 10, filter: MINOR,
      paint: {
        'line-color': colour('map-road-casing'),
        'line-width': byClass([10, [0, 0, 0.9, 0.5]], [12, [0, 0, 2.2, 1.3]], [14, [0, 0, 5, 3.6]], [17, [0, 0, 15, 11]]),
        'line-opacity': ['interpolate', ['linear'], ['zoom'], 10, 0.55, 12, 0.9],
      },
    },
    {
      ...road, id: 'road', minzoom: 11, filter: MINOR,
      paint: {
        'line-color': colour('map-road'),
        'line-width': byClass([11, [0, 0, 0.5, 0.2]], [12, [0, 0, 1.2, 0.6]], [14, [0, 0, 3.6, 2.4]], [17, [0, 0, 13, 9]]),
      },
    },
    {
      ...road, id: 'road-major-casing', minzoom: 8, filter: MAJOR,
      paint: {
        'line-color': colour('map-road-casing-major'),
        'line-width': byClass([8, [1.5, 0.8, 0, 0]], [11, [3.6, 2.2, 0, 0]], [14, [8, 6.4, 0, 0]], [17, [22, 19, 0, 0]]),
      },
    },
    {
      ...road, id: 'road-major', minzoom: 8, filter: MAJOR,
      layout: { ...ROUND, 'line-sort-key': ['match', ['get', 'class'], 'highway', 3, 'primary', 2, 1] },
      paint: {
        'line-color': ['match', ['get', 'class'], ['highway', 'primary'], colour('map-road-top'), colour('map-road-major')],
        'line-width': byClass([8, [0.9, 0.4, 0, 0]], [11, [2.3, 1.2, 0, 0]], [14, [6, 4.6, 0, 0]], [17, [19, 16, 0, 0]]),
      },
    },
    {
      id: 'building', type: 'fill', source: 'building', 'source-layer': 'building', minzoom: 13,
      paint: {
        'fill-color': colour('map-building'), 'fill-outline-color': colour('map-building-line'),
        'fill-opacity': ['interpolate', ['linear'], ['zoom'], 13, 0.4, 15, 1],
      },
    },
  ];
}

export function boundaryLayers({ colour, dark }: Theme): LayerSpecification[] {
  const region = { source: 'region', 'source-layer': 'region', type: 'line' } as const;
  const grid = { source: 'grid', 'source-layer': 'grid' } as const;
  const dedicated: FilterSpecification = ['==', ['get', 'kind'], 'dedicated'];
  const general: FilterSpecification = ['!=', ['get', 'kind'], 'dedicated'];
  return [
    { id: 'mask', type: 'fill', source: 'mask', paint: { 'fill-color': colour('map-mask'), 'fill-antialias': false } },
    {
      id: 'county-glow', type: 'line', source: 'county', layout: { 'line-join': 'round' },
      paint: { 'line-color': colour('map-county-glow'), 'line-width': byZoom([8, 7], [14, 22]), 'line-blur': dark ? 4 : 1 },
    },
    {
      ...grid, id: 'grid-fill', type: 'fill', minzoom: 11, filter: general, paint: { 'fill-color': colour('map-grid-fill') },
    },
    {
      ...grid, id: 'dedicated-fill', type: 'fill', minzoom: 11, filter: dedicated,
      paint: { 'fill-color': colour('map-dedicated-fill') },
    },
    {
      ...grid, id: 'grid', type: 'line', minzoom: 11, filter: general, layout: { 'line-join': 'round' },
      paint: {
        'line-color': colour('map-grid'), 'line-width': byZoom([11, 0.3], [13, 0.6], [17, 1.2]),
        'line-opacity': ['interpolate', ['linear'], ['zoom'], 11, 0.35, 13, 0.9],
      },
    },
    {
      ...grid, id: 'dedicated', type: 'line', minzoom: 11, filter: dedicated, layout: { 'line-join': 'round' },
      paint: { 'line-color': colour('map-dedicated'), 'line-width': byZoom([11, 0.8], [17, 2.2]) },
    },
    {
      ...region, id: 'village', minzoom: 9, filter: ['==', ['get', 'level'], 'village'], layout: { 'line-join': 'round' },
      paint: {
        'line-color': colour('map-village'), 'line-width': byZoom([9, 0.4], [11, 0.8], [14, 1.6], [17, 2.4]),
        'line-opacity': ['interpolate', ['linear'], ['zoom'], 9, 0.35, 11, 0.85],
      },
    },
    {
      ...region, id: 'township', filter: ['==', ['get', 'level'], 'township'], layout: { 'line-join': 'round' },
      paint: { 'line-color': colour('map-township'), 'line-width': byZoom([8, 1], [10, 1.2], [14, 2.4], [17, 3]), 'line-dasharray': [5, 2.5] },
    },
    {
      id: 'county', type: 'line', source: 'county', layout: { 'line-join': 'round' },
      paint: { 'line-color': colour('map-county'), 'line-width': byZoom([8, 1.8], [10, 2], [15, 3]) },
    },
  ];
}
