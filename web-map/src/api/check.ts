/**
 * Runtime checks at the edge: what the server says is looked at once, here, and is typed from then on.
 * A check takes an unknown value and its path, and returns the value with its type or throws a ShapeError.
 */
export type Check<T> = (value: unknown, path: string) => T;
export type Checked<C> = C extends Check<infer T> ? T : never;

/** The server's answer does not have the agreed shape; `path` names the place. */
export class ShapeError extends Error {
  constructor(
    readonly path: string,
    readonly wanted: string,
    value: unknown,
  ) {
    super(`${path || '(answer)'}: expected ${wanted}, got ${value === null ? 'null' : typeof value}`);
    this.name = 'ShapeError';
  }
}

export const str: Check<string> = (value, path) => {
  if (typeof value === 'string') return value;
  throw new ShapeError(path, 'a string', value);
};

export const num: Check<number> = (value, path) => {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new ShapeError(path, 'a number', value);
};

export const bool: Check<boolean> = (value, path) => {
  if (typeof value === 'boolean') return value;
  throw new ShapeError(path, 'true or false', value);
};

/** A number or a string; kept as text. Ids of features are numbers, ids of incidents are UUIDs. */
export const id: Check<string> = (value, path) => {
  if (typeof value === 'number' || typeof value === 'string') return String(value);
  throw new ShapeError(path, 'an id', value);
};

/** Absent and null both become null. */
export const maybe =
  <T>(check: Check<T>): Check<T | null> =>
  (value, path) =>
    value === null || value === undefined ? null : check(value, path);

/** Absent and null become the fallback. */
export const or =
  <T>(check: Check<T>, fallback: T): Check<T> =>
  (value, path) =>
    value === null || value === undefined ? fallback : check(value, path);

export const list =
  <T>(check: Check<T>): Check<T[]> =>
  (value, path) => {
    if (!Array.isArray(value)) throw new ShapeError(path, 'a list', value);
    return value.map((item, index) => check(item, `${path}/${index}`));
  };

export const oneOf =
  <const T extends readonly string[]>(...allowed: T): Check<T[number]> =>
  (value, path) => {
    if (typeof value === 'string' && allowed.includes(value)) return value;
    throw new ShapeError(path, allowed.join(' | '), value);
  };

export const dict =
  <T>(check: Check<T>): Check<Record<string, T>> =>
  (value, path) => {
    const entries = Object.entries(record(value, path));
    return Object.fromEntries(entries.map(([key, item]) => [key, check(item, `${path}/${key}`)]));
  };

type Fields = Record<string, Check<unknown>>;
type Shape<F extends Fields> = { [K in keyof F]: Checked<F[K]> };

/** An object with these fields; others are dropped, so that nothing unchecked travels on. */
export const obj =
  <F extends Fields>(fields: F): Check<Shape<F>> =>
  (value, path) => {
    const source = record(value, path);
    const out: Record<string, unknown> = {};
    for (const [key, check] of Object.entries(fields)) out[key] = check(source[key], `${path}/${key}`);
    return out as Shape<F>;
  };

export const record: Check<Record<string, unknown>> = (value, path) => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new ShapeError(path, 'an object', value);
};

/** [west, south, east, north] in degrees. */
export const bbox: Check<[number, number, number, number]> = (value, path) => {
  const [w, s, e, n, ...rest] = list(num)(value, path);
  if (w === undefined || s === undefined || e === undefined || n === undefined || rest.length > 0) {
    throw new ShapeError(path, '[west, south, east, north]', value);
  }
  return [w, s, e, n];
};
