import { onBeforeUnmount, watch, type Ref } from 'vue';

/** Lets the phone's own back gesture close what is open, instead of leaving the page. */
export function useBack(open: Readonly<Ref<boolean>>, close: () => void): void {
  let pushed = false;
  const popped = () => {
    if (!pushed) return;
    pushed = false;
    if (open.value) close();
  };
  watch(open, (now) => {
    if (now && !pushed) {
      history.pushState(null, '', location.href);
      pushed = true;
    } else if (!now && pushed) {
      pushed = false;
      history.back();
    }
  });
  window.addEventListener('popstate', popped);
  onBeforeUnmount(() => window.removeEventListener('popstate', popped));
}
