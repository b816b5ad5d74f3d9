import { type AssetRecords, type ClientAsset, MAX_LISTED } from './AssetRecords.js';

/** Records in this process's memory. They end with it. */
export class MemoryAssetRecords implements AssetRecords {
  readonly #assets = new Map<string, ClientAsset>();
  /** Ids by owner and hash, in the order of creation; none is empty. */
  readonly #byHash = new Map<string, Set<string>>();

  async put(asset: ClientAsset): Promise<void> {
    this.#assets.set(asset.id, asset);
    const key = keyOf(asset.owner, asset.hash);
    const ids = this.#byHash.get(key) ?? new Set<string>();
    this.#byHash.set(key, ids.add(asset.id));
  }

  async renew(asset: ClientAsset): Promise<boolean> {
    const known = this.#assets.get(asset.id);
    if (known && known.expiresTime < asset.expiresTime) this.#assets.set(asset.id, asset);
    return known !== undefined;
  }

  async get(id: string): Promise<ClientAsset | undefined> {
    return this.#assets.get(id);
  }

  async delete(id: string): Promise<ClientAsset | undefined> {
    const asset = this.#assets.get(id);
    if (!asset) return undefined;
    this.#assets.delete(id);
    const key = keyOf(asset.owner, asset.hash);
    const ids = this.#byHash.get(key);
    ids?.delete(id);
    if (ids?.size === 0) this.#byHash.delete(key);
    return asset;
  }

  async ofHash(owner: string | undefined, hash: string): Promise<ClientAsset[]> {
    const ids = [...(this.#byHash.get(keyOf(owner, hash)) ?? [])].slice(-MAX_LISTED).reverse();
    return ids.flatMap((id) => this.#assets.get(id) ?? []);
  }

  async expired(time: number): Promise<string[]> {
    const ids: string[] = [];
    for (const { id, expiresTime } of this.#assets.values()) {
      if (ids.length >= MAX_LISTED) break;
      if (expiresTime <= time) ids.push(id);
    }
    return ids;
  }
}

function keyOf(owner: string | undefined, hash: string): string {
  return JSON.stringify([owner ?? null, hash]);
}
