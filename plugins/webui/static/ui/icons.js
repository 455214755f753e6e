// Drawn by hand on a grid of 16; they are decoration, the word stands beside them.
import { html } from '../lib/dom.js';

const PATHS = {
  succeeded: 'M3 8.5l3.2 3.2L13 5',
  failed: 'M4 4l8 8M12 4l-8 8',
  running: 'M5 3.5v9l7.5-4.5z',
  queued: 'M8 4v4l2.6 2M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 1 0 8 1.8',
  canceled: 'M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 1 0 8 1.8M3.7 3.7l8.6 8.6',
  timed_out: 'M4.5 2h7M4.5 14h7M5 2c0 4 6 8 6 12M11 2c0 4-6 8-6 12',
  skipped: 'M3 4l5 4-5 4zM8 4l5 4-5 4z',
  unknown: 'M6 6a2 2 0 1 1 2.7 1.9c-.5.2-.7.6-.7 1.1v.6M8 12.2v.1',
  paused: 'M5.5 3.5v9M10.5 3.5v9',
  active: 'M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 1 0 0-5',
  completed: 'M2 8.5l3 3L11 5M8 11.5L14 5',
  warning: 'M8 2.2L14.2 13H1.8zM8 6.5v3M8 11.2v.1',
  plus: 'M8 3v10M3 8h10',
  up: 'M8 13V3M4 7l4-4 4 4',
  down: 'M8 3v10M4 9l4 4 4-4',
  trash: 'M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5',
  copy: 'M5.5 5.5h7v8h-7zM3.5 10.5v-8h7',
  theme: 'M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12',
  edit: 'M3 13l.6-2.8L10.8 3l2.2 2.2-7.2 7.2z',
  retry: 'M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3',
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <path d=${PATHS[name] || PATHS.unknown} /></svg>`;
}
