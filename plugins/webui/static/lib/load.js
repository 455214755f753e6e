// Loading, and staying up to date: events where the server sends them, asking again where it does not.
import { useEffect, useRef, useState } from './dom.js';
import { apiUrl, generation, session } from './api.js';

/** How often is asked when there are no events. */
const POLL_MS = 5000;
/** Events come in bursts; one look is enough for all of one. */
const GATHER_MS = 200;
/** After the stream was refused, how long until it is tried again. */
const REFUSED_MS = 30000;

/** Loads, again whenever `deps` change: `{data, error, loading, reload}`. Old data stay while new ones come. */
export function useLoad(load, deps) {
  const [state, setState] = useState({ data: undefined, error: null, loading: true });
  const [turn, setTurn] = useState(0);
  const turnOfSession = generation.value;
  useEffect(() => {
    const abort = new AbortController();
    setState((old) => ({ ...old, loading: true }));
    load(abort.signal).then(
      (data) => !abort.signal.aborted && setState({ data, error: null, loading: false }),
      (error) => {
        if (abort.signal.aborted || (error.status === 401 && !session.value)) return;
        setState((old) => ({ ...old, error, loading: false }));
      },
    );
    return () => abort.abort();
  }, [...deps, turn, turnOfSession]);
  const reload = useRef(() => setTurn((n) => n + 1)).current;
  return { ...state, reload };
}

/**
 * Follows topics. `onEvent` gets each event, and null when something may have been missed. Answers `live`, `polling`
 * (there is no stream; it is called with null every five seconds) or `paused` (the tab is hidden).
 */
export function useEvents(topics, onEvent, enabled = true) {
  const [state, setState] = useState('polling');
  const handler = useRef(onEvent);
  handler.current = onEvent;
  const turnOfSession = generation.value;
  useEffect(() => {
    if (!enabled || !topics) return undefined;
    return follow(topics, setState, (event) => handler.current(event));
  }, [topics, enabled, turnOfSession]);
  return state;
}

function follow(topics, setState, tell) {
  let source = null;
  let poll = null;
  let retry = null;
  let last = null;
  let opened = false;
  const stop = () => {
    source?.close();
    source = null;
    clearInterval(poll);
    clearTimeout(retry);
    poll = null;
  };
  const startPolling = () => {
    setState('polling');
    if (!poll) poll = setInterval(() => tell(null), POLL_MS);
  };
  const start = () => {
    stop();
    if (document.hidden) return setState('paused');
    source = new EventSource(apiUrl('events/stream', { topics, last_event_id: last }));
    source.onopen = () => {
      clearInterval(poll);
      poll = null;
      setState('live');
      if (opened) tell(null);
      opened = true;
    };
    source.onmessage = (message) => {
      last = message.lastEventId || last;
      try {
        tell(JSON.parse(message.data));
      } catch {
        tell(null);
      }
    };
    source.onerror = () => {
      startPolling();
      // Refused, not merely broken off: the browser does not come back by itself.
      if (source.readyState === EventSource.CLOSED) {
        source.close();
        // What was remembered may be what is refused.
        last = null;
        clearTimeout(retry);
        retry = setTimeout(start, REFUSED_MS);
      }
    };
    return undefined;
  };
  const visibility = () => {
    start();
    if (!document.hidden) tell(null);
  };
  document.addEventListener('visibilitychange', visibility);
  start();
  return () => {
    document.removeEventListener('visibilitychange', visibility);
    stop();
  };
}

/** Calls `reload` when something happens on these topics. */
export function useFresh(topics, reload, { wanted = () => true, enabled = true } = {}) {
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useEvents(topics, (event) => {
    if (event && !wanted(event)) return;
    if (timer.current) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      reload();
    }, GATHER_MS);
  }, enabled);
}

/** The value, once it has been left alone for a while. */
export function useSettled(value, ms) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
