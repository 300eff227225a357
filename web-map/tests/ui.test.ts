import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Problem, type Report } from '../src/api/client';
import { incident, type Category, type Duplicate } from '../src/api/shapes';
import { boxOf, centreOf } from '../src/desk/geometry';
import { fieldsOf } from '../src/desk/fields';
import { stepOf, toolsOf } from '../src/desk/tools';
import { likelyDuplicates, PATIENCE_MS } from '../src/field/duplicates';
import { Outbox, type Entry } from '../src/field/outbox';
import { PhotoQueue, type PhotoEntry } from '../src/field/photos';
import { nearestStop } from '../src/field/stops';
import { en } from '../src/i18n/en';
import { zh } from '../src/i18n/zh';
import { quantiles } from '../src/screen/scale';
import { uuid } from '../src/ui/browser';
import { flatten, leaves, spread } from '../src/ui/categories';
import { INCIDENT_ICONS, VENUE_ICONS } from '../src/ui/icons';
import { marked } from '../src/ui/marked';
import { ago, count, deadline, distance, moment } from '../src/ui/format';
import { matches, placed } from '../src/ui/useIncidents';

const NOW = Date.parse('2026-11-25T04:00:00Z');
const ZONE = 'Asia/Shanghai';

describe('words', () => {
  it('have the same blanks in both languages', () => {
    const blanks = (text: string) => [...text.matchAll(/\{\w+\}/g)].map((m) => m[0]).sort();
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) expect(blanks(en[key]), key).toEqual(blanks(zh[key]));
  });
  it('are Chinese in Chinese', () => {
    const bare = Object.entries(zh).filter(([key, text]) => key !== 'app.switch' && !/\p{Script=Han}/u.test(text));
    expect(bare).toEqual([]);
  });
});

describe('numbers and times', () => {
  it('reads as people do', () => {
    expect(count(160234)).toBe('160,234');
    expect(distance(87.4)).toBe('87 米');
    expect(distance(2345)).toBe('2.3 公里');
  });
  it('is in the time of the county, wherever the browser stands', () => {
    expect(moment('2026-11-24T23:30:00Z', ZONE)).toBe('11/25 07:30');
  });
  it.each([
    ['2026-11-25T03:59:30Z', '刚刚'], ['2026-11-25T03:50:00Z', '10 分钟前'], ['2026-11-24T22:00:00Z', '6 小时前'], ['2026-11-22T04:00:00Z', '3 天前'],
  ])('%s is %s', (instant, text) => expect(ago(instant, NOW, ZONE)).toBe(text));
  it('tells what is left from what is late', () => {
    expect(deadline('2026-11-25T06:00:00Z', NOW)).toEqual({ text: '剩 2 小时', late: false });
    expect(deadline('2026-11-22T04:00:00Z', NOW)).toEqual({ text: '超期 3 天', late: true });
  });
});

describe('what was searched for', () => {
  it('stands out in a name, whatever its case', () => {
    expect(marked('枕溪镇', '溪')).toEqual([{ text: '枕', found: false }, { text: '溪', found: true }, { text: '镇', found: false }]);
    expect(marked('LX0079866', ' lx ')).toEqual([{ text: 'LX', found: true }, { text: '0079866', found: false }]);
  });
  it('leaves a name whole that was found by its sound', () => {
    expect(marked('龙溪村', 'lxc')).toEqual([{ text: '龙溪村', found: false }]);
    expect(marked('龙溪村', ' ')).toEqual([{ text: '龙溪村', found: false }]);
  });
});

describe('categories', () => {
  const category = (code: string, name: string, parent: string | null): Category => ({ code, name, parent, restricted: false, village_admitted: true, photo_needed: false });
  const all = [category('1', '环境卫生', null), category('11', '垃圾清运', '1'), category('12', '污水', '1'), category('2', '矛盾纠纷', null), category('21', '邻里纠纷', '2')];
  it('fold and unfold', () => {
    expect(flatten(all, '', new Set()).map((r) => r.category.code)).toEqual(['1', '2']);
    expect(flatten(all, '', new Set(['1'])).map((r) => [r.category.code, r.depth])).toEqual([['1', 0], ['11', 1], ['12', 1], ['2', 0]]);
  });
  it('find a leaf with its branch, and a branch with its leaves', () => {
    expect(flatten(all, '污水', new Set()).map((r) => r.category.code)).toEqual(['1', '12']);
    expect(flatten(all, '纠纷', new Set()).map((r) => r.category.code)).toEqual(['2', '21']);
    expect(flatten(all, '环境', new Set()).map((r) => r.category.code)).toEqual(['1', '11', '12']);
    expect(flatten(all, '没有', new Set())).toEqual([]);
  });
  it('show something of every branch first', () => expect(spread(leaves(all)).map((c) => c.code)).toEqual(['11', '21', '12']));
  it('pick only what has nothing below', () => expect(leaves(all).map((c) => c.code)).toEqual(['11', '12', '21']));
});

describe('incidents in a list', () => {
  const at = (id: string, reported_at: string, state = 'pending_accept') => incident({ id, state, reported_at }, '');
  const a = at('a', '2026-11-25T03:00:00Z');
  const b = at('b', '2026-11-25T01:00:00Z');
  it('stand newest first and once', () => {
    const c = at('c', '2026-11-25T02:00:00Z');
    expect(placed([a, b], c).map((i) => i.id)).toEqual(['a', 'c', 'b']);
    expect(placed([a, b], at('b', '2026-11-25T01:00:00Z', 'closed')).map((i) => [i.id, i.state])).toEqual([['a', 'pending_accept'], ['b', 'closed']]);
    expect(placed([], a)).toEqual([a]);
  });
  it('match their filter', () => {
    expect(matches(a, { state: 'pending_accept,in_progress' })).toBe(true);
    expect(matches(a, { state: 'closed' })).toBe(false);
    expect(matches(a, { overdue: true })).toBe(false);
  });
});

describe('the outbox', () => {
  const report = (id: string): Report => ({ id, category: 'c', description: 'd', urgency: 'ordinary', location: { source: 'map', lon: 1, lat: 2 }, reported_at: '2026-11-25T04:00:00Z' });
  const done = (id: string) => incident({ id, state: 'pending_accept' }, '');
  function box(send: (r: Report) => Promise<ReturnType<typeof done>>, kept: string | null = null) {
    let text = kept;
    let seen: Entry[] = [];
    const outbox = new Outbox({ read: () => text, write: (t) => (text = t) }, send, (entries) => (seen = entries));
    return { outbox, seen: () => seen, kept: () => text };
  }
  it('forgets a report only once the server has it', async () => {
    let up = false;
    const tried: string[] = [];
    const { outbox, seen, kept } = box(async ({ id }) => {
      tried.push(id);
      if (!up) throw new Problem(0, '连不上');
      return done(id);
    });
    expect(await outbox.add(report('a'), '垃圾')).toBeNull();
    expect(await outbox.add(report('b'), '污水')).toBeNull();
    expect(seen().map((e) => e.state)).toEqual(['waiting', 'waiting']);
    expect(tried).toEqual(['a', 'a']);
    up = true;
    expect([...(await outbox.flush()).keys()]).toEqual(['a', 'b']);
    expect(kept()).toBe('[]');
  });
  it('sets a refused report aside and goes on', async () => {
    const { outbox, seen } = box(async ({ id }) => {
      if (id === 'bad') throw new Problem(422, '不在县内');
      return done(id);
    });
    await outbox.add(report('bad'), '垃圾');
    expect((await outbox.add(report('good'), '污水'))?.id).toBe('good');
    expect(seen()).toMatchObject([{ state: 'failed', trouble: '不在县内' }]);
  });
  it('sends again under the same id what was cut off while sending', async () => {
    const cut = JSON.stringify([{ report: report('a'), title: '垃圾', state: 'sending', trouble: '' }]);
    const tried: string[] = [];
    const { outbox } = box(async ({ id }) => (tried.push(id), done(id)), cut);
    await outbox.flush();
    expect(tried).toEqual(['a']);
  });
  it('survives a broken store', () => expect(box(async ({ id }) => done(id), '{nonsense').seen()).toEqual([]));
});

describe('the question whether it is reported already', () => {
  afterEach(() => vi.useRealTimers());
  const report: Report = { id: 'a', category: 'c', description: 'd', urgency: 'ordinary', location: { source: 'map', lon: 1, lat: 2 }, reported_at: '2026-11-25T04:00:00Z' };
  const one = (id: string): Duplicate => ({ id, number: '7', category_name: '垃圾', state: 'in_progress', distance_m: 12, minutes: 30, score: 0.9, sentence: '可能是同一件事。' });
  it('offers the likeliest few', async () => {
    const found = await likelyDuplicates(report, true, async () => ({ likely_duplicates: ['1', '2', '3', '4'].map(one) }));
    expect(found.map((d) => d.id)).toEqual(['1', '2', '3']);
  });
  it('is not asked without a network', async () => {
    const ask = vi.fn(async () => ({ likely_duplicates: [one('1')] }));
    expect(await likelyDuplicates(report, false, ask)).toEqual([]);
    expect(ask).not.toHaveBeenCalled();
  });
  it('is dropped where the server refuses it or cannot be reached', async () => {
    expect(await likelyDuplicates(report, true, async () => Promise.reject(new Problem(0, '连不上')))).toEqual([]);
  });
  it('is given up after two seconds, and the request with it', async () => {
    vi.useFakeTimers();
    let signal: AbortSignal | undefined;
    const found = likelyDuplicates(report, true, (_, given) => ((signal = given), new Promise(() => undefined)));
    await vi.advanceTimersByTimeAsync(PATIENCE_MS - 1);
    expect(signal?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await found).toEqual([]);
    expect(signal?.aborted).toBe(true);
  });
});

describe('photos on their way', () => {
  const photo = (id: string, of: string): PhotoEntry => ({ id, incident: of, file: new Blob(['x'], { type: 'image/jpeg' }), taken_at: '2026-11-25T04:00:00Z', trouble: '' });
  function queue(send: (entry: PhotoEntry) => Promise<unknown>, before: PhotoEntry[] = []) {
    const kept = new Map(before.map((e) => [e.id, e]));
    let seen: PhotoEntry[] = [];
    const photos = new PhotoQueue({
      all: async () => [...kept.values()],
      put: async (e) => void kept.set(e.id, e),
      remove: async (id) => void kept.delete(id),
    }, send, (all) => (seen = all));
    return { photos, kept, seen: () => seen };
  }
  it('wait for their own report only', async () => {
    const sent: string[] = [];
    const { photos, kept } = queue(async ({ id }) => sent.push(id));
    await photos.add([photo('p1', 'a'), photo('p2', 'b')]);
    const held = new Set(['a']);
    await photos.flush(() => held);
    expect([sent, [...kept.keys()]]).toEqual([['p2'], ['p1']]);
    held.clear();
    await photos.flush(() => held);
    expect([sent, kept.size]).toEqual([['p2', 'p1'], 0]);
  });
  it('are kept while there is no network, and sent again under the same id by the next visit', async () => {
    const tried: string[] = [];
    const { photos, kept } = queue(async ({ id }) => (tried.push(id), Promise.reject(new Problem(0, '连不上'))));
    await photos.add([photo('p1', 'a'), photo('p2', 'a')]);
    await photos.flush(() => new Set());
    expect([tried, kept.size]).toEqual([['p1'], 2]);
    const next = queue(async ({ id }) => tried.push(id), [...kept.values()]);
    await next.photos.restore();
    await next.photos.flush(() => new Set());
    expect([tried, next.kept.size]).toEqual([['p1', 'p1', 'p2'], 0]);
  });
  it('are set aside when refused, with the reason, and can be sent again or dropped', async () => {
    let refuses = true;
    const { photos, kept, seen } = queue(async ({ id }) => (refuses && id === 'bad' ? Promise.reject(new Problem(422, '照片损坏')) : undefined));
    await photos.add([photo('bad', 'a'), photo('good', 'a')]);
    await photos.flush(() => new Set());
    expect(seen().map((e) => [e.id, e.trouble])).toEqual([['bad', '照片损坏']]);
    await photos.retry();
    await photos.flush(() => new Set());
    expect(seen().map((e) => e.trouble)).toEqual(['照片损坏']);
    refuses = false;
    await photos.drop((e) => e.trouble !== '');
    expect([seen(), kept.size]).toEqual([[], 0]);
  });
  it('are held by the page where the phone does not keep them', async () => {
    const sent: string[] = [];
    const no = async () => Promise.reject(new Error('forbidden'));
    const photos = new PhotoQueue({ all: no, put: no, remove: no }, async ({ id }) => sent.push(id), () => undefined);
    await photos.restore();
    await photos.add([photo('p1', 'a')]);
    await photos.flush(() => new Set());
    expect(sent).toEqual(['p1']);
  });
});

describe('what the desk does to an incident', () => {
  const every = ['accept', 'transfer', 'locate', 'whistle', 'deliberate', 'comment'];
  it('offers what its state allows', () => {
    expect(toolsOf({ state: 'pending_location', actions: ['transfer', 'locate', 'comment'], restricted: false })).toEqual(['locate', 'transfer']);
    expect(toolsOf({ state: 'pending_accept', actions: every, restricted: false })).toEqual(['transfer', 'whistle']);
    expect(toolsOf({ state: 'in_progress', actions: ['transfer', 'whistle', 'deliberate'], restricted: false })).toEqual(['transfer', 'whistle', 'deliberate']);
    expect(toolsOf({ state: 'closed', actions: ['rate'], restricted: false })).toEqual([]);
  });
  it('tells nobody else of a restricted matter', () => {
    expect(toolsOf({ state: 'in_progress', actions: every, restricted: true })).toEqual(['transfer']);
  });
  it('sends nothing before it has what it needs', () => {
    const unit = (id: string) => ({ id, kind: 'department', name: '水利局', org_name: '' });
    const none = { note: ' ', units: [], place: null };
    expect(stepOf('locate', none)).toBeNull();
    expect(stepOf('transfer', none)).toBeNull();
    expect(stepOf('whistle', none)).toBeNull();
    expect(stepOf('deliberate', none)).toEqual({ action: 'deliberate' });
    expect(stepOf('locate', { ...none, place: { lon: 118, lat: 25 } })).toEqual({ action: 'locate', location: { source: 'map', lon: 118, lat: 25 } });
    expect(stepOf('transfer', { ...none, note: ' 归口 ', units: [unit('7')] })).toEqual({ action: 'transfer', note: '归口', to_unit_id: 7 });
    expect(stepOf('whistle', { ...none, units: [unit('7'), unit('8')] })).toEqual({ action: 'whistle', unit_ids: [7, 8] });
  });
});

describe('small parts', () => {
  it('lets a sheet go to its nearest stop', () => {
    const heights = { low: 100, half: 400, full: 800 };
    expect([120, 300, 590, 610].map((h) => nearestStop(h, heights))).toEqual(['low', 'half', 'half', 'full']);
  });
  it('classes by quantiles, and does not invent classes for equal values', () => {
    const scale = quantiles([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(new Set([1, 3, 5, 7, 9, 11].map((v) => scale.classOf(v))).size).toBe(6);
    expect(quantiles([4, 4, 4]).breaks).toEqual([]);
    expect(quantiles([]).classOf(3)).toBe(0);
  });
  it('finds the box of any geometry', () => {
    expect(boxOf({ type: 'MultiPolygon', coordinates: [[[[0, 0], [2, 0], [2, 3]]], [[[-1, 1], [0, 1], [0, 2]]]] })).toEqual([-1, 0, 2, 3]);
    expect(centreOf({ type: 'Point', coordinates: [5, 6] })).toEqual({ lon: 5, lat: 6 });
    expect(boxOf({ type: 'Polygon', coordinates: [] })).toBeNull();
  });
  it('stands inside an area, not at the middle of its box', () => {
    const bent = [[[0, 0], [10, 0], [10, 10], [9, 10], [9, 1], [1, 1], [1, 10], [0, 10], [0, 0]]];
    const { lon = 5 } = centreOf({ type: 'MultiPolygon', coordinates: [[[[20, 20], [21, 20], [21, 21], [20, 20]]], bent] }) ?? {};
    expect(lon < 1 || (lon > 9 && lon < 10)).toBe(true);
  });
  it('shows attributes with words, in order, without the empty ones', () => {
    const shown = fieldsOf('household', { address: '溪口村 12 号', number: 'H1', tags: '独居老人,低保', head_name: '', geom_hash: 'x' });
    expect(shown.map((f) => [f.key, f.tags ?? f.value])).toEqual([['number', 'H1'], ['address', '溪口村 12 号'], ['tags', ['独居老人', '低保']]]);
  });
});

describe('attributes of the layers', () => {
  it('speak Chinese where the database speaks in codes', () => {
    const text = (layer: string, properties: Record<string, unknown>) => fieldsOf(layer, properties).map((f) => `${f.label} ${f.value}`);
    expect(text('responder', { roles: ['grid_worker', 'party_member'], skills: ['调解'] })).toEqual(['身份 网格员、党员', '专长 调解']);
    expect(text('venue', { kind: 'pavilion', capacity: 40, opening_hours: '全天' })).toEqual(['类别 议事亭', '容量 40', '开放时间 全天']);
    expect(text('grid', { kind: 'dedicated' })).toEqual(['类别 专属网格']);
    expect(text('settlement', { kind: 'hamlet' })).toEqual(['类别 自然村']);
    expect(text('region', { kind: '镇', level: 'township' })).toEqual(['类别 镇']);
    expect(text('household', { grid_source: 'register' })).toEqual(['网格依据 按登记']);
    expect(text('social_org', { registered: false })).toEqual(['备案 未备案']);
  });
});

/** The words the database's enumerations are made of, as its migrations declare them. */
describe('the codes of the database', () => {
  const migrations = readdirSync('../migrations').filter((f) => f.endsWith('.sql')).map((f) => readFileSync(`../migrations/${f}`, 'utf8')).join('\n');
  const values = (type: string) => [...(new RegExp(`CREATE TYPE ${type} AS ENUM\\s*\\(([^)]*)\\)`).exec(migrations)?.[1] ?? '').matchAll(/'([a-z_]+)'/g)].map((m) => m[1] ?? '');
  it.each([
    ['incident_state', 'state'], ['incident_action', 'action'], ['urgency', 'urgency'], ['venue_kind', 'venue'], ['road_class', 'roadclass'],
    ['grid_kind', 'gridkind'], ['grid_source', 'gridsource'], ['appointment_role', 'role'], ['handling_unit_kind', 'level'], ['region_level', 'level'],
  ])('%s have words', (type, prefix) => {
    expect(values(type).length).toBeGreaterThan(1);
    expect(values(type).filter((value) => !(`${prefix}.${value}` in zh))).toEqual([]);
  });
  it('name every state and venue the map can draw', () => {
    expect(values('incident_state')).toEqual(Object.keys(INCIDENT_ICONS));
    expect(values('venue_kind').sort()).toEqual(Object.keys(VENUE_ICONS).sort());
  });
});

describe('the house', () => {
  const files = (dir: string): string[] => readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? files(join(dir, e.name)) : [join(dir, e.name)]));
  const sources = files('src').filter((f) => /\.(ts|vue|css)$/.test(f)).map((f) => [f, readFileSync(f, 'utf8')] as const);
  it('names colours in the tokens only', () => {
    const colour = /#[0-9a-f]{3,8}\b(?![-\w])|\b(rgba?|hsla?)\(\s*\d+\s*,/i;
    const guilty = sources.filter(([file, text]) => !file.endsWith('tokens.css') && colour.test(text.replace(/&#\d+;/g, ''))).map(([file]) => file);
    expect(guilty).toEqual([]);
  });
  it('uses only tokens that both themes define', () => {
    const tokens = readFileSync('src/ui/tokens.css', 'utf8');
    const of = (theme: string) => new Set([...(tokens.split(`[data-theme='${theme}']`)[1]?.split('\n}')[0] ?? '').matchAll(/--([\w-]+):/g)].map((m) => m[1]));
    expect([...of('light')].sort()).toEqual([...of('dark')].sort());
    const root = new Set([...(tokens.split(':root {')[1]?.split('\n}')[0] ?? '').matchAll(/--([\w-]+):/g)].map((m) => m[1]));
    const used = sources.flatMap(([, text]) => [...text.matchAll(/(?:colour\(|var\(--)'?((?:map|state|seq)-[\w-]+)'?\)/g)].map((m) => m[1] ?? ''));
    expect(used.filter((name) => !of('light').has(name) && !root.has(name) && !name.endsWith('-'))).toEqual([]);
  });
  it('names no other host', () => {
    const guilty = sources.filter(([, text]) => /https?:\/\/(?!www\.w3\.org\/2000\/svg)/.test(text)).map(([file]) => file);
    expect(guilty).toEqual([]);
  });
});

describe('without a secure page', () => {
  it('makes a UUID of version 4', () => {
    expect(uuid((bytes) => bytes.fill(0xff))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
    expect(uuid((bytes) => bytes.fill(0))).toBe('00000000-0000-4000-8000-000000000000');
    expect(new Set(Array.from({ length: 100 }, () => uuid())).size).toBe(100);
  });
});
