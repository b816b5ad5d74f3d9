import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Each in a process of its own: they look at what keeps theirs alive, at what is loaded, load it on purpose, or configure sharp. */
const ALONE = [
  'test/unit/{imageLoaders,keptTexts}.test.ts',
  'test/system/{leftovers,package,lazyPackages,thumbnails}.test.ts',
  'test/{fuzz,soak}/**/*.test.ts',
];

/** These take longest. If one of them began last, a core would be idle at the end. */
const LONGEST = [
  'faults/matrix',
  'redisWebhooks',
  'streams',
  'shutdown',
  'killedAt',
  'largeGraphs',
  'endings',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const placeOf = ({ moduleId }: TestSpecification) => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return place < 0 ? LONGEST.length : place;
    };
    return sorted.toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}

export default defineConfig({
  test: {
    // Servers and browsers start slowly on a busy computer.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // On two cores. Tests wait for real sockets, timers and processes most of the time.
    maxWorkers: 5,
    globalSetup: 'test/support/ownTemporaryFolder.ts',
    reporters: ['default'],
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE } },
      {
        extends: true,
        // What they import is loaded once for each worker, not for each file.
        test: {
          name: 'together',
          include: ['test/**/*.test.ts'],
          exclude: [...ALONE, 'node_modules/**'],
          isolate: false,
        },
      },
    ],
  },
});
