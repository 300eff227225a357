import { computed, onScopeDispose, ref, shallowRef, watch, type Ref } from 'vue';
import { api, sentence, type IncidentFilter } from '../api/client';
import type { Incident, LiveIncident, WallIncident } from '../api/shapes';

const GATHER_MS = 150;
const FEW = 4;

/** Whether an incident belongs in a list filtered so; the region is the server's to judge. */
export function matches(incident: Pick<Incident, 'state' | 'category' | 'overdue'>, filter: IncidentFilter): boolean {
  if (filter.state && !filter.state.split(',').includes(incident.state)) return false;
  if (filter.category && incident.category !== filter.category) return false;
  return !(filter.overdue && !incident.overdue);
}

/** Puts an incident into a list, newest report first, replacing an older version of itself. */
export function placed<Matter extends Pick<Incident, 'id' | 'reported_at'>>(items: readonly Matter[], incident: Matter): Matter[] {
  const others = items.filter((item) => item.id !== incident.id);
  const time = Date.parse(incident.reported_at ?? '');
  const index = others.findIndex((item) => Date.parse(item.reported_at ?? '') < time);
  return index < 0 ? [...others, incident] : [...others.slice(0, index), incident, ...others.slice(index)];
}

/** Where a list comes from: a page of it, and, where there is such a thing, one matter by its id. */
interface Source<Matter> {
  page: (filter: IncidentFilter) => Promise<{ items: Matter[]; next: string | null; number_matched: number | null }>;
  one: ((id: string) => Promise<Matter>) | null;
}

/** A filtered, paged list of incidents that follows the live stream. */
export const useIncidents = (filter: Ref<IncidentFilter>) => useMatters<Incident>(filter, { page: api.incidents, one: api.incident });

/** The same as a wall shows it. */
export const useWallIncidents = (filter: Ref<IncidentFilter>) => useMatters<WallIncident>(filter, { page: api.wallIncidents, one: null });

function useMatters<Matter extends Pick<Incident, 'id' | 'state' | 'category' | 'overdue' | 'reported_at'>>(filter: Ref<IncidentFilter>, source: Source<Matter>) {
  const items = shallowRef<Matter[]>([]);
  const total = ref<number | null>(null);
  const next = ref<string | null>(null);
  const loading = ref(false);
  const trouble = ref('');
  const fresh = ref(new Set<string>());
  let round = 0;

  const load = async (more = false) => {
    const mine = ++round;
    loading.value = true;
    trouble.value = '';
    try {
      const page = await source.page({ ...filter.value, cursor: more ? next.value : null });
      if (mine !== round) return;
      items.value = more ? [...items.value, ...page.items] : page.items;
      next.value = page.next;
      total.value = page.number_matched;
      if (!more) fresh.value = new Set();
    } catch (error) {
      if (mine === round) trouble.value = sentence(error);
    } finally {
      if (mine === round) loading.value = false;
    }
  };

  const put = (incident: Matter) => {
    const known = items.value.some((item) => item.id === incident.id);
    if (matches(incident, filter.value)) {
      items.value = placed(items.value, incident);
      if (!known) {
        fresh.value = new Set([...fresh.value, incident.id]);
        if (total.value !== null) total.value += 1;
      }
    } else if (known) {
      items.value = items.value.filter((item) => item.id !== incident.id);
      if (total.value !== null) total.value -= 1;
    }
  };

  /** Asks anew, and marks what was not there before. */
  const reload = async () => {
    const known = new Set(items.value.map(({ id }) => id));
    await load();
    fresh.value = new Set(items.value.map(({ id }) => id).filter((id) => !known.has(id)));
  };

  const waiting = new Set<string>();
  let gathering: ReturnType<typeof setTimeout> | undefined;

  /** An incident of the stream: read whole, then placed. For a burst, or a region, the list is asked for anew. */
  const arrived = (event: LiveIncident) => {
    waiting.add(event.id);
    gathering ??= setTimeout(() => {
      gathering = undefined;
      const ids = [...waiting];
      waiting.clear();
      const { one } = source;
      if (!one || filter.value.region || ids.length > FEW) void reload();
      // One that is not ours to see, or already gone, leaves the list as it is.
      else for (const id of ids) one(id).then(put, () => undefined);
    }, GATHER_MS);
  };
  onScopeDispose(() => clearTimeout(gathering));

  watch(filter, () => load(), { deep: true });
  return { items, total, next: computed(() => next.value !== null), loading, trouble, fresh, load, put, arrived };
}
