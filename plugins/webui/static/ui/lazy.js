// Pages that are fetched when they are needed.
import { html, useEffect, useState } from '../lib/dom.js';
import { t } from '../locales/en.js';
import { Icon } from './icons.js';

/** A component that is `name` of the module which `load` imports. */
export function lazy(load, name) {
  let Page = null;
  return (props) => {
    const [failed, setFailed] = useState(false);
    const [, setTurn] = useState(0);
    useEffect(() => {
      if (!Page) load().then((module) => { Page = module[name]; setTurn((n) => n + 1); }, () => setFailed(true));
    }, []);
    if (Page) return html`<${Page} ...${props} />`;
    if (!failed) return html`<p class="loading" role="status">${t.loading}</p>`;
    // Ordinaut was replaced while this page was open, and its files with it.
    return html`<div class="box box-error" role="alert"><p><${Icon} name="warning" /> <strong>${t.error.module}</strong></p><p>${t.error.moduleDetail}</p>
      <p><button type="button" onClick=${() => window.location.reload()}>${t.error.reload}</button></p></div>`;
  };
}
