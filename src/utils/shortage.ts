/** What the operating system says if this process, or the whole system, has no file descriptors or no memory for another socket. */
const CODES: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/**
 * Whether a connection could not be opened because this computer has no resources left. Nothing was sent, and it says nothing
 * about the other side.
 */
export function isShortage(error: unknown): boolean {
  // One error for each address of a name: the addresses that were not tried may work.
  if (error instanceof AggregateError) return error.errors.some(isShortage);
  const { code, syscall } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  // On an open connection, something may have been sent.
  return CODES.has(code) && syscall !== 'read' && syscall !== 'write';
}
