// What can be told without a browser: the text of a rule and back, and that nothing is said without words.
import { readdirSync, readFileSync } from 'node:fs';
import { t } from '../../plugins/webui/static/locales/en.js';
import { compose, fresh, parse } from '../../plugins/webui/static/schedule/rrule.js';
import { check, it, same } from './support.mjs';

const ZONE = 'Europe/Chisinau';
const STATIC = new URL('../../plugins/webui/static/', import.meta.url);

const RULES = [
  'FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;BYHOUR=8;BYMINUTE=30;BYSECOND=0',
  'FREQ=DAILY;BYHOUR=8,20;BYMINUTE=0,30;BYSECOND=0',
  'FREQ=MONTHLY;BYDAY=2TU;BYHOUR=8;BYMINUTE=30;BYSECOND=0',
  'FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=0;BYSECOND=0;COUNT=12',
  'FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1,1,15;BYHOUR=0;BYMINUTE=0;BYSECOND=0',
  'FREQ=YEARLY;BYMONTH=2,12;BYMONTHDAY=24;BYHOUR=9;BYMINUTE=0;BYSECOND=0',
  'FREQ=YEARLY;BYMONTH=5;BYDAY=2SU;BYHOUR=9;BYMINUTE=0;BYSECOND=0',
  'FREQ=HOURLY;INTERVAL=6;BYMINUTE=15;BYSECOND=0',
  'FREQ=MINUTELY;INTERVAL=5;BYSECOND=0',
  'FREQ=WEEKLY;BYMONTH=6,7;BYDAY=MO,FR;BYHOUR=8;BYMINUTE=0;BYSECOND=0;UNTIL=20271231T235959',
  `DTSTART;TZID=${ZONE}:20261124T083000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;BYHOUR=8;BYMINUTE=30;BYSECOND=0`,
];

/** Rules that say what the controls cannot: they are edited as text. */
const TEXT_ONLY = [
  'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=17;BYMINUTE=0;BYSECOND=0', 'FREQ=DAILY;BYDAY=MO;BYHOUR=8;BYMINUTE=0;BYSECOND=0', 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=8;BYMINUTE=0;BYSECOND=30',
  'FREQ=WEEKLY;WKST=SU;BYDAY=MO;BYHOUR=8;BYMINUTE=0;BYSECOND=0', 'FREQ=WEEKLY;BYDAY=MO;BYHOUR=8;BYMINUTE=0;BYSECOND=0;UNTIL=20271231T120000Z', `DTSTART:20261124T083000Z\nRRULE:FREQ=DAILY`,
  `DTSTART;TZID=Asia/Kolkata:20261124T083000\nRRULE:FREQ=DAILY`, 'RRULE:FREQ=DAILY;BYHOUR=8;BYMINUTE=0;BYSECOND=0\nEXDATE:20261124T083000Z', 'FREQ=SECONDLY', 'FREQ=YEARLY;BYHOUR=8;BYMINUTE=0;BYSECOND=0', '', 'nonsense',
];

export async function pure() {
  await it('every rule that the controls show is written again as it was', () => {
    for (const rule of RULES) {
      const model = parse(rule, ZONE);
      check(model, `the controls cannot show ${rule}`);
      same(compose(model, ZONE), { expr: rule }, `what is made of ${rule}`);
    }
    for (const rule of TEXT_ONLY) same(parse(rule, ZONE), null, `the controls of ${rule}`);
  });

  await it('what was taken from DTSTART is written out, and the phase kept', () => {
    const model = parse(`DTSTART;TZID=${ZONE}:20261124T083000\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU`, ZONE);
    same(compose(model, ZONE).expr, RULES.at(-1), 'the rule');
  });

  await it('controls that say nothing are told what is missing', () => {
    const fault = (changes) => compose({ ...fresh(), ...changes }, ZONE).fault?.[0];
    for (const [name, changes] of Object.entries({
      interval: { interval: '0' }, days: { days: [] }, times: { times: [''] }, product: { times: ['08:30', '12:00'] }, months: { freq: 'YEARLY' },
      monthdays: { freq: 'MONTHLY', by: 'monthday', monthdays: '0, 32' }, minute: { freq: 'HOURLY', minute: '60' }, count: { end: 'count', count: 'x' }, until: { end: 'until' },
    })) {
      same(fault(changes), name, `the fault of ${JSON.stringify(changes)}`);
      check(t.schedule.faults[name], `${name} has no words`);
    }
  });

  await it('everything that is said has words', () => {
    const files = readdirSync(STATIC, { recursive: true }).filter((name) => name.endsWith('.js') && !name.startsWith('vendor') && !name.startsWith('locales'));
    check(files.length > 20, `only ${files}`);
    for (const file of files) {
      for (const [said, path] of readFileSync(new URL(file, STATIC), 'utf8').matchAll(/(?<![\w$.])t((?:\.[a-zA-Z]\w*)+)/g)) {
        let found = t;
        for (const part of path.slice(1).split('.')) {
          found = found[part];
          check(found !== undefined, `${file}: ${said} has no words`);
          if (typeof found !== 'object') break;
        }
      }
    }
  });
}
