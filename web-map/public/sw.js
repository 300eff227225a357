/**
 * Opens the phone page without a network: the page itself, the county and the base map as last seen. Whatever names
 * people (households, incidents, search) is never kept on the phone. Its scope is the whole site, since the map asks
 * for tiles from a worker under /assets/; other pages are left alone.
 */
const PAGES = 'yitu-field-pages-1';
const TILES = 'yitu-field-tiles-1';
const MOST_TILES = 1200;
/** A network so weak is as good as none, where something is kept. */
const PATIENCE_MS = 4000;
const API = /^\/api\/(county|categories|summary)$|^\/ogc\/collections\/region\/items\//;
const BASE = /^\/tiles\/(dem|land_use|water|road|building|settlement|region|grid|villager_group|venue)\/\d+\/\d+\/\d+$/;

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(tidy().then(() => self.clients.claim())));
self.addEventListener('message', (event) => event.waitUntil(keep(event.data?.keep ?? [])));
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  if (request.method !== 'GET' || origin !== self.location.origin) return;
  if (request.mode === 'navigate') {
    if (pathname === '/field') event.respondWith(freshest(event, PAGES, pathname, PATIENCE_MS));
  } else if (pathname.startsWith('/assets/') || pathname === '/favicon.svg') event.respondWith(kept(request));
  else if (API.test(pathname) && asker(request) === '/field') event.respondWith(freshest(event, PAGES, pathname + search, PATIENCE_MS));
  else if (BASE.test(pathname)) event.respondWith(freshest(event, TILES, pathname));
});

/** What the page has loaded is kept; files of earlier editions go. */
async function keep(paths) {
  const cache = await caches.open(PAGES);
  for (const path of paths) {
    if (path.startsWith('/assets/') && (await cache.match(path))) continue;
    const response = await fetch(path).catch(() => null);
    if (response?.ok) await cache.put(path, response);
  }
  for (const { url } of await cache.keys()) {
    const { pathname } = new URL(url);
    if (pathname.startsWith('/assets/') && !paths.includes(pathname)) await cache.delete(url);
  }
}

async function tidy() {
  for (const name of await caches.keys()) if (name !== PAGES && name !== TILES) await caches.delete(name);
}

const asker = ({ referrer }) => (referrer ? new URL(referrer).pathname : '');

/** From the network, and from the phone where that fails or takes longer than `patience`. */
async function freshest(event, name, key, patience) {
  const cache = await caches.open(name);
  const fetched = fetch(event.request).then((response) => {
    if (response.ok) event.waitUntil(store(cache, name, key, response.clone()));
    return response;
  });
  const known = await cache.match(key, { ignoreVary: true });
  if (!known) return fetched;
  const late = patience === undefined ? [] : [new Promise((resolve) => setTimeout(resolve, patience, known))];
  return Promise.race([fetched, ...late]).catch(() => known);
}

/** Files whose names carry a hash of their content never change. */
async function kept(request) {
  return (await caches.match(request, { ignoreVary: true })) ?? fetch(request);
}

async function store(cache, name, key, response) {
  await cache.put(key, response);
  if (name !== TILES) return;
  const keys = await cache.keys();
  for (const old of keys.slice(0, Math.max(0, keys.length - MOST_TILES))) await cache.delete(old);
}
