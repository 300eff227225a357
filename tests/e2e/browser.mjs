// What every browser test needs: a real Chromium, pages that are watched, and answers of the server to compare with.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const address = process.env.YITU_URL;
if (!address) throw new Error('YITU_URL must name a running server with the demo county, for example http://127.0.0.1:8080');
export const base = new URL(address).origin;
const shots = process.env.SHOTS;
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** What the tests themselves ask, they ask as the county's duty officer; pages sign in as the same. */
const { duty_officer: token } = JSON.parse(readFileSync(process.env.TOKENS, 'utf8'));
const bare = globalThis.fetch;
globalThis.fetch = (url, init = {}) =>
  new URL(url).origin === base ? bare(url, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } }) : bare(url, init);
export const DUTY_OFFICER = { name: 'duty_officer', password: 'Lanxi-demo-2026' };

/** A software renderer draws slowly; every wait is for a condition, up to this long. */
export const PATIENCE = 60_000;

export const SIZES = { screen: { width: 1920, height: 1080 }, desk: { width: 1440, height: 900 }, field: { width: 390, height: 844 }, home: { width: 1440, height: 900 } };

export const launch = () =>
  chromium.launch({
    executablePath,
    args: ['--headless', '--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-background-networking', '--no-first-run'],
  });

/** Opens a page of its own and writes down everything a user should never meet. */
export async function open(browser, path, { viewport = SIZES.desk, geolocation, before, origin = base, as = DUTY_OFFICER } = {}) {
  const context = await browser.newContext({ viewport, locale: 'zh-CN', ...(geolocation ? { geolocation, permissions: ['geolocation'] } : {}) });
  context.setDefaultTimeout(PATIENCE);
  let key = '';
  // A cookie goes to every port of its host, so also to a page that comes through a proxy.
  if (as) {
    const signedIn = await context.request.post(`${base}/api/session`, { data: as });
    assert.equal(signedIn.status(), 200, await signedIn.text());
    ({ page_key: key } = await signedIn.json());
  }
  const page = await context.newPage();
  const faults = [];
  const tiles = [];
  page.on('console', (message) => message.type() === 'error' && faults.push(`console: ${message.text()} ${message.location().url}`));
  page.on('pageerror', (error) => faults.push(`page: ${error.message}`));
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (/^https?:$/.test(url.protocol) && url.origin !== origin) faults.push(`another host: ${url.href}`);
  });
  page.on('response', async (response) => {
    if (!/^\/tiles\/(?!dem\/)/.test(new URL(response.url()).pathname) || response.status() !== 200) return;
    const sizes = await response.request().sizes().catch(() => null);
    if (sizes) tiles.push({ url: response.url(), bytes: sizes.responseBodySize });
  });
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  await before?.(page);
  await page.goto(origin + path);
  return { page, context, faults, tiles, key };
}

export const idle = (page) => page.locator('.map[data-map="idle"]').waitFor();

export async function shoot(page, name) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`) });
}

export async function ask(path) {
  const response = await fetch(base + path, { headers: { 'accept-language': 'zh-CN' } });
  assert.equal(response.status, 200, `${path} answers ${response.status}`);
  return response.json();
}

/** A place well inside a general grid of the demo county, as the server itself locates it; in another township for another `skip`. */
export async function somewhere(skip = 0) {
  const county = await ask('/api/summary');
  const townships = county.children.map((child) => child.region.id);
  const first = skip % townships.length;
  for (const id of [...townships.slice(first), ...townships.slice(0, first)]) {
    const { children } = await ask(`/api/summary?region=${id}`);
    for (const { region } of children) {
      const [w, s, e, n] = region.bbox;
      for (const [u, v] of [[0.5, 0.5], [0.4, 0.6], [0.6, 0.4], [0.35, 0.4], [0.65, 0.6]]) {
        const [lon, lat] = [w + (e - w) * u, s + (n - s) * v];
        const response = await fetch(`${base}/api/locate?lon=${lon}&lat=${lat}`);
        if (!response.ok) continue;
        const place = await response.json();
        const [grid] = place.grids;
        if (grid?.kind === 'general' && (grid.probability ?? 1) > 0.99 && String(place.village?.id) === String(region.id)) return { lon, lat, grid, place, village: region };
      }
    }
  }
  throw new Error('no place found that lies inside a general grid');
}

export const hash = (zoom, { lon, lat }, more = '') => `#map=${zoom}/${lat.toFixed(5)}/${lon.toFixed(5)}${more}`;
export const CHINESE = /\p{Script=Han}{4,}/u;
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
