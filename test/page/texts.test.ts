import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { texts } from '../../src/page/texts.ts';

const html = readFileSync('src/page/index.html', 'utf8');

describe('the texts of the page', () => {
  it('are in the table: the page has none of its own but its name', () => {
    const words = html.replace(/<[^>]*>/g, ' ').match(/\S+/g);
    expect(words).toEqual(['Signpost', 'Signpost']);
    expect(html.match(/ (aria-label|placeholder|title|alt)="[^"]*"/g)).toBeNull();
  });

  it('are all there, and all shown', () => {
    const named = [...html.matchAll(/ data-(?:text|label)="(\w+)"/g)].map(([, name]) => name);
    expect([...new Set(named)].sort()).toEqual(Object.keys(texts.fixed).sort());
  });
});
