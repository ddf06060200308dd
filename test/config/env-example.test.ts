import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parseConfig, SETTING_NAMES } from '../../src/config/config.ts';
import { SETTING_GROUPS } from '../../src/config/settings.ts';

describe('.env.example', () => {
  const lines = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8').split('\n');
  const shown = new Map(
    lines.flatMap((line) => {
      const [, name = '', value = ''] = /^# ([A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
      return name === '' ? [] : [[name, value] as const];
    }),
  );

  it('shows every setting', () => {
    expect([...shown.keys()].sort()).toEqual([...SETTING_NAMES].sort());
  });

  it('shows the service’s defaults, also those in words', () => {
    const ofStore = ['S3_POST_POLICY', 'FREEZE_UPLOADS', 'S3_SIGN_ABSENT_HEADERS'];
    const inWords = ['HOST', 'LOCAL_S3_PORT', 'JOBS_INTERVAL_SECONDS', ...ofStore];
    const isDefault = (name: string) =>
      inWords.includes(name) ||
      SETTING_GROUPS.some(({ settings }) => {
        const schema = settings[name];
        return schema instanceof z.ZodDefault && schema.meta()?.example === undefined;
      });
    const defaults = [...shown].filter(([name]) => isDefault(name));
    expect(defaults.length).toBeGreaterThan(30);
    expect(parseConfig(Object.fromEntries(defaults))).toEqual(parseConfig({}));
  });

  it('shows examples that are accepted', () => {
    // Some have a meaning in one mode alone: only held files are scanned, and nobody else may read those.
    const { SCAN, PUBLIC_BASE_URL, TEMPORARY_CREDENTIALS_ROLE_ARN, ...rest } = Object.fromEntries(shown);
    const ofReaders = { PUBLIC_BASE_URL, TEMPORARY_CREDENTIALS_ROLE_ARN };
    const others = { ...rest, SSE_MODE: 'kms' };
    expect(parseConfig({ ...others, ...ofReaders }).bucket?.name).toBe('my-uploads');
    expect(parseConfig({ ...others, SCAN, HOLD_UPLOADS: 'true' }).limits.scan).not.toBeNull();
  });
});
