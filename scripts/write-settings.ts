// npm run settings [-- --check]
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { renderEnvExample, renderSettingsPage } from './settings-texts.ts';

const texts = { '.env.example': renderEnvExample(), 'docs/settings.md': renderSettingsPage() };

const { values } = parseArgs({ options: { check: { type: 'boolean' } } });
for (const [file, text] of Object.entries(texts)) {
  if (values.check !== true) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${file} differs from src/config/settings: npm run settings`);
    process.exitCode = 1;
  }
}
