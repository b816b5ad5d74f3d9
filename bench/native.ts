import { Child } from '../src/demo/children.js';
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

/**
 * A client of ComfyUI, one prompt at a time: on the port of ComfyUI's own API, on the machine itself, and on a reverse proxy that
 * does nothing else.
 */
export async function native({ rounds, goes, isQuick }: Effort): Promise<Row[]> {
  const machines = await Machines.start([0], { ...KEPT_RESULTS, COMFYUI_API_PORT: '0' });
  const [machine = ''] = machines.simulators;
  const child = new Child('proxy', new URL('./plainProxy.mjs', import.meta.url), [machine], {});
  const server = await ComfyConnection.open(await machines.nativeHost());
  const proxy = await ComfyConnection.open(`127.0.0.1:${await child.says(/proxy listens on [^:]+:(\d+)/)}`);
  const bare = await ComfyConnection.open(machine);
  const rows: Row[] = [];
  for (const { name, size, share, must } of CASES) {
    const picture = await Picture.ofSize(size);
    const through = (client: ComfyConnection) => () => uploadAndPreview(client, picture.next());
    const warmUp = (isQuick ? 1000 : 2000) / (5 * share - 4);
    await perSecond(warmUp, WIDTH, through(server));
    for (const client of [proxy, bare]) await perSecond(warmUp / 2, WIDTH, through(client));
    const compare = async (client: ComfyConnection, what: string, bound?: string) => {
      const { a, b, ratio } = await byTurns(
        rounds,
        () => oneByOne(goes / share, through(client)),
        () => oneByOne(goes / share, through(bare)),
      );
      const parts = { measured: milliseconds(a), comparedWith: `on the machine: ${milliseconds(b)}`, ratio };
      rows.push(row(`${what}, one at a time, ${name}, 0 ms of work`, parts, bound));
    };
    await compare(server, 'native prompt', must);
    await compare(proxy, 'through a plain reverse proxy');
  }
  await Promise.all([server, proxy, bare].map((client) => client.close()));
  await child.stop();
  await machines.stop();
  return rows;
}
