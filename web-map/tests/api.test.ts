import { afterEach, describe, expect, it, vi } from 'vitest';
import { api, path, Problem, sentence } from '../src/api/client';
import { bbox, list, maybe, num, obj, oneOf, or, ShapeError, str } from '../src/api/check';
import { throughOidc, wanted } from '../src/api/session';
import { isJustReported, openLive, readEvent } from '../src/api/live';
import { incident, located } from '../src/api/shapes';

afterEach(() => vi.unstubAllGlobals());

const SESSION = { open: false, account: 'li', name: '李某', role: 'grid_worker', role_name: '网格员', may: [], password_expires: false, second_factor_due: false, code_due: false, page_key: 'the key' };

/** What the server says to anything but who is signed in. */
const answer = (status: number, body: unknown) =>
  vi.stubGlobal('fetch', vi.fn(async (url: string) => {
    const [said, code] = url === '/api/session' ? [SESSION, 200] : [body, status];
    return new Response(JSON.stringify(said), { status: code, headers: { 'content-type': 'application/json' } });
  }));

describe('checks', () => {
  it('name the place that is wrong', () => {
    const shape = obj({ items: list(obj({ lon: num })) });
    expect(() => shape({ items: [{ lon: 1 }, { lon: '2' }] }, '')).toThrow('/items/1/lon');
  });
  it('drop what was not asked for and fill what may be absent', () => {
    expect(obj({ a: str, b: maybe(num), c: or(num, 7) })({ a: 'x', extra: 1 }, '')).toEqual({ a: 'x', b: null, c: 7 });
  });
  it.each([[NaN], [Infinity], ['1'], [null]])('take no %s for a number', (value) => {
    expect(() => num(value, '')).toThrow(ShapeError);
  });
  it('take a box of four numbers only', () => {
    expect(bbox([1, 2, 3, 4], '')).toEqual([1, 2, 3, 4]);
    expect(() => bbox([1, 2, 3], '')).toThrow();
    expect(() => bbox([1, 2, 3, 4, 5], '')).toThrow();
  });
  it('refuse a state nobody knows', () => {
    expect(() => oneOf('a', 'b')('c', '/state')).toThrow('a | b');
    expect(() => incident({ id: 'x', state: 'lost' }, '')).toThrow('/state');
  });
  it('take an incident with and without its newer parts', () => {
    expect(incident({ id: 'x', state: 'closed' }, '')).toMatchObject({ neighbours: [], actions: [], photos: [], deliberation: null, restricted: false });
    const whole = {
      id: 'x', state: 'deliberating', provisional: true, actions: ['resume'], neighbours: [{ grid_id: 7, code: 'G', name: '三', probability: 0.3 }],
      photos: [{ id: 'p', kind: 'scene', caption: '', url: '/api/photos/p', thumb: '/api/photos/p?size=thumb', state: 'ready' }],
      deliberation: { id: 1, venue: { id: 2, name: '溪口议事亭', kind: 'pavilion' }, day: '2026-11-23', lunar: '农历十月十五', agenda_no: 3, outcome: 'waiting', resolution: '' },
    };
    const read = incident(whole, '');
    expect(read.neighbours).toEqual([{ grid_id: '7', name: '三', probability: 0.3 }]);
    expect([read.photos[0]?.thumb, read.deliberation?.venue.name, read.deliberation?.agenda_no]).toEqual(['/api/photos/p?size=thumb', '溪口议事亭', 3]);
  });
  it('keep ids as text', () => {
    const place = { position: { lon: 1, lat: 2 }, village: { id: 9007199254740990, name: '溪口村' }, grids: [{ id: 5, name: '一' }] };
    expect(located(place, '').village?.id).toBe('9007199254740990');
    expect(located(place, '').grids[0]).toMatchObject({ kind: 'general', probability: 1 });
  });
});

describe('live events', () => {
  it('know a fresh report from one that somebody acted on', () => {
    expect(isJustReported({ state: 'pending_accept', version: 2 })).toBe(true);
    expect(isJustReported({ state: 'pending_accept', version: 3 })).toBe(false);
    expect(isJustReported({ state: 'closed', version: 2 })).toBe(false);
    expect(isJustReported({ state: 'pending_check', version: 2 })).toBe(false);
  });


  it('read tiles, whole layers and incidents', () => {
    expect(readEvent('tiles', '{"seq":7,"layer":"grid","tiles":[[12,3,4,5,6]]}')).toEqual({ topic: 'tiles', data: { seq: '7', layer: 'grid', tiles: [[12, 3, 4, 5, 6]] } });
    expect(readEvent('tiles', '{"seq":7,"layer":"grid","tiles":"all"}')).toMatchObject({ data: { tiles: 'all' } });
    expect(readEvent('incident', '{"id":"u","number":12,"state":"pending_accept","lon":118,"lat":25,"version":1}')).toMatchObject({ data: { number: '12', state: 'pending_accept' } });
    expect(readEvent('summary', '')).toEqual({ topic: 'summary' });
  });
  it('leave out what is malformed or unknown', () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    expect(readEvent('tiles', '{"layer":')).toBeNull();
    expect(readEvent('tiles', '{"layer":"grid","tiles":[["a"]]}')).toBeNull();
    expect(readEvent('tiles', '{"layer":"grid","tiles":[[12,3,4]]}')).toBeNull();
    expect(readEvent('gossip', '{}')).toBeNull();
  });
});

describe('the live stream', () => {
  class Source extends EventTarget {
    static readonly CLOSED = 2;
    static all: Source[] = [];
    readyState = 1;
    onopen = () => undefined;
    onerror = () => undefined;
    constructor(readonly url: string) {
      super();
      Source.all.push(this);
    }
    close() {
      this.readyState = Source.CLOSED;
    }
    hear(topic: string, data: string, lastEventId: string) {
      this.dispatchEvent(Object.assign(new Event(topic), { data, lastEventId }));
    }
    cut(forGood: boolean) {
      if (forGood) this.readyState = Source.CLOSED;
      this.onerror();
    }
  }
  const heard = () => {
    Source.all = [];
    vi.useFakeTimers();
    vi.stubGlobal('EventSource', Source);
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
    const events: string[] = [];
    const live = openLive(['tiles', 'incident']);
    live.on(({ topic }) => events.push(topic));
    return { live, events, source: () => Source.all.at(-1) ?? new Source('') };
  };
  afterEach(() => vi.useRealTimers());
  const tiles = (layer: string, what: unknown) => JSON.stringify({ seq: 's', layer, tiles: what });

  it('goes on from the last event, and nothing is reloaded', () => {
    const { live, events, source } = heard();
    expect(source().url).toBe('/live?topics=tiles%2Cincident');
    source().onopen();
    source().hear('tiles', tiles('grid', [[9, 1, 1, 1, 1]]), 'e.7');
    source().cut(false);
    expect(live.state.value).toBe('lost');
    source().onopen(); // the browser resumed it
    expect([live.state.value, events]).toEqual(['live', ['tiles']]);
    source().cut(true);
    vi.runAllTimers();
    expect(source().url).toBe('/live?topics=tiles%2Cincident&last_event_id=e.7');
    source().onopen();
    expect(events).toEqual(['tiles']);
    live.close();
  });
  it('reloads what is shown when it never heard where it stood', () => {
    const { live, events, source } = heard();
    source().cut(true);
    vi.runAllTimers();
    expect(source().url).not.toContain('last_event_id');
    source().onopen();
    expect(events).toEqual(['resumed']);
    live.close();
  });
  it('reloads what is shown when the server can tell no single incident', () => {
    const { live, events, source } = heard();
    source().onopen();
    source().hear('tiles', tiles('grid', 'all'), 'e.9');
    source().hear('tiles', tiles('incident', 'all'), 'e.9');
    expect(events).toEqual(['tiles', 'tiles', 'resumed']);
    live.close();
  });
});

describe('signing in', () => {
  it('leads back to where one was going, and nowhere else', () => {
    expect(wanted('?next=%2Fdesk%23map%3D9%2F25%2F117')).toBe('/desk#map=9/25/117');
    for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '/a\\b', '']) {
      expect(wanted(`?next=${encodeURIComponent(next)}`), next).toBe('/');
    }
    expect(wanted('')).toBe('/');
  });
  it('goes through the identity server to the same place', () => {
    expect(throughOidc('?failed=state&next=%2Fdesk%23map%3D9')).toBe('/api/session/oidc?next=%2Fdesk%23map%3D9');
    expect(throughOidc('?next=%2F%2Fevil.example')).toBe('/api/session/oidc?next=%2F');
  });
});

describe('the client', () => {
  it('leaves empty values out of a query', () => {
    expect(path('/api/x', { a: null, b: '', c: 0, d: '溪' })).toBe('/api/x?c=0&d=%E6%BA%AA');
  });
  it("says the server's own sentence, with each fault", async () => {
    answer(422, { type: 'x/outside-county', title: '不在县内', detail: '该点在县界外 3.2 公里。', errors: [{ pointer: '/location', detail: '请重新选点。' }] });
    const error = await api.locate(1, 2).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Problem);
    expect(sentence(error)).toBe('该点在县界外 3.2 公里。 请重新选点。');
    expect((error as Problem).passing).toBe(false);
  });
  it('sends a step with the version that was seen, and a photo as it is', async () => {
    answer(200, { id: 'i', state: 'pending_accept' });
    await api.act('i', 4, { action: 'transfer', to_grid_id: 7 });
    const [asked, [url, init] = []] = vi.mocked(fetch).mock.calls;
    expect([asked?.[0], url, JSON.parse(String(init?.body))]).toEqual(['/api/session', '/api/incidents/i/actions', { action: 'transfer', to_grid_id: 7, expected_version: 4 }]);
    expect(new Headers(init?.headers).get('x-page-key'), 'what only a page of this site can know').toBe('the key');
    answer(201, { id: 'p', kind: 'scene' });
    const file = new Blob(['x'], { type: 'image/png' });
    await api.addPhoto('i', { id: 'p', kind: 'scene' }, file);
    const [to, sent] = vi.mocked(fetch).mock.calls[0] ?? [];
    expect([to, sent?.body, new Headers(sent?.headers).get('content-type')]).toEqual(['/api/incidents/i/photos?id=p&kind=scene', file, 'image/png']);
  });
  it('tell an answer that was given up, or cut off, from one that is wrong', async () => {
    const body = (error: Error) =>
      new ReadableStream({ start: (stream) => { stream.enqueue(new TextEncoder().encode('[{"id"')); }, pull: (stream) => stream.error(error) });
    const cut = (error: Error) => vi.stubGlobal('fetch', vi.fn(async () => new Response(body(error), { status: 200 })));
    const faults = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    cut(new DOMException('given up', 'AbortError'));
    await expect(api.incidents({})).rejects.toMatchObject({ name: 'AbortError' });
    cut(new TypeError('network'));
    await expect(api.incidents({})).rejects.toMatchObject({ status: 0, passing: true });
    expect(faults).not.toHaveBeenCalled();
    faults.mockRestore();
  });

  it('tells an unreachable server from a refusal', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => Promise.reject(new TypeError('network'))));
    const error = await api.county().catch((e: unknown) => e);
    expect((error as Problem).passing).toBe(true);
    expect(sentence(error)).toMatch(/连不上服务器/);
  });
  it('never shows the cause of an answer of a wrong shape', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    answer(200, { name: 5 });
    expect(sentence(await api.county().catch((e: unknown) => e))).toMatch(/请刷新页面/);
  });
});
