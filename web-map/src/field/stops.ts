export type Stop = 'low' | 'half' | 'full';

/** The stop whose height is nearest to where the sheet was let go. */
export function nearestStop(height: number, heights: Record<Stop, number>): Stop {
  const order: Stop[] = ['low', 'half', 'full'];
  return order.reduce((best, stop) => (Math.abs(heights[stop] - height) < Math.abs(heights[best] - height) ? stop : best), 'low');
}
