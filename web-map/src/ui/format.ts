/** Numbers, distances and times as people read them. The present moment is always handed in. */
import { locale, t } from '../i18n';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A figure that is not told stands as a dash. */
export const count = (value: number | null): string => (value === null ? '—' : new Intl.NumberFormat(locale.value).format(value));

export const percent = (share: number): string =>
  new Intl.NumberFormat(locale.value, { style: 'percent', maximumFractionDigits: 1 }).format(share);

/** Metres below one kilometre, else kilometres with one digit. */
export function distance(metres: number): string {
  return metres < 1000 ? t('unit.metres', { n: Math.round(metres) }) : t('unit.km', { n: (metres / 1000).toFixed(1) });
}

function span(ms: number): string {
  if (ms < HOUR) return t('time.minutes', { n: Math.max(1, Math.round(ms / MINUTE)) });
  if (ms < 2 * DAY) return t('time.hours', { n: Math.round(ms / HOUR) });
  return t('time.days', { n: Math.round(ms / DAY) });
}

/** How long ago an instant was; a date once it is a week back. */
export function ago(instant: string, now: number, zone: string): string {
  const past = now - Date.parse(instant);
  if (Number.isNaN(past)) return '';
  if (past < MINUTE) return t('time.now');
  if (past > 7 * DAY) return moment(instant, zone);
  return t('time.ago', { span: span(past) });
}

/** Day and minute in the county's time zone. */
export function moment(instant: string, zone: string): string {
  const time = Date.parse(instant);
  if (Number.isNaN(time)) return '';
  return new Intl.DateTimeFormat(locale.value, {
    timeZone: zone, month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
  }).format(time);
}

/** What is left until a deadline, or by how much it is past. */
export function deadline(instant: string, now: number): { text: string; late: boolean } {
  const left = Date.parse(instant) - now;
  return left < 0 ? { text: t('time.late', { span: span(-left) }), late: true } : { text: t('time.left', { span: span(left) }), late: false };
}
