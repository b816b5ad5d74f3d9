// Damaged uploads, multipart bodies, parameters, ids and answers of ComfyUI against the server.
//   npm run fuzz -- --cases 10000 --seed 1
import { parseArgs } from 'node:util';
import { fuzz } from '../test/fuzz/fuzz.js';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const say = (line: string) => process.stdout.write(`${line}\n`);

say(`${values.cases} cases, seed ${values.seed}`);
const { cases, answers, highestRssMb } = await fuzz(Number(values.cases), Number(values.seed));
for (const [name, counts] of Object.entries(answers)) {
  say(`\n${name}`);
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
  for (const [answer, count] of sorted) say(`  ${String(count).padStart(6)}  ${answer}`);
}
say(`\n${cases} cases, no 5xx, no crash, no hang; ${highestRssMb} MB at most.`);
