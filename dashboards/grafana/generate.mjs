// Writes the boards as JSON beside this file, or with --check says which of them is not what is written here.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { board } from './board.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const check = process.argv.includes('--check');
let stale = 0;
for (const file of readdirSync(join(here, 'boards')).sort()) {
  const { default: spec } = await import(join(here, 'boards', file));
  const text = `${JSON.stringify(board(spec), null, 2)}\n`;
  const path = join(here, `${spec.uid}.json`);
  if (!check) {
    writeFileSync(path, text);
    continue;
  }
  let stored = '';
  try {
    stored = readFileSync(path, 'utf8');
  } catch {
    // Missing is stale.
  }
  if (stored === text) continue;
  console.error(`${path} is not what boards/${file} describes; run: ./dev dashboards`);
  stale += 1;
}
process.exit(stale === 0 ? 0 : 1);
