// Dates, durations and numbers in the reader's language. Which instant a schedule means is the server's to say; here
// it is only written down.
import { useEffect, useState } from './dom.js';
import { t } from '../locales/en.js';

const LANGUAGE = 'en';
const dateTime = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });
const wall = new Intl.DateTimeFormat(LANGUAGE, {
  weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit',
  hourCycle: 'h23', timeZone: 'UTC',
});
const wallSeconds = new Intl.DateTimeFormat(LANGUAGE, {
  weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit',
  second: '2-digit', hourCycle: 'h23', timeZone: 'UTC',
});
const relative = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: 'auto' });
const number = new Intl.NumberFormat(LANGUAGE);
const percent = new Intl.NumberFormat(LANGUAGE, { style: 'percent', maximumFractionDigits: 1 });

/** The zone of the browser. */
export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

export const formatNumber = (value) => number.format(value);
export const formatPercent = (value) => percent.format(value);

function valid(at) {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** In the browser's zone. */
export function formatInstant(at) {
  const date = valid(at);
  return date ? dateTime.format(date) : String(at);
}

const zoned = new Map();

/** How a zone writes instants; null for one that the browser does not know. */
function formatsOf(zone) {
  if (!zoned.has(zone)) {
    const written = (options) => new Intl.DateTimeFormat(LANGUAGE, { ...options, hourCycle: 'h23', timeZone: zone });
    const day = { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' };
    try {
      zoned.set(zone, { minutes: written(day), seconds: written({ ...day, second: '2-digit' }), offset: written({ timeZoneName: 'longOffset' }) });
    } catch {
      zoned.set(zone, null);
    }
  }
  return zoned.get(zone);
}

/** How far this zone is from UTC at an instant: `+02:00`. */
function offsetAt(date, formats) {
  return formats.offset.formatToParts(date).find((part) => part.type === 'timeZoneName').value.replace(/^(GMT|UTC)/, '') || '+00:00';
}

/** In a zone, with its offset: for the times of a task. */
export function formatIn(at, zone) {
  const date = valid(at);
  const formats = date && formatsOf(zone || browserZone);
  if (!formats) return formatInstant(at);
  return `${(date.getTime() % 60000 ? formats.seconds : formats.minutes).format(date)} UTC${offsetAt(date, formats)}`;
}

/** A sentence of the server with its instants in a zone. */
export const formatAllIn = (text, zone) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)/g, (at) => formatIn(at, zone));

/** The instant at which the clocks of a zone show `2026-11-24T08:30`; where they skip it, the offset from before holds. */
export function instantOf(local, zone) {
  const wanted = Date.parse(`${local}Z`);
  const formats = formatsOf(zone);
  if (Number.isNaN(wanted)) return null;
  if (!formats) return new Date(local).toISOString();
  const away = (ms) => {
    const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)/.exec(offsetAt(new Date(ms), formats));
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60000;
  };
  const day = 86400000;
  const found = [away(wanted - day), away(wanted + day)].find((offset) => away(wanted - offset) === offset);
  return new Date(wanted - (found ?? away(wanted - day))).toISOString();
}

/** The reading of the clock in the schedule's zone, as the server wrote it: `2026-03-29T08:30:00+03:00`. */
export function formatLocal(local) {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d):(\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(local || '');
  if (!match) return { text: String(local), offset: '' };
  const [, minutes, seconds, offset] = match;
  const format = seconds === '00' ? wall : wallSeconds;
  return {
    text: format.format(new Date(`${minutes}:${seconds}Z`)),
    offset: offset ? `UTC${offset === 'Z' ? '+00:00' : offset}` : '',
  };
}

const UNITS = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];

export function formatRelative(at, now = Date.now()) {
  const date = valid(at);
  if (!date) return '';
  const seconds = Math.round((date.getTime() - now) / 1000);
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) || UNITS[3];
  return relative.format(Math.trunc(seconds / size), unit);
}

/** `1.24 s`, `3 min 5 s`. */
export function formatDuration(ms) {
  if (ms === null || ms === undefined) return t.none;
  const value = Math.max(0, ms);
  if (value < 1000) return `${Math.round(value)} ms`;
  if (value < 60000) return `${(value / 1000).toFixed(value < 10000 ? 2 : 1)} s`;
  const seconds = Math.round(value / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** A clock for what changes by itself; it stands while the tab is hidden. */
export function useNow(everyMs, enabled = true) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!enabled) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => !document.hidden && setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, enabled]);
  return now;
}
