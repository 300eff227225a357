/** Classes of a choropleth: quantiles, so that a few crowded regions do not leave the others alike. */
export interface Scale {
  /** The least value of each class after the first. */
  breaks: number[];
  classOf(value: number): number;
}

export function quantiles(values: readonly number[], classes = 6): Scale {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const breaks: number[] = [];
  for (let i = 1; i < classes; i += 1) {
    const value = sorted[Math.ceil((i * sorted.length) / classes)];
    if (value !== undefined && value > (breaks.at(-1) ?? sorted[0] ?? 0)) breaks.push(value);
  }
  return { breaks, classOf: (value) => breaks.filter((b) => value >= b).length };
}
