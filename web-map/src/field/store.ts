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

/** The village this phone works for. */
export interface Village {
  id: string;
  name: string;
}

export function myVillage(): Village | null {
  const [id, name] = (remembered('village') ?? '').split('\n');
  return id && name ? { id, name } : null;
}

/** Whose phone it is, so that the next one to sign in on it begins in the own village. */
export const myAccount = (): string => remembered('account') ?? '';
export const setMyAccount = (name: string): void => remember('account', name);

export const setMyVillage = ({ id, name }: Village): void => remember('village', `${id}\n${name}`);
