/** The map's colours, read from the page's tokens: the style of a map names no colour of its own. */
export interface Theme {
  dark: boolean;
  /** The value of a token, `--map-water` for `map-water`. Throws on a token that does not exist. */
  colour(token: string): string;
}

export function readTheme(root: HTMLElement = document.documentElement): Theme {
  const styles = getComputedStyle(root);
  return {
    dark: root.dataset['theme'] === 'dark',
    colour(token) {
      const value = styles.getPropertyValue(`--${token}`).trim();
      if (!value) throw new Error(`no token named --${token}`);
      return value;
    },
  };
}
