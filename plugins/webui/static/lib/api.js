// The REST API with the session's cookie. Every address is relative to where the interface is mounted.
import { signal } from './dom.js';
import { t } from '../locales/en.js';

/** Where the interface is mounted, for instance `/ext/webui/`: this file is `assets/<hash>/lib/api.js` below it. */
export const base = new URL('../../../', import.meta.url);
/** Where the API is. */
const api = new URL('../../', base);

/** `undefined` until it is known, `null` when nobody is signed in, else what `GET /session` answers. */
export const session = signal(undefined);
/** Counts the sessions: what was refused for want of one is loaded again when it changes. */
export const generation = signal(0);

/** A refusal (RFC 9457), or no answer at all (`status` 0). */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail || body?.title || t.error.status(status));
    this.name = 'Problem';
    this.status = status;
    this.body = body || {};
    this.code = this.body.code || '';
    this.errors = Array.isArray(this.body.errors) ? this.body.errors : [];
    this.requestId = this.body.request_id || null;
  }
}

export function apiUrl(path, query) {
  const url = new URL(path, api);
  for (const [name, value] of Object.entries(query || {})) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, value);
  }
  return url;
}

/** Asks, and answers `{data, status, etag, headers}`; throws a `Problem` for everything that is not 2xx. */
export async function ask(method, path, { query, body, headers, abort, type } = {}) {
  let answer = await send(method, path, { query, body, headers, abort, type });
  // The session was renewed elsewhere, in another tab for instance: its token is asked for once more.
  if (answer.status === 403 && answer.data?.code === 'csrf_token' && path !== 'session') {
    await resume();
    if (session.value) answer = await send(method, path, { query, body, headers, abort, type });
  }
  if (answer.status === 401 && path !== 'session') session.value = null;
  if (answer.status < 200 || answer.status > 299) throw new Problem(answer.status, answer.data);
  return answer;
}

async function send(method, path, { query, body, headers, abort, type }) {
  const sent = new Headers({ accept: 'application/json', ...headers });
  if (body !== undefined) sent.set('content-type', type || 'application/json');
  if (method !== 'GET' && session.value?.csrf_token) sent.set('x-csrf-token', session.value.csrf_token);
  let response;
  try {
    response = await fetch(apiUrl(path, query), {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: abort,
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, { title: t.error.offline, detail: t.error.offlineDetail });
  }
  const text = await response.text();
  let data = null;
  try {
    data = text === '' ? null : JSON.parse(text);
  } catch {
    data = { title: t.error.status(response.status), detail: t.error.notJson };
  }
  return { data, status: response.status, etag: response.headers.get('etag'), headers: response.headers };
}

export const get = async (path, query, abort) => (await ask('GET', path, { query, abort })).data;
export const post = async (path, body = {}, options = {}) => (await ask('POST', path, { body, ...options })).data;

function begin(data) {
  session.value = data;
  generation.value += 1;
}

/** Takes up the session that the browser still has, if any. */
export async function resume() {
  try {
    const data = await get('session');
    if (session.value?.csrf_token !== data.csrf_token) begin(data);
    return true;
  } catch (problem) {
    if (problem.status === 401) session.value = null;
    else throw problem;
    return false;
  }
}

export async function signIn(id, secret) {
  await post('session', { client_id: id, client_secret: secret });
  // Asked anew, to see whether the browser has kept the cookie: over plain HTTP it keeps it on loopback only.
  if (!(await resume())) throw new Problem(0, { title: t.signIn.noCookie, detail: t.signIn.noCookieDetail });
}

export async function signOut() {
  try {
    await ask('DELETE', 'session');
  } finally {
    session.value = null;
  }
}

/** Whether the session may do this, for its own or for everybody's. */
export const may = (scope) =>
  Boolean(session.value?.scopes?.some((held) => held === scope || held === `${scope}:any`));
