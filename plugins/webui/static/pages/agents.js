// Agents: who may do what. A secret is shown once, when it is made.
import { html, useState } from '../lib/dom.js';
import { ask, get, may, post, session } from '../lib/api.js';
import { useLoad } from '../lib/load.js';
import { t } from '../locales/en.js';
import { Confirm, Copy, Dialog, Empty, ErrorBox, Field, Heading, Instant, Loaded, Table, say, useAction } from '../ui/basics.js';
import { Icon } from '../ui/icons.js';

export function Agents() {
  const agents = useLoad((abort) => get('agents', { limit: 200 }, abort), []);
  const [open, setOpen] = useState(null);
  const [secret, setSecret] = useState(null);
  const { busy, error, run } = useAction();
  const act = (what) => run(async () => {
    setOpen(null);
    await what();
    agents.reload();
  });
  const rotate = (agent) => act(async () => {
    const answer = await post(`agents/${agent.id}/credentials`);
    setSecret({ id: agent.id, name: agent.name, secret: answer.client_secret });
  });
  const enable = (agent, disabled) => act(async () => {
    await ask('PATCH', `agents/${agent.id}`, { body: { disabled } });
    say(disabled ? t.agents.disabled(agent.name) : t.agents.enabled(agent.name));
  });
  const rows = (list) => list.map((agent) => ({
    key: agent.id,
    cells: [
      html`${agent.name}<br /><code class="muted break">${agent.id}</code>`,
      agent.disabled_at ? html`<${Icon} name="paused" /> ${t.agents.isDisabled}` : html`<${Icon} name="succeeded" /> ${t.agents.isEnabled}`,
      html`<details><summary>${t.agents.scopes((agent.scopes || []).length)}</summary>${(agent.scopes || []).map((scope) => html`<code class="tag">${scope}</code> `)}</details>`,
      html`<${Instant} at=${agent.created_at} />`,
      html`<div class="toolbar"><button type="button" class="small" disabled=${busy} aria-label=${t.agents.rotateOf(agent.name)} onClick=${() => setOpen({ what: 'rotate', agent })}>${t.agents.rotate}</button>
        ${agent.disabled_at ? html`<button type="button" class="small" aria-label=${t.agents.enableOf(agent.name)} disabled=${busy} onClick=${() => enable(agent, false)}>${t.agents.enable}</button>`
          : html`<button type="button" class="small danger" aria-label=${t.agents.disableOf(agent.name)} disabled=${busy} onClick=${() => setOpen({ what: 'disable', agent })}>${t.agents.disable}</button>`}</div>`,
    ],
  }));
  return html`<${Heading} aside=${may('agents:admin') ? html`<button type="button" class="primary" onClick=${() => setOpen({ what: 'create' })}><${Icon} name="plus" /> ${t.agents.create}</button>` : ''}>${t.nav.agents}</${Heading}>
    <${ErrorBox} error=${error} />
    ${secret ? html`<section class="box box-warning" aria-labelledby="secret"><h2 id="secret">${t.agents.secretOf(secret.name)}</h2><p>${t.agents.once}</p>
      <dl class="facts"><div><dt>client_id</dt><dd><code class="break">${secret.id}</code> <${Copy} text=${secret.id} what="client_id" /></dd></div>
      <div><dt>client_secret</dt><dd><code class="break">${secret.secret}</code> <${Copy} text=${secret.secret} what="client_secret" /></dd></div></dl>
      <button type="button" onClick=${() => setSecret(null)}>${t.agents.kept}</button></section>` : ''}
    <${Loaded} from=${agents}>${(page) => page.data.length ? html`<${Table} caption=${t.nav.agents} columns=${t.agents.columns} rows=${rows(page.data)} />` : html`<${Empty}>${t.agents.empty}</${Empty}>`}</${Loaded}>
    ${open?.what === 'create' ? html`<${Create} onClose=${() => setOpen(null)} onDone=${(made) => { setOpen(null); setSecret({ id: made.id, name: made.name, secret: made.client_secret }); agents.reload(); }} />` : ''}
    ${open?.what === 'rotate' ? html`<${Confirm} danger title=${t.agents.rotateOf(open.agent.name)} text=${t.agents.rotateText} action=${t.agents.rotate} onYes=${() => rotate(open.agent)} onClose=${() => setOpen(null)} />` : ''}
    ${open?.what === 'disable' ? html`<${Confirm} danger title=${t.agents.disableOf(open.agent.name)} text=${t.agents.disableText} action=${t.agents.disable} onYes=${() => enable(open.agent, true)} onClose=${() => setOpen(null)} />` : ''}`;
}

/** Nobody grants more than they hold: the choice is what the session has. */
function Create({ onClose, onDone }) {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState(['tasks:read', 'runs:read'].filter((one) => session.value.scopes.includes(one)));
  const { busy, error, run } = useAction();
  const toggle = (scope) => setScopes(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope]);
  const submit = (event) => {
    event.preventDefault();
    run(async () => onDone(await post('agents', { name: name.trim(), scopes })));
  };
  return html`<${Dialog} title=${t.agents.create} onClose=${onClose}><form onSubmit=${submit}><${ErrorBox} error=${error} />
    <${Field} label=${t.agents.name} required>${(tie) => html`<input ...${tie} required autocomplete="off" value=${name} onInput=${(event) => setName(event.target.value)} />`}</${Field}>
    <fieldset class="choices scopes"><legend>${t.agents.may}</legend>${[...session.value.scopes].sort().map((scope) => html`<label><input type="checkbox" checked=${scopes.includes(scope)} onChange=${() => toggle(scope)} /> <code>${scope}</code></label>`)}</fieldset>
    <div class="actions"><button class="primary" disabled=${busy}>${t.agents.create}</button><button type="button" onClick=${onClose}>${t.back}</button></div></form></${Dialog}>`;
}
