// Places in the interface are addresses: a reload, the back button and a link in a mail lead to the same view.
import { signal, batch } from './dom.js';
import { base } from './api.js';

/** Path below the mount without slashes around it, and the query. */
export const place = signal(read());
/** Counts navigations that change the page and not only its filters: the focus follows them. */
export const visits = signal(0);

/** While set, asks before a page with unsaved changes is left. */
export const guard = { ask: null };

function read() {
  const path = window.location.pathname.slice(base.pathname.length).replace(/^\/+|\/+$/g, '');
  return {
    path,
    parts: path.split('/').map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    }),
    query: new URLSearchParams(window.location.search),
  };
}

/** The address of a place. */
export function href(path, query) {
  const search = query ? new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString() : '';
  return base.pathname + path + (search ? `?${search}` : '');
}

function move(change) {
  const before = place.value.path;
  change();
  batch(() => {
    place.value = read();
    if (place.value.path !== before) visits.value += 1;
  });
}

export function go(path, query, { replace = false, force = false } = {}) {
  if (!force && guard.ask && path !== place.value.path && !guard.ask()) return;
  guard.ask = path === place.value.path ? guard.ask : null;
  move(() => window.history[replace ? 'replaceState' : 'pushState'](null, '', href(path, query)));
}

/** Changes one filter; the page stays. */
export function setQuery(changes) {
  const query = Object.fromEntries(place.value.query);
  delete query.cursor;
  go(place.value.path, { ...query, ...changes });
}

window.addEventListener('popstate', () => move(() => {}));
window.addEventListener('beforeunload', (event) => {
  if (guard.ask) event.preventDefault();
});
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[href]');
  if (!link || event.defaultPrevented || event.button !== 0 || link.target || link.hasAttribute('download')) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (url.origin !== base.origin || !url.pathname.startsWith(base.pathname) || url.hash) return;
  event.preventDefault();
  go(url.pathname.slice(base.pathname.length), Object.fromEntries(url.searchParams));
});
