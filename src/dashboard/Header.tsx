import { capitalised } from './figures.js';
import type { Route } from './useRoute.js';

interface Props {
  /** Undefined before there are views. */
  readonly view?: Route['view'];
  /** The server's health; undefined until it is known. */
  readonly state: string | undefined;
  readonly isOffline: boolean;
  readonly keyName?: string | undefined;
  readonly onSignOut?: (() => void) | undefined;
}

const TONES: Readonly<Record<string, string>> = {
  healthy: 'good',
  degraded: 'warn',
  critical: 'bad',
  offline: 'bad',
};

/** The title, the views, the state of the server, and the name of the key. */
export function Header({ view, state, isOffline, keyName, onSignOut }: Props) {
  const shown = isOffline ? 'offline' : state;
  return (
    <>
      <header class="top">
        <h1>
          <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
            <rect width="32" height="32" rx="7" />
            <path d="M7 16h6l3-7 4 14 2-7h3" />
          </svg>
          ComfyUI Express
        </h1>
        {view && (
          <nav class="views" aria-label="Views">
            <a href="#studio" aria-current={view === 'studio' ? 'page' : undefined}>
              Studio
            </a>
            <a href="#fleet" aria-current={view === 'fleet' ? 'page' : undefined}>
              Fleet
            </a>
          </nav>
        )}
        <div class="aside">
          {shown && (
            <span class={`badge ${TONES[shown]}`} role="status">
              {capitalised(shown)}
            </span>
          )}
          <a href="/docs">API</a>
          {keyName !== undefined && <span class="hint key-name">{keyName}</span>}
          {onSignOut && (
            <button type="button" class="quiet" onClick={onSignOut}>
              Sign out
            </button>
          )}
        </div>
      </header>
      {isOffline && (
        <p class="banner" role="alert">
          The server cannot be reached. This page tries again automatically.
        </p>
      )}
    </>
  );
}
