import { onBeforeUnmount, onMounted, ref, shallowRef, watchEffect, type Ref, type ShallowRef } from 'vue';
import { api, Problem, sentence } from '../api/client';
import type { County } from '../api/shapes';
import { t, type Key } from '../i18n';
import type { StartOptions, YituMap } from '../map/start';

export interface MapState {
  map: ShallowRef<YituMap | null>;
  county: ShallowRef<County | null>;
  /** The map cannot be drawn here; lists go on working. */
  noMap: Ref<boolean>;
  /** Why nothing can be shown, in a sentence. */
  trouble: Ref<string>;
  begin(): Promise<void>;
}

const RETRY_MS = 10_000;
/** No county is so many degrees wide. */
const WIDEST = 60;

/** Starts the map of a page, named by `view` in the window's title: the county first, then the map library, loaded beside the page's own code. */
export function useMap(container: Readonly<Ref<HTMLElement | null>>, view: Key, options: () => StartOptions, ready: (map: YituMap) => void): MapState {
  const map = shallowRef<YituMap | null>(null);
  const county = shallowRef<County | null>(null);
  const noMap = ref(false);
  const trouble = ref('');
  let gone = false;
  let again: ReturnType<typeof setTimeout> | undefined;

  const begin = async () => {
    clearTimeout(again);
    try {
      const library = import('../map/start');
      const found = await api.county();
      // The same county again is no news to those who watch it.
      if (county.value?.id !== found.id) county.value = found;
      // Regions may come as a register of names, without any outline to fit the map to.
      if (found.bbox[2] - found.bbox[0] > WIDEST) throw new Problem(200, t('map.nobounds'));
      county.value = found;
      trouble.value = '';
      if (!container.value) return;
      const { YituMap } = await library;
      try {
        const started = await YituMap.start(container.value, county.value, options());
        if (gone) return started.destroy();
        map.value = started;
        ready(started);
      } catch (error) {
        console.error(error);
        noMap.value = true;
      }
    } catch (error) {
      trouble.value = sentence(error);
      // A wall has nobody to press a button: it comes up by itself once the server does.
      if (!gone) again = setTimeout(() => void begin(), RETRY_MS);
    }
  };
  watchEffect(() => (document.title = [...new Set([county.value?.name ?? t('app.name'), t(view)])].join(' · ')));
  onMounted(begin);
  onBeforeUnmount(() => {
    gone = true;
    clearTimeout(again);
    map.value?.destroy();
  });
  return { map, county, noMap, trouble, begin };
}
