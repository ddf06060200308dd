import { TYPE_NAMES, wording } from './wording.ts';

const { language } = wording;
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;
/** Making a formatter takes far longer than using it. */
const sizes = UNITS.map((unit, index) =>
  [1, 0].map(
    (maximumFractionDigits) =>
      new Intl.NumberFormat(language, {
        style: 'unit',
        unit,
        maximumFractionDigits,
        unitDisplay: index === 0 ? 'long' : 'short',
      }),
  ),
);
const MINUTE_SECONDS = 60;
const HOUR_SECONDS = 60 * MINUTE_SECONDS;
const DAY_SECONDS = 24 * HOUR_SECONDS;

const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
const date = new Intl.DateTimeFormat(language, { dateStyle: 'medium' });
const time = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' });
const counts = new Intl.NumberFormat(language);
const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 });

/** `1 byte`, `48.2 kB`, `300 MB`: SI units (IEC 80000-13), three digits at most. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // Otherwise 999.5 would be shown as 1,000.
  for (; value >= 999.5 && unit < UNITS.length - 1; unit++) value /= 1000;
  return sizes[unit]?.[value < 99.95 ? 0 : 1]?.format(value) ?? '';
}

/** The two largest units of a duration in seconds: `8 s`, `2 min 5 s`, `1 h 20 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < MINUTE_SECONDS) return wording.seconds(whole);
  if (whole < HOUR_SECONDS) return wording.minutes(Math.floor(whole / MINUTE_SECONDS), whole % MINUTE_SECONDS);
  return wording.hours(Math.floor(whole / HOUR_SECONDS), Math.floor((whole % HOUR_SECONDS) / MINUTE_SECONDS));
}

/** A time relative to now: `just now`, `5 minutes ago`, `yesterday`; after a week its date. */
export function formatAgo(iso: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(iso)) / 1000;
  if (seconds < MINUTE_SECONDS) return wording.justNow;
  if (seconds < HOUR_SECONDS) return relative.format(-Math.floor(seconds / MINUTE_SECONDS), 'minute');
  if (seconds < DAY_SECONDS) return relative.format(-Math.floor(seconds / HOUR_SECONDS), 'hour');
  if (seconds < 7 * DAY_SECONDS) return relative.format(-Math.floor(seconds / DAY_SECONDS), 'day');
  return date.format(Date.parse(iso));
}

/** `Nov 10, 2026, 2:05:09 PM`, where the browser is. */
export function formatTime(iso: string): string {
  return time.format(Date.parse(iso));
}

/** `31%`; never 100% before the end. */
export function formatPercent(part: number, whole: number): string {
  if (whole === 0) return percent.format(1);
  return percent.format(part < whole ? Math.min(part / whole, 0.99) : 1);
}

/** Joins facts so that a line breaks between two of them, not inside one. */
export function joinFacts(facts: readonly string[]): string {
  return facts.map((fact) => fact.replaceAll(' ', '\u00a0')).join(' · ');
}

/** `1,200`. */
export function formatCount(count: number): string {
  return counts.format(count);
}

/** `1 file`, `200 files`. */
export function formatFiles(count: number): string {
  return wording.files(formatCount(count), count === 1);
}

/** `images`, `PDF`: what people call a media type or a pattern of some. One that has no such name stays as it is. */
export function nameType(type: string): string {
  return TYPE_NAMES[type] ?? type;
}
