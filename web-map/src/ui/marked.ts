export interface Part {
  text: string;
  found: boolean;
}

/** A text in parts, with what was searched for told apart; pinyin and phone numbers leave no trace in it. */
export function marked(text: string, query: string): Part[] {
  const wanted = query.trim().toLocaleLowerCase();
  const at = wanted === '' ? -1 : text.toLocaleLowerCase().indexOf(wanted);
  if (at < 0) return [{ text, found: false }];
  const end = at + wanted.length;
  const parts = [{ text: text.slice(0, at), found: false }, { text: text.slice(at, end), found: true }, { text: text.slice(end), found: false }];
  return parts.filter((part) => part.text !== '');
}
