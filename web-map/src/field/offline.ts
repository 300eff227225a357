/** The phone page opens without a network too, once it has been opened with one. */

/** Hands what the page has loaded to the service worker. Browsers offer one on HTTPS and on this machine alone. */
export async function keepForOffline(): Promise<void> {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  try {
    await navigator.serviceWorker.register('/sw.js');
    const { active } = await navigator.serviceWorker.ready;
    const loaded = performance.getEntriesByType('resource').map(({ name }) => new URL(name)).filter(({ origin, pathname }) => origin === location.origin && (pathname.startsWith('/assets/') || pathname === '/favicon.svg'));
    active?.postMessage({ keep: ['/field', '/api/county', '/api/categories', '/api/summary', ...new Set(loaded.map(({ pathname }) => pathname))] });
  } catch (error) {
    console.warn('the page is not kept for use without a network', error);
  }
}
