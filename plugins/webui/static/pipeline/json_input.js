// JSON as text: kept while it cannot be read, told at once why.
import { html, useEffect, useRef, useState } from '../lib/dom.js';
import { Field } from '../ui/basics.js';
import { t } from '../locales/en.js';

export const show = (value) => (value === undefined ? '' : JSON.stringify(value, null, 2));

/** Calls `onChange` with what can be read (undefined for nothing), and `report(pointer, fault or null)` always. */
export function JsonInput({ label, hint, value, onChange, pointer, faults = [], report, rows = 4, required }) {
  const [text, setText] = useState(() => show(value));
  const [fault, setFault] = useState(null);
  const sent = useRef(JSON.stringify(value));
  // Changed from outside, for instance because the steps were put into another order.
  useEffect(() => {
    const now = JSON.stringify(value);
    if (now === sent.current) return;
    sent.current = now;
    setText(show(value));
    setFault(null);
    report(pointer, null);
  }, [JSON.stringify(value)]);
  useEffect(() => () => report(pointer, null), [pointer]);
  const input = (next) => {
    setText(next);
    let read;
    try {
      read = next.trim() === '' ? undefined : JSON.parse(next);
    } catch (error) {
      setFault(error.message);
      report(pointer, t.form.notJson(error.message));
      return;
    }
    setFault(null);
    report(pointer, null);
    sent.current = JSON.stringify(read);
    onChange(read);
  };
  return html`<${Field} wide label=${label} hint=${hint} pointer=${pointer} required=${required} faults=${fault ? [{ detail: t.form.notJson(fault) }] : faults}>${(tie) => html`
    <textarea ...${tie} class="code" rows=${rows} spellcheck=${false} value=${text} onInput=${(event) => input(event.target.value)}></textarea>`}</${Field}>`;
}
