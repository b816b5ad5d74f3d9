import { byTurns, oneByOne, perSecond } from './measure.js';
import { Pair } from './pair.js';
import { LARGE, PHOTO, Picture } from './pictures.js';
import { type Effort, jobsPerSecond, milliseconds, type Row, row } from './rows.js';
import { base64AndHistory } from './ways.js';

const FEW_AT_A_TIME = 4;

/** Rounds, and jobs per round: these mostly sleep; a photo takes one to two seconds. */
const full = {
  large: { rounds: 5, single: 5, wide: 16 },
  photo: { rounds: 3, single: 2, wide: 8 },
};
const quick = {
  large: { rounds: 2, single: 3, wide: 8 },
  photo: { rounds: 1, single: 1, wide: 4 },
};

/**
 * The server compared with a typical client of today, on machines where decoding and encoding images takes the same time as in
 * ComfyUI. There is no model work, which would reduce the difference.
 */
export async function pngCosts({ isQuick }: Effort): Promise<Row[]> {
  const pair = await Pair.start(isQuick ? 400 : 1000, base64AndHistory, 1);
  const counts = isQuick ? quick : full;
  const rows: Row[] = [];
  for (const [name, size, { rounds, single, wide }, most, least] of [
    ['1 MB', LARGE, counts.large, '<=0.75', '>=1.3'],
    ['12 megapixels', PHOTO, counts.photo, '<=0.65', '>=1.5'],
  ] as const) {
    const picture = await Picture.ofSize(size);
    const ours = () => pair.api.process(picture.next());
    const theirs = () => pair.bare(picture.next());
    await Promise.all([ours(), theirs()]);
    const alone = await byTurns(
      rounds,
      () => oneByOne(single, ours),
      () => oneByOne(single, theirs),
    );
    const several = await byTurns(
      rounds,
      () => perSecond(wide, FEW_AT_A_TIME, ours),
      () => perSecond(wide, FEW_AT_A_TIME, theirs),
    );
    rows.push(
      row(
        `ComfyUI's PNG costs, one at a time, ${name}`,
        {
          measured: milliseconds(alone.a),
          comparedWith: `base64 and history: ${milliseconds(alone.b)}`,
          ratio: alone.ratio,
        },
        most,
      ),
      row(
        `ComfyUI's PNG costs, 4 at a time, two machines, ${name}`,
        {
          measured: jobsPerSecond(several.a),
          comparedWith: `base64 and history: ${jobsPerSecond(several.b)}`,
          ratio: several.ratio,
        },
        least,
      ),
    );
  }
  await pair.stop();
  return rows;
}
