// Fuzzes the server with damaged uploads, multipart bodies, parameters, ids and ComfyUI responses; with the same number of
// damaged graphs, manifests and submissions to graphs; and with the same number of requests to the Comfy API v2 and to the port
// of ComfyUI's own API.
//   npm run fuzz -- --cases 10000 --seed 1 --only graphs
import { parseArgs } from 'node:util';
import { comfyTargets } from '../test/fuzz/comfyTargets.js';
import { fuzz } from '../test/fuzz/fuzz.js';
import { graphTargets } from '../test/fuzz/graphTargets.js';
import { nativeTargets } from '../test/fuzz/nativeTargets.js';
import { targets } from '../test/fuzz/targets.js';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
  },
});
const say = (line: string) => process.stdout.write(`${line}\n`);

const groups = { requests: targets, graphs: graphTargets, comfy: comfyTargets, native: nativeTargets };

for (const [group, attacked] of Object.entries(groups)) {
  if (values.only !== undefined && values.only !== group) continue;
  say(`${values.cases} cases of ${group}, seed ${values.seed}`);
  const { cases, answers, highestRssMb } = await fuzz(attacked, Number(values.cases), Number(values.seed));
  for (const [name, counts] of Object.entries(answers)) {
    say(`\n${name}`);
    const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
    for (const [answer, count] of sorted) say(`  ${String(count).padStart(6)}  ${answer}`);
  }
  say(`\n${cases} cases, no 5xx of the server, no crash, no hang; ${highestRssMb} MB at most.\n`);
}
