/** What this phone remembers. Storage may be forbidden or full: the page then works, and forgets. */
export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(`yitu.field.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`yitu.field.${key}`);
    else localStorage.setItem(`yitu.field.${key}`, value);
  } catch {
    // nothing to be done here
  }
}
