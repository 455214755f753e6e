// Signing in: the agent's id and secret become a session in a cookie that no script can read.
import { html, useEffect, useRef, useState } from '../lib/dom.js';
import { signIn } from '../lib/api.js';
import { t } from '../locales/en.js';
import { ErrorBox, Field, useAction } from '../ui/basics.js';

export function SignIn({ again }) {
  const [id, setId] = useState('');
  const [secret, setSecret] = useState('');
  const { busy, error, run } = useAction();
  const heading = useRef(null);
  useEffect(() => { if (again) heading.current?.focus(); }, []);
  const submit = (event) => {
    event.preventDefault();
    run(() => signIn(id.trim(), secret.trim()));
  };
  return html`<div class="sign-in"><h1 tabindex="-1" ref=${heading}>${t.signIn.title}</h1>
    ${again ? html`<p role="status">${t.signIn.again}</p>` : html`<p>${t.signIn.text}</p>`}
    <${ErrorBox} error=${error} title=${error?.status === 401 ? t.signIn.wrong : undefined} />
    <form onSubmit=${submit}>
      <${Field} label=${t.signIn.id} hint=${t.signIn.idHint}>${(tie) => html`<input ...${tie} name="client_id" autocomplete="username" required spellcheck=${false}
        value=${id} onInput=${(event) => setId(event.target.value)} />`}</${Field}>
      <${Field} label=${t.signIn.secret}>${(tie) => html`<input ...${tie} name="client_secret" type="password" autocomplete="current-password" required
        value=${secret} onInput=${(event) => setSecret(event.target.value)} />`}</${Field}>
      <div class="actions"><button class="primary" disabled=${busy}>${busy ? t.working : t.signIn.action}</button></div>
    </form></div>`;
}
