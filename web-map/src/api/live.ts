/** The live stream: what changed on the server reaches every open map. */
import { ref, type Ref } from 'vue';
import { path } from './client';
import { liveIncident, liveTiles, type LiveIncident, type LiveTiles } from './shapes';

export type LiveEvent =
  | { topic: 'tiles'; data: LiveTiles }
  | { topic: 'incident'; data: LiveIncident }
  | { topic: 'summary' };

/** One event of the stream, or null when it is of no known topic or is malformed. */
export function readEvent(topic: string, text: string): LiveEvent | null {
  try {
    if (topic === 'summary') return { topic };
    const data: unknown = JSON.parse(text);
    if (topic === 'tiles') return { topic, data: liveTiles(data, '') };
    if (topic === 'incident') return { topic, data: liveIncident(data, '') };
  } catch (error) {
    console.warn('live event not understood', topic, error);
  }
  return null;
}

/** Reporting and dispatching are one step each, so an incident nobody has touched yet is of version 2. */
const DISPATCHED_VERSION = 2;

/** Whether an incident has only just been reported: dispatched, and nobody has acted on it. */
export function isJustReported({ state, version }: Pick<LiveIncident, 'state' | 'version'>): boolean {
  return ['pending_location', 'pending_dispatch', 'pending_accept'].includes(state) && version <= DISPATCHED_VERSION;
}

/** All incidents may be others: no single one is told, as after a gap that the server could not replay. */
const isWhole = ({ layer, tiles }: LiveTiles) => layer === 'incident' && tiles === 'all';

export type LiveState = 'connecting' | 'live' | 'lost';

export interface Live {
  state: Ref<LiveState>;
  /** Called for each event. `resumed` after a gap nobody can tell of: reload what is shown. */
  on(handler: (event: LiveEvent | { topic: 'resumed' }) => void): () => void;
  close(): void;
}

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
/** A page nobody looks at gives its connection back: browsers allow few to one host. */
const HIDDEN_MS = 60_000;

/**
 * Opens the stream and keeps it open: the browser resumes short cuts by itself, we reopen refused ones. Either way the
 * server is told the last event that arrived, and tells what was missed since.
 */
export function openLive(topics: readonly ('tiles' | 'incident' | 'summary')[]): Live {
  const state = ref<LiveState>('connecting');
  const handlers = new Set<(event: LiveEvent | { topic: 'resumed' }) => void>();
  let source: EventSource | null = null;
  let last = '';
  let retry = FIRST_RETRY_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let closed = false;

  const tell = (event: LiveEvent | { topic: 'resumed' }) => handlers.forEach((handler) => handler(event));

  const open = () => {
    // A new stream sends no Last-Event-ID; when the browser resumes this one, it sends a later one, which counts.
    source = new EventSource(path('/live', { topics: topics.join(','), last_event_id: last }));
    source.onopen = () => {
      const cut = state.value === 'lost';
      state.value = 'live';
      if (cut && last === '') tell({ topic: 'resumed' });
      retry = FIRST_RETRY_MS;
    };
    source.onerror = () => {
      state.value = 'lost';
      if (source?.readyState === EventSource.CLOSED && !closed) {
        timer = setTimeout(open, retry);
        retry = Math.min(retry * 2, LAST_RETRY_MS);
      }
    };
    for (const topic of topics) {
      source.addEventListener(topic, ({ data, lastEventId }: MessageEvent<string>) => {
        last = lastEventId;
        const event = readEvent(topic, data);
        if (event) tell(event);
        if (event?.topic === 'tiles' && isWhole(event.data)) tell({ topic: 'resumed' });
      });
    }
  };
  open();

  let hidden: ReturnType<typeof setTimeout> | undefined;
  const seen = () => {
    clearTimeout(hidden);
    if (document.visibilityState === 'hidden') {
      hidden = setTimeout(() => {
        clearTimeout(timer);
        source?.close();
        source = null;
        state.value = 'lost';
      }, HIDDEN_MS);
    } else if (source === null) open();
  };
  document.addEventListener('visibilitychange', seen);

  return {
    state,
    on(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    close() {
      closed = true;
      document.removeEventListener('visibilitychange', seen);
      clearTimeout(hidden);
      clearTimeout(timer);
      source?.close();
    },
  };
}
