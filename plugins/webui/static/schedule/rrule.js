// Between the controls and the text of a rule (RFC 5545). Nothing is computed here: what a rule means, the server says.
export const DAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
export const FREQUENCIES = ['MINUTELY', 'HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'];
export const ORDINALS = ['1', '2', '3', '4', '5', '-1', '-2'];

export const fresh = () => ({
  freq: 'WEEKLY', interval: '1', days: ['MO'], by: 'weekday', ordinal: '1', ordinalDay: 'MO', monthdays: '1', months: [],
  times: ['08:00'], minute: '0', start: '', startTime: '', end: 'never', count: '10', until: '',
});

const compact = (date) => date.replaceAll('-', '');
const sorted = (list) => [...new Set(list)].sort((a, b) => a - b);
const whole = (text, least) => (/^\d+$/.test(String(text).trim()) && Number(text) >= least ? Number(text) : null);

/** `{expr}`, or `{fault: [name of a message, where]}` when the controls say nothing that can be written down. */
export function compose(model, zone) {
  const parts = [`FREQ=${model.freq}`];
  const interval = whole(model.interval, 1);
  if (interval === null) return { fault: ['interval', 'interval'] };
  if (interval > 1) parts.push(`INTERVAL=${interval}`);
  const calendar = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'].includes(model.freq);
  if (model.months.length) parts.push(`BYMONTH=${sorted(model.months).join(',')}`);
  if (model.freq === 'WEEKLY') {
    if (!model.days.length) return { fault: ['days', 'days'] };
    parts.push(`BYDAY=${DAYS.filter((day) => model.days.includes(day)).join(',')}`);
  }
  if (model.freq === 'MONTHLY' || model.freq === 'YEARLY') {
    if (model.freq === 'YEARLY' && !model.months.length) return { fault: ['months', 'months'] };
    if (model.by === 'weekday') parts.push(`BYDAY=${model.ordinal}${model.ordinalDay}`);
    else {
      const days = model.monthdays.split(/[\s,;]+/).filter(Boolean).map(Number);
      if (!days.length || days.some((day) => !Number.isInteger(day) || day === 0 || Math.abs(day) > 31)) return { fault: ['monthdays', 'monthdays'] };
      parts.push(`BYMONTHDAY=${sorted(days).join(',')}`);
    }
  }
  const times = [...new Set(model.times.filter(Boolean))].sort();
  if (calendar) {
    if (!times.length) return { fault: ['times', 'times'] };
    const hours = sorted(times.map((time) => Number(time.slice(0, 2))));
    const minutes = sorted(times.map((time) => Number(time.slice(3, 5))));
    // A rule has hours and minutes apart: 08:30 and 12:00 would also mean 08:00 and 12:30.
    if (hours.length * minutes.length !== times.length) return { fault: ['product', 'times'] };
    parts.push(`BYHOUR=${hours.join(',')}`, `BYMINUTE=${minutes.join(',')}`);
  } else if (model.freq === 'HOURLY') {
    const minute = whole(model.minute, 0);
    if (minute === null || minute > 59) return { fault: ['minute', 'minute'] };
    parts.push(`BYMINUTE=${minute}`);
  }
  parts.push('BYSECOND=0');
  if (model.end === 'count') {
    const count = whole(model.count, 1);
    if (count === null) return { fault: ['count', 'end'] };
    parts.push(`COUNT=${count}`);
  }
  if (model.end === 'until') {
    if (!model.until) return { fault: ['until', 'end'] };
    parts.push(`UNTIL=${compact(model.until)}T235959`);
  }
  const rule = parts.join(';');
  if (!model.start) return { expr: rule };
  const time = model.startTime || (calendar ? `${times[0].replace(':', '')}00` : '000000');
  return { expr: `DTSTART;TZID=${zone}:${compact(model.start)}T${time}\nRRULE:${rule}` };
}

const date = (text) => `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6, 8)}`;
const two = (value) => String(value).padStart(2, '0');

/** The controls for a rule; null when it says something that they do not have. */
export function parse(expr, zone) {
  const model = { ...fresh(), days: [], months: [], times: [] };
  const lines = expr.trim().split(/\r?\n/).filter(Boolean);
  let rule = null;
  let clock = null;
  for (const line of lines) {
    const start = /^DTSTART(?:;TZID=([^:;]+))?:(\d{8})T(\d{6})(Z?)$/i.exec(line);
    if (start) {
      if (start[4] || (start[1] && start[1] !== zone)) return null;
      model.start = date(start[2]);
      model.startTime = start[3];
      clock = start[3];
    } else if (rule === null && /^(RRULE:)?FREQ=|^RRULE:/i.test(line)) rule = line.replace(/^RRULE:/i, '');
    else return null;
  }
  if (rule === null) return null;
  const parts = new Map();
  for (const part of rule.split(';').filter(Boolean)) {
    const [name, value] = part.toUpperCase().split('=');
    if (!value || parts.has(name)) return null;
    parts.set(name, value);
  }
  const take = (name) => {
    const value = parts.get(name);
    parts.delete(name);
    return value;
  };
  model.freq = take('FREQ');
  if (!FREQUENCIES.includes(model.freq)) return null;
  model.interval = take('INTERVAL') || '1';
  if ((take('WKST') || 'MO') !== 'MO') return null;
  model.months = (take('BYMONTH') || '').split(',').filter(Boolean).map(Number);
  if (!takeDays(model, take) || !takeTimes(model, take, clock) || !takeEnd(model, take) || parts.size) return null;
  return model;
}

function takeDays(model, take) {
  const byDay = take('BYDAY');
  const byMonthDay = take('BYMONTHDAY');
  if (model.freq === 'WEEKLY') {
    model.days = (byDay || '').split(',').filter(Boolean);
    return !byMonthDay && model.days.length > 0 && model.days.every((day) => DAYS.includes(day));
  }
  if (model.freq !== 'MONTHLY' && model.freq !== 'YEARLY') return !byDay && !byMonthDay;
  if (model.freq === 'YEARLY' && !model.months.length) return false;
  if (byMonthDay && !byDay) {
    model.by = 'monthday';
    model.monthdays = byMonthDay.replaceAll(',', ', ');
    return true;
  }
  const ordinal = /^\+?(-?\d)([A-Z]{2})$/.exec(byDay || '');
  if (!ordinal || byMonthDay || !ORDINALS.includes(ordinal[1]) || !DAYS.includes(ordinal[2])) return false;
  Object.assign(model, { by: 'weekday', ordinal: ordinal[1], ordinalDay: ordinal[2] });
  return true;
}

function takeTimes(model, take, clock) {
  const seconds = take('BYSECOND') ?? clock?.slice(4, 6) ?? null;
  if (seconds === null || Number(seconds) !== 0) return false;
  const hours = take('BYHOUR') ?? (clock && String(Number(clock.slice(0, 2))));
  const minutes = take('BYMINUTE') ?? (clock && String(Number(clock.slice(2, 4))));
  if (model.freq === 'MINUTELY' || model.freq === 'HOURLY') {
    if (model.freq === 'HOURLY') model.minute = minutes ?? '0';
    return !String(model.minute).includes(',');
  }
  if (!hours || !minutes) return false;
  model.times = hours.split(',').flatMap((hour) => minutes.split(',').map((minute) => `${two(hour)}:${two(minute)}`)).sort();
  return true;
}

function takeEnd(model, take) {
  const count = take('COUNT');
  const until = take('UNTIL');
  if (count) Object.assign(model, { end: 'count', count });
  if (until) {
    if (!/^\d{8}(T235959)?$/.test(until)) return false;
    Object.assign(model, { end: 'until', until: date(until) });
  }
  return true;
}
