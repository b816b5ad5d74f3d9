/** Retries `check` until it passes or the time is over; then fails with its last error. */
export async function eventually(check: () => void | Promise<void>, timeoutMs = 25_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
