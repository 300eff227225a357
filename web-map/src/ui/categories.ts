import type { Category } from '../api/shapes';

export interface Row {
  category: Category;
  depth: number;
  /** Has categories below it, so that it is opened, not picked. */
  parent: boolean;
  open: boolean;
}

/**
 * The category tree as rows to show. With words to find, every match is shown with the branches that lead to it and
 * what lies below it; else the branches that are unfolded.
 */
export function flatten(categories: readonly Category[], find: string, unfolded: ReadonlySet<string>): Row[] {
  const codes = new Set(categories.map((c) => c.code));
  const below = grouped(categories, codes);
  const wanted = find.trim();
  const rows: Row[] = [];
  const walk = (parent: string, depth: number, shown: boolean): boolean => {
    let any = false;
    for (const category of below.get(parent) ?? []) {
      const match = shown || (wanted !== '' && category.name.includes(wanted));
      const isParent = below.has(category.code);
      const at = rows.length;
      const open = wanted !== '' || unfolded.has(category.code);
      rows.push({ category, depth, parent: isParent, open });
      const inside = isParent && open ? walk(category.code, depth + 1, match) : false;
      if (wanted !== '' && !match && !inside) rows.splice(at);
      else any = true;
    }
    return any;
  };
  walk('', 0, false);
  return rows;
}

function grouped(categories: readonly Category[], codes: ReadonlySet<string>): Map<string, Category[]> {
  const groups = new Map<string, Category[]>();
  for (const category of categories) {
    const parent = category.parent !== null && codes.has(category.parent) ? category.parent : '';
    groups.set(parent, [...(groups.get(parent) ?? []), category]);
  }
  return groups;
}

/** Categories that can be picked: those with nothing below them. */
export function leaves(categories: readonly Category[]): Category[] {
  const parents = new Set(categories.map((c) => c.parent));
  return categories.filter((c) => !parents.has(c.code));
}

/** The same categories, one of each branch in turn, so that the first few show something of everything. */
export function spread(categories: readonly Category[]): Category[] {
  const turns = new Map<string | null, number>();
  const ranked = categories.map((category, index) => {
    const turn = turns.get(category.parent) ?? 0;
    turns.set(category.parent, turn + 1);
    return { category, turn, index };
  });
  return ranked.sort((a, b) => a.turn - b.turn || a.index - b.index).map((one) => one.category);
}
