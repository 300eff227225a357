/** The shapes the server answers with. Degrees are EPSG:4490 longitude and latitude; instants RFC 3339. */
import type { Geometry, GeometryCollection } from 'geojson';
import { bbox, bool, dict, id, list, maybe, num, obj, oneOf, or, record, str, type Check, type Checked } from './check';

export const STATES = [
  'pending_location', 'pending_dispatch', 'pending_accept', 'in_progress', 'pending_check',
  'deliberating', 'suspended', 'closed', 'cancelled',
] as const;
export const state = oneOf(...STATES);
export type IncidentState = (typeof STATES)[number];

export const URGENCIES = ['ordinary', 'urgent', 'hard'] as const;
export type Urgency = (typeof URGENCIES)[number];

/** A position of the change log. Opaque: handed back to the server as it came. */
export type Seq = string;

const lonLat: (value: unknown, path: string) => [number, number] = (value, path) => {
  const [lon, lat] = list(num)(value, path);
  return [num(lon, `${path}/0`), num(lat, `${path}/1`)];
};

export const county = obj({
  id, code: or(str, ''), name: str, bbox, center: lonLat,
  map_review_no: maybe(str), map_notice: or(str, '内部工作用图,不得公开'),
  boundary_notice: or(str, '界线仅供工作参考,不作为划界依据'), time_zone: or(str, 'Asia/Shanghai'),
  layers: or(list(obj({ id: str, title: or(str, ''), minzoom: num, maxzoom: num })), []),
  seq: maybe(id),
});
export type County = Checked<typeof county>;

const named = obj({ id, name: str });
const unit = obj({ id, code: or(str, ''), name: str });

export const located = obj({
  position: obj({ lon: num, lat: num }),
  county: maybe(unit), township: maybe(unit), village: maybe(unit), villager_group: maybe(named),
  settlement: maybe(obj({ id, name: str, distance_m: or(num, 0) })),
  grids: or(list(obj({ id, code: or(str, ''), name: str, kind: or(str, 'general'), probability: or(num, 1) })), []),
  group: maybe(obj({ org_id: maybe(id), name: str })),
  chain: or(list(obj({ level: str, name: str, org_name: maybe(str) })), []),
  cluster: maybe(named),
  venues: or(list(obj({ id, name: str, kind: str, distance_m: num, lon: num, lat: num })), []),
});
export type Located = Checked<typeof located>;

export const searchAnswer = obj({
  results: list(obj({
    kind: str, id, name: str, detail: or(str, ''), lon: maybe(num), lat: maybe(num), bbox: maybe(bbox),
  })),
});
export type SearchHit = Checked<typeof searchAnswer>['results'][number];

const figures = obj({
  households: maybe(num), members: maybe(num), grids: or(num, 0), dedicated_grids: or(num, 0), groups: or(num, 0),
  responders: or(num, 0), venues: or(num, 0), clusters: or(num, 0), incidents_open: or(num, 0),
  incidents_overdue: or(num, 0), incidents_today: or(num, 0), incidents_closed_30d: or(num, 0),
  on_time_rate_30d: maybe(num),
});
export type Figures = Checked<typeof figures>;
const region = obj({ id, code: or(str, ''), name: str, level: or(str, ''), bbox: maybe(bbox), label: maybe(lonLat) });
export type Region = Checked<typeof region>;
export const summary = obj({
  region, figures, children: or(list(obj({ region, figures })), []), by_state: or(dict(num), {}),
  by_category: or(list(obj({ code: str, name: str, open: num })), []),
});
export type Summary = Checked<typeof summary>;

export const categories = list(obj({
  code: str, name: str, parent: maybe(str), restricted: or(bool, false), village_admitted: or(bool, true),
  photo_needed: or(bool, false),
}));
export type Category = Checked<typeof categories>[number];

const owner = obj({
  org_name: maybe(str), unit_name: maybe(str), responder_name: maybe(str),
});
const explanation = obj({
  text: or(str, ''),
  walk: or(list(obj({ unit_name: or(str, ''), outcome: or(str, ''), reason: or(str, '') })), []),
  candidates: or(list(obj({ grid_id: maybe(id), name: or(str, ''), probability: or(num, 0) })), []),
});
export type Explanation = Checked<typeof explanation>;
const place = obj({ lon: maybe(num), lat: maybe(num), source: or(str, ''), text: maybe(str) });
const possible = obj({ grid_id: id, name: or(str, ''), probability: or(num, 0) });
export type Possible = Checked<typeof possible>;

export const photo = obj({ id: str, kind: or(str, 'scene'), caption: or(str, ''), url: maybe(str), thumb: maybe(str) });
export type Photo = Checked<typeof photo>;
const deliberation = obj({
  venue: obj({ name: str }), day: str, lunar: or(str, ''), agenda_no: or(num, 0), outcome: or(str, 'waiting'),
  resolution: or(str, ''),
});

export const incident = obj({
  id: str, number: or(id, ''), state, category: or(str, ''), category_name: or(str, ''), description: or(str, ''),
  urgency: or(str, 'ordinary'), village: maybe(obj({ id: maybe(id), name: str })), village_name: maybe(str),
  grid: maybe(obj({ id, code: or(str, ''), name: str })), owner: maybe(owner), location: maybe(place),
  reported_at: maybe(str), accept_by: maybe(str), resolve_by: maybe(str), overdue: or(bool, false),
  version: or(num, 0), seq: maybe(id), provisional: or(bool, false), explanation: maybe(explanation),
  neighbours: or(list(possible), []), restricted: or(bool, false), actions: or(list(str), []),
  helpers: or(list(obj({ unit_name: str, accepted_at: maybe(str) })), []),
  photos: or(list(photo), []), deliberation: maybe(deliberation),
  timeline: or(list(obj({
    at: str, action: str, actor: maybe(str), from_state: maybe(str), to_state: maybe(str), note: maybe(str),
    unit_name: maybe(str),
  })), []),
});
export type Incident = Checked<typeof incident>;
export const incidentPage = obj({ items: list(incident), next: maybe(id), number_matched: maybe(num) });
export type IncidentPage = Checked<typeof incidentPage>;

/** A matter as a wall shows it: no more of it ever reaches one. */
const wallIncident = obj({
  id: str, category: or(str, ''), category_name: or(str, ''), state, overdue: or(bool, false), reported_at: maybe(str),
  village: maybe(obj({ id, name: str, lon: maybe(num), lat: maybe(num) })),
});
export type WallIncident = Checked<typeof wallIncident>;
export const wallPage = obj({ items: list(wallIncident), next: maybe(id), number_matched: maybe(num) });

/** Who lives in a household, as it is told to those who look at it. */
export const household = obj({
  id, number: str, name: str, address: or(str, ''), phones: or(list(str), []),
  members: or(list(obj({
    name: str, relation: or(str, ''), gender: or(str, ''), birth_year: num, at_home: or(bool, true), phones: or(list(str), []),
  })), []),
  helpers: or(list(obj({ name: str })), []),
});
export type Household = Checked<typeof household>;

export const duplicates = obj({
  likely_duplicates: or(list(obj({
    id: str, number: or(id, ''), category_name: or(str, ''), state, distance_m: or(num, 0), minutes: or(num, 0),
    score: or(num, 0), sentence: str,
  })), []),
});
export type Duplicate = Checked<typeof duplicates>['likely_duplicates'][number];

/** Who a matter can be given or called to. */
export const units = list(obj({ id, kind: or(str, ''), name: str, org_name: or(str, '') }));
export type Unit = Checked<typeof units>[number];

export const preview = obj({
  state: maybe(str), grid: maybe(obj({ id, code: or(str, ''), name: str })), owner: maybe(owner),
  accept_by: maybe(str), resolve_by: maybe(str), provisional: or(bool, false),
  neighbours: or(list(obj({ name: or(str, ''), probability: or(num, 0) })), []), explanation: maybe(explanation),
});
export type Preview = Checked<typeof preview>;

/** GeoJSON of every type that has coordinates; they are taken as they come. */
type Shape = Exclude<Geometry, GeometryCollection>;
const shapeType = oneOf('Point', 'MultiPoint', 'LineString', 'MultiLineString', 'Polygon', 'MultiPolygon');
const geometry: Check<Shape> = (value, path) => {
  const { type, coordinates } = record(value, path);
  shapeType(type, `${path}/type`);
  list((item) => item)(coordinates, `${path}/coordinates`);
  return { type, coordinates } as Shape;
};

export const feature = obj({
  id: maybe(id), geometry: maybe(geometry), properties: or(record, {}), bbox: maybe(bbox),
});
export type Feature = Checked<typeof feature>;
export const features = obj({ features: list(feature) });

/** Layers as OGC API names them; one the county has nothing of has no extent. */
export const collections = obj({ collections: list(obj({ id: str, extent: maybe(record) })) });

export const liveTiles = obj({
  seq: maybe(id), layer: str,
  tiles: (value: unknown, path: string): 'all' | TileRange[] => (value === 'all' || value === undefined || value === null ? 'all' : list(range)(value, path)),
});
export type LiveTiles = Checked<typeof liveTiles>;
export const liveIncident = obj({
  id: str, number: or(id, ''), state, category_name: or(str, ''), urgency: or(str, 'ordinary'),
  village_name: maybe(str), lon: maybe(num), lat: maybe(num), reported_at: maybe(str), version: or(num, 0),
});
export type LiveIncident = Checked<typeof liveIncident>;

export const problem = obj({
  title: or(str, ''), detail: or(str, ''), type: or(str, ''),
  errors: or(list(obj({ pointer: or(str, ''), detail: or(str, '') })), []),
});

/** Who is signed in. */
export const session = obj({
  open: bool, account: str, name: str, role: str, role_name: str, may: list(str), password_expires: bool, second_factor_due: bool, code_due: bool,
  page_key: maybe(str), home: maybe(obj({ id, name: str })),
});
export type Session = Checked<typeof session>;

/** How one may sign in beside name and password: through the county's identity server, by the name it goes by. */
export const ways = obj({ oidc_name: maybe(str) });

/** A second factor to be set up. */
export const secondFactor = obj({ secret: str, address: str });

/** Columns and rows at one zoom, both ends included. */
type TileRange = [z: number, xMin: number, yMin: number, xMax: number, yMax: number];

function range(value: unknown, path: string): TileRange {
  const [z, xMin, yMin, xMax, yMax] = list(num)(value, path);
  return [num(z, path), num(xMin, path), num(yMin, path), num(xMax, path), num(yMax, path)];
}
