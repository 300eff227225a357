/** Everything the web map asks of the server, checked on arrival. */
import { locale, t } from '../i18n';
import type { Check } from './check';
import { goSignIn } from './session';
import * as shapes from './shapes';

/** What went wrong, in a sentence a reader understands. `status` is 0 when the server was not reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly kind = '',
    readonly faults: { pointer: string; detail: string }[] = [],
  ) {
    super(message);
    this.name = 'Problem';
  }

  /** Worth sending again as it is: the server was not reached, was busy, or has to be told anew who asks. */
  get passing(): boolean {
    return this.status === 0 || this.status === 401 || this.status === 429 || this.status >= 502 || this.kind.endsWith('upload-busy');
  }
}

/** Any thrown thing as a sentence for the reader. */
export function sentence(error: unknown): string {
  if (error instanceof Problem) return [error.message, ...error.faults.map((f) => f.detail)].filter(Boolean).join(' ');
  return t('error.unexpected');
}

export const aborted = (error: unknown): boolean => error instanceof DOMException && error.name === 'AbortError';

type Query = Record<string, string | number | boolean | null | undefined>;

export function path(base: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return text ? `${base}?${text}` : base;
}

/** What the server wants to hear with everything that changes something; only a page of its own can know it. */
let pageKey: Promise<string> | null = null;

function keyOfPage(): Promise<string> {
  pageKey ??= api.session().then(({ page_key }) => page_key ?? '').catch((error: unknown) => {
    pageKey = null;
    throw error;
  });
  return pageKey;
}

async function send(url: string, init: RequestInit, key: string | null): Promise<Response> {
  try {
    const headers = { accept: 'application/json', 'accept-language': locale.value, ...(key ? { 'x-page-key': key } : {}), ...init.headers };
    return await fetch(url, { ...init, headers });
  } catch (error) {
    if (aborted(error)) throw error;
    throw new Problem(0, t('error.unreachable'));
  }
}

/** The answer's JSON; null where there is none. What is cut off on its way has not come. */
async function read(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if (aborted(error)) throw error;
    if (error instanceof SyntaxError) return null;
    throw new Problem(0, t('error.unreachable'));
  }
}

async function ask<T>(check: Check<T>, url: string, init: RequestInit = {}): Promise<T> {
  // Signing in is what gives the page its key.
  const changes = (init.method ?? 'GET') !== 'GET' && url !== '/api/session' && url !== '/api/session/display';
  let response = await send(url, init, changes ? await keyOfPage() : null);
  let body = await read(response);
  let problem = response.ok ? null : problemOf(response.status, body);
  if (changes && problem?.kind.endsWith('other-page')) {
    // Somebody has signed in anew, in another tab.
    pageKey = null;
    response = await send(url, init, await keyOfPage());
    body = await read(response);
    problem = response.ok ? null : problemOf(response.status, body);
  }
  if (problem) {
    if (problem.kind.endsWith('not-signed-in')) goSignIn();
    if (['password-expires', 'second-factor-due', 'code-due'].some((kind) => problem.kind.endsWith(kind))) goSignIn(true);
    throw problem;
  }
  try {
    return check(body, '');
  } catch (error) {
    console.error(url, error);
    throw new Problem(response.status, t('error.shape'));
  }
}

function problemOf(status: number, body: unknown): Problem {
  try {
    const { title, detail, type, errors } = shapes.problem(body, '');
    return new Problem(status, detail || title || t('error.status', { status }), type, errors);
  } catch {
    return new Problem(status, t('error.status', { status }));
  }
}

const post = (body: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

const put = (body: unknown): RequestInit => ({ ...post(body), method: 'PUT' });

/** A report as the browser sends it. `id` is made once per report, so that a retry is the same incident. */
export interface Report {
  id: string;
  category: string;
  description: string;
  urgency: shapes.Urgency;
  location: {
    source: 'gps' | 'map' | 'household' | 'text';
    lon?: number;
    lat?: number;
    crs?: string;
    accuracy_m?: number;
    confidence?: number;
    household_id?: number;
    text?: string;
  };
  reported_at: string;
  resolve_on_spot?: { note: string };
}

/** What somebody does to an incident, beside the version of it they saw. */
export interface Act {
  action: string;
  note?: string;
  /** `check`: its outcome. */
  passed?: boolean;
  /** `transfer`: to a unit, or to the grid where it really is. */
  to_unit_id?: number;
  to_grid_id?: number;
  /** `whistle`: who is called. */
  unit_ids?: number[];
  /** `locate`: where it is. */
  location?: Report['location'];
}

export interface IncidentFilter {
  region?: string | null;
  state?: string | null;
  category?: string | null;
  overdue?: boolean | null;
  cursor?: string | null;
  limit?: number;
}

const nothing: Check<null> = () => null;

export const api = {
  session: () => ask(shapes.session, '/api/session'),
  waysToSignIn: () => ask(shapes.ways, '/api/session/ways'),
  signIn: (name: string, password: string, code?: string) => {
    pageKey = null;
    return ask(shapes.session, '/api/session', post({ name, password, ...(code ? { code } : {}) }));
  },
  /** Lets a wall in by the token that was made for it. */
  signInWall: (token: string) => {
    pageKey = null;
    return ask(shapes.session, '/api/session/display', put({ token }));
  },
  signOut: async () => {
    const key = await keyOfPage();
    pageKey = null;
    await ask(nothing, '/api/session', { method: 'DELETE', headers: { 'x-page-key': key } });
  },
  changePassword: (old: string, fresh: string) => ask(nothing, '/api/session/password', put({ old, new: fresh })),
  beginSecondFactor: () => ask(shapes.secondFactor, '/api/session/second-factor', post({})),
  confirmSecondFactor: (code: string) => ask(nothing, '/api/session/second-factor', put({ code })),
  county: () => ask(shapes.county, '/api/county'),
  locate: (lon: number, lat: number, signal?: AbortSignal) =>
    ask(shapes.located, path('/api/locate', { lon, lat }), signal ? { signal } : {}),
  search: (q: string, signal: AbortSignal, options: { kind?: string; limit?: number } = {}) =>
    ask(shapes.searchAnswer, path('/api/search', { q, limit: 12, ...options }), { signal }),
  summary: (region?: string | null) => ask(shapes.summary, path('/api/summary', { region })),
  categories: () => ask(shapes.categories, '/api/categories'),
  feature: (layer: string, id: string) =>
    ask(shapes.feature, `/ogc/collections/${encodeURIComponent(layer)}/items/${encodeURIComponent(id)}`),
  /** The regions right under others, with their outlines. */
  regionsUnder: (parents: readonly string[]) =>
    ask(shapes.features, path('/ogc/collections/region/items', { filter: `parent_id IN (${parents.map(Number).join(',')})`, limit: 1000 })),
  collections: () => ask(shapes.collections, '/ogc/collections'),
  incidents: (filter: IncidentFilter = {}) => ask(shapes.incidentPage, path('/api/incidents', { limit: 40, ...filter })),
  wallIncidents: (filter: IncidentFilter = {}) => ask(shapes.wallPage, path('/api/wall/incidents', { limit: 40, ...filter })),
  incident: (id: string) => ask(shapes.incident, `/api/incidents/${encodeURIComponent(id)}`),
  report: (report: Report) => ask(shapes.incident, '/api/incidents', post(report)),
  preview: (report: Report, signal?: AbortSignal) =>
    ask(shapes.preview, '/api/dispatch/preview', { ...post(report), ...(signal ? { signal } : {}) }),
  duplicates: (report: Report, signal: AbortSignal) =>
    ask(shapes.duplicates, '/api/incidents/duplicates', { ...post(report), signal }),
  act: (id: string, version: number, act: Act) =>
    ask(shapes.incident, `/api/incidents/${encodeURIComponent(id)}/actions`, post({ ...act, expected_version: version })),
  /** Every look is on record; of a household that is not one's own it takes a reason. */
  look: (id: string, reason: string) => ask(shapes.household, `/api/households/${encodeURIComponent(id)}/look`, post({ reason })),
  units: (q: string, signal: AbortSignal, options: { kind?: string; limit?: number } = {}) =>
    ask(shapes.units, path('/api/units', { q, limit: 12, ...options }), { signal }),
  /** `photo` is made once per photo, so that a retry is the same photo. */
  addPhoto: (incident: string, photo: { id: string; kind: 'scene' | 'outcome'; taken_at?: string }, file: Blob) =>
    ask(shapes.photo, path(`/api/incidents/${encodeURIComponent(incident)}/photos`, photo), {
      method: 'POST', headers: { 'content-type': file.type || 'image/jpeg' }, body: file,
    }),
};
