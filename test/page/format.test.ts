import { describe, expect, it } from 'vitest';
import { createSpeedMeter } from '../../src/client/queue/speed-meter.ts';
import { describeLimits } from '../../src/page/describe-limits.ts';
import { kindOf } from '../../src/page/file-kind.ts';
import { formatAgo, formatBytes, formatDuration, formatFiles, formatPercent } from '../../src/page/format.ts';

describe('the formats of the page', () => {
  it.each([
    [0, '0 bytes'],
    [1, '1 byte'],
    [999, '999 bytes'],
    [1000, '1 kB'],
    [48_213, '48.2 kB'],
    [99_960, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1 MB'],
    [300_000_000, '300 MB'],
    [5 * 1024 ** 4, '5.5 TB'],
    [5e15, '5,000 TB'],
  ])('%i bytes: %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it.each([
    [0.2, '1 s'],
    [59.4, '59 s'],
    [59.6, '1 min 0 s'],
    [125, '2 min 5 s'],
    [4800, '1 h 20 min'],
  ])('%f seconds: %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  it.each([
    ['2026-11-20T12:00:10Z', 'just now'],
    ['2026-11-20T11:59:59Z', 'just now'],
    ['2026-11-20T11:58:59Z', '1 minute ago'],
    ['2026-11-20T03:00:00Z', '9 hours ago'],
    ['2026-11-19T03:00:00Z', 'yesterday'],
    ['2026-11-10T12:00:00Z', 'Nov 10, 2026'],
  ])('%s: %s', (iso, text) => expect(formatAgo(iso, Date.parse('2026-11-20T12:00:00Z'))).toBe(text));

  it('says 100% only of the whole', () => {
    expect([formatPercent(1, 3), formatPercent(999, 1000), formatPercent(5, 5)]).toEqual(['33%', '99%', '100%']);
    expect([formatFiles(1), formatFiles(2), formatFiles(1200)]).toEqual(['1 file', '2 files', '1,200 files']);
  });

  it.each([
    ['image/svg+xml', 'image'],
    ['application/pdf', 'pdf'],
    ['text/html; charset=utf-8', 'text'],
    ['application/ld+json', 'text'],
    ['application/x-tar', 'archive'],
    ['application/x-yaml', 'text'],
    ['application/octet-stream', 'other'],
    ['', 'other'],
  ])('%s is %s', (type, kind) => expect(kindOf(type)).toBe(kind));

  it('knows a text without a type by its name', () => {
    expect(kindOf('application/octet-stream', 'compose.YAML')).toBe('text');
    expect(kindOf('application/zip', 'notes.md')).toBe('archive');
  });
});

describe('the speed meter', () => {
  it('is null for three seconds, then the speed of the last eight', () => {
    const meter = createSpeedMeter();
    expect([meter(0, 0), meter(4000, 2000), meter(6000, 3000)]).toEqual([null, null, 2000]);
    expect(meter(6000, 11_000)).toBe(0);
  });

  it('starts anew when bytes are sent again', () => {
    const meter = createSpeedMeter();
    meter(0, 0);
    meter(9000, 3000);
    expect(meter(4000, 4000)).toBeNull();
    expect(meter(7000, 7000)).toBe(1000);
  });
});

describe('the note on limits', () => {
  const limits = {
    maxBytes: 10_000_000,
    contentTypes: ['*/*'],
    methods: ['PUT' as const],
    multipartThresholdBytes: 5_000_000,
    quota: { bytes: null, files: null, usedBytes: 300, usedFiles: 2 },
  };
  const text = (more: object) => describeLimits({ ...limits, ...more }).replaceAll('\u00a0', ' ');

  it.each([
    ['of every type', {}, 'Up to 10 MB per file'],
    ['of some types', { contentTypes: ['image/*', 'text/csv'] }, 'Up to 10 MB per file · images · CSV'],
    [
      'with a quota',
      { quota: { bytes: 1000, files: 1200, usedBytes: 300, usedFiles: 2 } },
      'Up to 10 MB per file · 300 bytes of 1 kB used · 2 of 1,200 files stored',
    ],
    [
      'with a quota whose use is unknown',
      { quota: { bytes: 1000, files: 5, usedBytes: null, usedFiles: null } },
      'Up to 10 MB per file',
    ],
  ])('for files %s', (_, more, expected) => expect(text(more)).toBe(expected));
});
