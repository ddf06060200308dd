import { describe, expect, it } from 'vitest';
import { serializeError } from '../src/create-logger.ts';

describe('serializeError', () => {
  it('keeps what tells the cause, and drops what drivers and SDKs hang on their errors', () => {
    const cause = Object.assign(new Error('refused'), {
      code: 'ECONNREFUSED',
      StringToSign: 'secret',
      params: ['row'],
    });
    const logged = JSON.stringify(serializeError(new Error('outer', { cause })));
    expect(JSON.parse(logged)).toMatchObject({ message: 'outer', cause: { message: 'refused', code: 'ECONNREFUSED' } });
    expect(logged).not.toMatch(/secret|row/);
  });
});
