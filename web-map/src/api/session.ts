/** Where the sign-in page leads, and back. */

/** The page that was wanted: a path of this site, never another's address. */
export function wanted(search: string = location.search): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  // Two slashes begin another host's address; browsers take a backslash for a slash.
  return /^\/(?![/\\])[^\s\\]*$/.test(next) ? next : '/';
}

/** Leads to the sign-in page, and back here afterwards; `due`: to somebody who is signed in and has a step left to do. */
export function goSignIn(due = false): void {
  if (location.pathname === '/sign-in') return;
  location.assign(`/sign-in?${due ? 'due&' : ''}next=${encodeURIComponent(location.pathname + location.search + location.hash)}`);
}

/** The way to the county's identity server, and on to the page that was wanted. */
export const throughOidc = (search: string = location.search): string => `/api/session/oidc?next=${encodeURIComponent(wanted(search))}`;

/** Why signing in through it came to nothing, as the server says it in the address. */
export const failure = (search: string = location.search): string | null => new URLSearchParams(search).get('failed');
