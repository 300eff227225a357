/** Words on the screen: Chinese first, English on a switch. A key missing in English does not compile. */
import { ref, watchEffect } from 'vue';
import { en } from './en';
import { zh } from './zh';

export type Locale = 'zh-CN' | 'en';
export type Key = keyof typeof zh;

const STORED = 'yitu.locale';

function initial(): Locale {
  try {
    const asked = new URLSearchParams(location.search).get('lang') ?? localStorage.getItem(STORED);
    return asked?.startsWith('en') ? 'en' : 'zh-CN';
  } catch {
    return 'zh-CN'; // storage may be forbidden
  }
}

export const locale = ref<Locale>(typeof document === 'undefined' ? 'zh-CN' : initial());

if (typeof document !== 'undefined') {
  watchEffect(() => {
    document.documentElement.lang = locale.value;
  });
}

/** The words of a key, with `{name}` replaced by the value of that name. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const words: string = (locale.value === 'en' ? en : zh)[key];
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Words for a value of an open list, such as a kind the county added; falls back to the value itself. */
export function word(prefix: string, value: string): string {
  const key = `${prefix}.${value}`;
  return key in zh ? t(key as Key) : value;
}

export function switchLocale(): void {
  locale.value = locale.value === 'en' ? 'zh-CN' : 'en';
  try {
    localStorage.setItem(STORED, locale.value);
  } catch {
    // the switch then lasts for this page
  }
}
