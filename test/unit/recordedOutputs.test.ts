import { describe, expect, it } from 'vitest';
import type { CompletedJob, JobOutput } from '../../src/services/jobs/Job.js';
import * as transitions from '../../src/services/jobs/transitions.js';
import type { FilePlace } from '../../src/services/native/filePlace.js';
import { PromptNames } from '../../src/services/native/PromptNames.js';
import { outputAtPlace, resultOutputs } from '../../src/services/native/recordedOutputs.js';
import { JOB_REQUEST } from '../support/jobRequest.js';

const ID = '0f6c8c1e-0000-4000-8000-000000000001';
const MARK = 'aaaaaaaa-0000-4000-8000-000000000002';

function output(nodeId: string, filename: string, origin?: JobOutput['origin']): JobOutput {
  return { name: nodeId, nodeId, kind: 'image', mimeType: 'image/png', sizeBytes: 1, filename, origin };
}

const saved = (nodeId: string, subfolder: string, key = 'images') =>
  output(nodeId, 'pic_1_.png', {
    mark: MARK,
    key,
    file: { filename: `pic-${MARK}_1_.png`, subfolder, type: 'output' },
  });

function completed(...outputs: [JobOutput, ...JobOutput[]]): CompletedJob {
  const begun = transitions.begin(transitions.accept(ID, JOB_REQUEST, 1), 2, 'machine');
  const job = begun && transitions.complete(begun, 3, { promptId: MARK, outputs });
  if (!job) throw new Error('it cannot complete');
  return job;
}

const at = (
  subfolder: string,
  type: FilePlace['type'] = 'output',
  filename = `pic-${ID}_1_.png`,
): FilePlace => ({
  type,
  subfolder,
  filename,
});

describe('the output at a place', () => {
  it('is the one that the machine had there', () => {
    const [before, after] = [saved('3', 'before'), saved('4', 'after')];
    const job = completed(before, after);
    expect(outputAtPlace(job, at('before'))).toBe(before);
    expect(outputAtPlace(job, at('after'))).toBe(after);
    for (const place of [at(''), at('no/such'), at('after', 'temp')]) {
      expect(outputAtPlace(job, place)).toBeUndefined();
    }
  });

  it('is found by its name in records of earlier versions, unless several have that name', () => {
    const [one, two, three] = [output('3', 'a_1_.png'), output('4', 'b_1_.png'), output('5', 'b_1_.png')];
    const job = completed(one, two, three);
    expect(outputAtPlace(job, at('any', 'output', `a-${ID}_1_.png`))).toBe(one);
    expect(outputAtPlace(job, at('any', 'output', `b-${ID}_1_.png`))).toBeUndefined();
  });
});

describe('the outputs of a node', () => {
  const names = new PromptNames('prompt', ID);

  it('are at their places, under their keys', () => {
    const text: JobOutput = {
      ...output('6', '6.txt', { mark: MARK, key: 'string' }),
      kind: 'text',
      text: 'x',
    };
    const job = completed(saved('3', 'before'), saved('4', 'after', 'gifs'), text);
    const made = resultOutputs(job, names, () => true);
    expect(made.map((one) => one.output)).toEqual([
      new Map([['images', [new Map(Object.entries(at('before')))]]]),
      new Map([['gifs', [new Map(Object.entries(at('after')))]]]),
      new Map([['string', ['x']]]),
    ]);
    expect(made.flatMap(({ files }) => files)).toMatchObject([
      { place: at('before'), onMachine: { filename: `pic-${MARK}_1_.png` } },
      { place: at('after') },
    ]);
  });

  it('are not readable in records of earlier versions if several have the same name', () => {
    const job = completed(output('3', 'a_1_.png'), output('4', 'b_1_.png'), output('5', 'b_1_.png'));
    const made = resultOutputs(job, names, (node) => node !== '5');
    expect(made).toMatchObject([
      { nodeId: '3', files: [{ place: at('', 'output', `a-${ID}_1_.png`) }] },
      { files: [] },
    ]);
  });
});
