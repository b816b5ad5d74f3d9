/** The client and the host of some work. */
export interface Share {
  readonly client: string;
  readonly host: string;
}

export interface FairLimits {
  /** Concurrent work: in total, per client, and per host. */
  readonly total: number;
  readonly perClient: number;
  readonly perHost: number;
}

/** Starts waiting work, or drops it. */
type Decide = (begins: boolean) => void;

/**
 * Limits concurrent work and shares the capacity: clients take turns, and so do the hosts of one client. A client
 * with much work, or with a slow host, delays only itself.
 */
export class FairLimit {
  readonly #limits: FairLimits;
  /** Waiting work, by client and host. The least recently served come first. */
  readonly #waiting = new Map<string, Map<string, Map<Share, Decide>>>();
  readonly #activeByClient = new Map<string, number>();
  readonly #activeByHost = new Map<string, number>();
  #active = 0;

  constructor(limits: FairLimits) {
    this.#limits = limits;
  }

  /**
   * Runs the work at its turn. A share waits for one piece of work at a time.
   * @returns the result of `work`; undefined if it was dropped before its turn
   */
  async run<T>(share: Share, work: () => Promise<T>): Promise<T | undefined> {
    const begins = await new Promise<boolean>((decide) => {
      this.#add(share, decide);
      this.#beginMore();
    });
    if (!begins) return undefined;
    try {
      return await work();
    } finally {
      this.#count(share, -1);
      this.#beginMore();
    }
  }

  /** Removes waiting work. */
  drop(share: Share): void {
    this.#take(share)?.(false);
  }

  #beginMore(): void {
    while (this.#active < this.#limits.total) {
      const share = this.#next();
      if (!share) return;
      this.#count(share, 1);
      this.#take(share)?.(true);
      this.#moveBehindOthers(share);
    }
  }

  /** Returns the first work that no limit blocks. At most `total / perHost` hosts of a client are skipped. */
  #next(): Share | undefined {
    for (const [client, hosts] of this.#waiting) {
      if ((this.#activeByClient.get(client) ?? 0) >= this.#limits.perClient) continue;
      for (const [host, shares] of hosts) {
        if ((this.#activeByHost.get(host) ?? 0) >= this.#limits.perHost) continue;
        for (const share of shares.keys()) return share;
      }
    }
    return undefined;
  }

  #add(share: Share, decide: Decide): void {
    const hosts = this.#waiting.get(share.client) ?? new Map<string, Map<Share, Decide>>();
    const shares = hosts.get(share.host) ?? new Map<Share, Decide>();
    shares.set(share, decide);
    hosts.set(share.host, shares);
    this.#waiting.set(share.client, hosts);
  }

  #take(share: Share): Decide | undefined {
    const hosts = this.#waiting.get(share.client);
    const shares = hosts?.get(share.host);
    const decide = shares?.get(share);
    shares?.delete(share);
    if (shares?.size === 0) hosts?.delete(share.host);
    if (hosts?.size === 0) this.#waiting.delete(share.client);
    return decide;
  }

  #moveBehindOthers({ client, host }: Share): void {
    const hosts = this.#waiting.get(client);
    if (!hosts) return;
    moveToEnd(this.#waiting, client);
    moveToEnd(hosts, host);
  }

  #count({ client, host }: Share, by: 1 | -1): void {
    this.#active += by;
    change(this.#activeByClient, client, by);
    change(this.#activeByHost, host, by);
  }
}

function moveToEnd<T>(map: Map<string, T>, key: string): void {
  const value = map.get(key);
  if (value === undefined) return;
  map.delete(key);
  map.set(key, value);
}

function change(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
