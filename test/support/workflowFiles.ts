import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A folder of workflow files. */
export class WorkflowFiles {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(files: Readonly<Record<string, string>> = {}): Promise<WorkflowFiles> {
    const folder = new WorkflowFiles(await mkdtemp(path.join(tmpdir(), 'workflows-')));
    for (const [name, text] of Object.entries(files)) await folder.copy(name, text);
    return folder;
  }

  /** Uses an existing folder. */
  static at(directory: string): WorkflowFiles {
    return new WorkflowFiles(directory);
  }

  /** Writes a file in pieces, as a copy does. */
  async copy(name: string, text: string): Promise<void> {
    await writeFile(path.join(this.directory, name), text);
  }

  /** Replaces a file atomically, as most editors do. */
  async replace(name: string, text: string): Promise<void> {
    const file = path.join(this.directory, name);
    await writeFile(`${file}.part`, text);
    await rename(`${file}.part`, file);
  }

  async remove(name: string): Promise<void> {
    await rm(path.join(this.directory, name), { force: true });
  }

  /** Deletes the folder. */
  async delete(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** A workflow `pass-video` that saves its input video unchanged. */
export const PASS_VIDEO = {
  'pass-video.json': JSON.stringify({
    '1': { class_type: 'LoadVideo', inputs: { file: 'clip.mp4' } },
    '2': {
      class_type: 'SaveVideo',
      inputs: { video: ['1', 0], filename_prefix: 'video/clip', format: 'auto', codec: 'auto' },
    },
  }),
  'pass-video.yaml': [
    'inputs:',
    '  video: { node: "1", field: file, kind: video }',
    'outputs:',
    '  video: { node: "2" }',
  ].join('\n'),
};
