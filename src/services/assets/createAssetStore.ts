import type { Clock } from '../../utils/clock.js';
import { type Logger, silentLogger } from '../../utils/logger.js';
import type { AssetStore } from './AssetStore.js';
import { DiskAssetStore } from './DiskAssetStore.js';
import { MemoryAssetStore } from './MemoryAssetStore.js';
import { S3AssetStore, type S3AssetStoreOptions } from './S3AssetStore.js';

/** The location of the assets, and its settings. */
export type AssetStoreOptions =
  | { readonly kind: 'memory' }
  | { readonly kind: 'disk'; readonly folder: string }
  | ({ readonly kind: 's3' } & S3AssetStoreOptions);

/** Creates the store. Nothing is read, written or connected to before its start. */
export function createAssetStore(
  options: AssetStoreOptions,
  clock: Clock,
  logger: Logger = silentLogger,
): AssetStore {
  switch (options.kind) {
    case 'memory':
      return new MemoryAssetStore(clock);
    case 'disk':
      return new DiskAssetStore(options.folder, logger);
    case 's3':
      return new S3AssetStore(options, logger);
  }
}
