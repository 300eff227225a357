/** Where the sign-in page leads, and back. */

/** The page that was wanted: a path of this site, never another's address. */
export function wanted(search: string = location.search): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  // Two slashes begin another host's address; browsers take a backslash for a slash.
  return /^\/(?![/\\])[^\s\\]*$/.test(next) ? next : '/';
}

/** Leads to the sign-in page, and back here afterwards. */
export function goSignIn(): void {
  if (location.pathname === '/sign-in') return;
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search + location.hash)}`);
}
