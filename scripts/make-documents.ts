// Writes the documents that are generated from the schemas: `npm run documents`.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { workflows } from '../src/workflows/index.js';
import { renderApiReference } from './apiReference.js';
import { renderConfiguration, renderEnvExample } from './configuration.js';
import { createPostmanCollection } from './postman.js';

const file = (name: string) => path.resolve(import.meta.dirname, '..', name);

await writeFile(file('documentation/API_Reference.md'), renderApiReference(workflows));
await writeFile(file('documentation/Configuration.md'), renderConfiguration());
await writeFile(file('.env.example'), renderEnvExample());
await writeFile(
  file('documentation/ComfyUI-Express-Middleware.postman_collection.json'),
  `${JSON.stringify(createPostmanCollection(workflows), null, 2)}\n`,
);
process.stdout.write('Wrote API_Reference.md, Configuration.md, .env.example and the Postman collection.\n');
