// Writes the documents that are made from the schemas: `npm run documents`.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { workflows } from '../src/workflows/index.js';
import { renderApiReference } from './apiReference.js';
import { createPostmanCollection } from './postman.js';

const file = (name: string) => path.resolve(import.meta.dirname, '../documentation', name);

await writeFile(file('API_Reference.md'), renderApiReference(workflows));
await writeFile(
  file('ComfyUI-Express-Middleware.postman_collection.json'),
  `${JSON.stringify(createPostmanCollection(workflows), null, 2)}\n`,
);
process.stdout.write('Wrote API_Reference.md and the Postman collection.\n');
