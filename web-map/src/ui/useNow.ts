import { onBeforeUnmount, ref, type Ref } from 'vue';

/** The present instant in milliseconds, moving on in steps. */
export function useNow(stepMs = 30_000): Ref<number> {
  const now = ref(Date.now());
  const timer = setInterval(() => (now.value = Date.now()), stepMs);
  onBeforeUnmount(() => clearInterval(timer));
  return now;
}
