import { useRef } from 'preact/hooks';

/** Asks for an API key. It stays in this tab, and goes when the tab is closed. */
export function KeyPrompt({ onKey }: { onKey: (key: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    const key = field.current?.value.trim();
    if (key) onKey(key);
  };
  return (
    <form class="card key" onSubmit={submit}>
      <h2>This server needs an API key</h2>
      <label>
        API key <input ref={field} type="password" autocomplete="off" required />
      </label>
      <button type="submit" class="primary">
        Use it
      </button>
      <p class="hint">It is kept in this tab until you close it.</p>
    </form>
  );
}
