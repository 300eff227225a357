/** What may be the same matter, asked for before a report is sent. The question never holds a report up for long. */
import { api, type Report } from '../api/client';
import type { Duplicate } from '../api/shapes';

export const PATIENCE_MS = 2_000;
/** More than these nobody reads on a phone. */
const MOST = 3;

type Ask = (report: Report, signal: AbortSignal) => Promise<{ likely_duplicates: Duplicate[] }>;

/** The likeliest first; none where the network is away, too slow, or the answer is no answer. */
export async function likelyDuplicates(report: Report, online = navigator.onLine, ask: Ask = api.duplicates): Promise<Duplicate[]> {
  if (!online) return [];
  const asking = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS, null)));
  const answer = await Promise.race([ask(report, asking.signal).catch(() => null), late]);
  clearTimeout(timer);
  asking.abort();
  return answer?.likely_duplicates.slice(0, MOST) ?? [];
}
