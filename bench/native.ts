import { ComfyConnection } from './ComfyConnection.js';
import { Machines } from './machines.js';
import { byTurns, oneByOne, perSecond } from './measure.js';
import { KEPT_RESULTS, WIDTH } from './pair.js';
import { LARGE, Picture, SMALL } from './pictures.js';
import { type Effort, milliseconds, type Row, row } from './rows.js';
import { uploadAndPreview } from './ways.js';

const CASES = [
  { name: '12 KB', size: SMALL, share: 1, must: '<=1.8' },
  { name: '1 MB', size: LARGE, share: 8, must: '<=2.0' },
] as const;

/** A client of ComfyUI, one prompt at a time: on the port of ComfyUI's own API, and on the machine itself. */
export async function native({ rounds, goes, isQuick }: Effort): Promise<Row[]> {
  const machines = await Machines.start([0], { ...KEPT_RESULTS, COMFYUI_API_PORT: '0' });
  const [machine = ''] = machines.simulators;
  const server = await ComfyConnection.open(await machines.nativeHost());
  const bare = await ComfyConnection.open(machine);
  const rows: Row[] = [];
  for (const { name, size, share, must } of CASES) {
    const picture = await Picture.ofSize(size);
    const through = () => uploadAndPreview(server, picture.next());
    const directly = () => uploadAndPreview(bare, picture.next());
    const warmUp = (isQuick ? 1000 : 2000) / (5 * share - 4);
    await perSecond(warmUp, WIDTH, through);
    await perSecond(warmUp / 2, WIDTH, directly);
    const { a, b, ratio } = await byTurns(
      rounds,
      () => oneByOne(goes / share, through),
      () => oneByOne(goes / share, directly),
    );
    const parts = { measured: milliseconds(a), comparedWith: `on the machine: ${milliseconds(b)}`, ratio };
    rows.push(row(`native prompt, one at a time, ${name}, 0 ms of work`, parts, must));
  }
  await Promise.all([server.close(), bare.close()]);
  await machines.stop();
  return rows;
}
