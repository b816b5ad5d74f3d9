import { useRef } from 'preact/hooks';

/** Asks for an API key. The key is stored for this tab only and removed when the tab closes. */
export function KeyPrompt({ isWrong, onKey }: { isWrong: boolean; onKey: (key: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    const key = field.current?.value.trim();
    if (key) onKey(key);
  };
  return (
    <main>
      <form class="card key" onSubmit={submit}>
        <h2>This server needs an API key</h2>
        <label>
          API key <input ref={field} type="password" autocomplete="off" required aria-invalid={isWrong} />
        </label>
        {isWrong && (
          <p class="problem" role="alert">
            The server does not accept this key. Check it for typing errors, or ask whoever runs the server.
          </p>
        )}
        <button type="submit" class="primary">
          Sign in
        </button>
        <p class="hint">This tab keeps the key until you sign out or close it.</p>
      </form>
    </main>
  );
}
