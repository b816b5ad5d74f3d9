/**
 * Sends messages about running jobs to another server. They arrive in order, and before the events that this server publishes
 * afterwards. They may be lost during an outage, or if they come faster than they can be sent.
 */
export interface MessageRelay {
  /** Id of this server, which is unique for all time. */
  readonly server: string;
  /** Bytes that are on their way. */
  readonly waitingBytes: number;
  /**
   * Sends a message to one server.
   * @param server its id
   * @returns whether it was sent, once that is known. Never rejects
   */
  send(server: string, message: Buffer): Promise<boolean>;
  /** Calls `listener` with every message for this server. */
  subscribe(listener: (message: Buffer) => void): void;
}
