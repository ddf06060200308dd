import { describe, expect, it } from 'vitest';
import { SignpostError } from '../../src/client/signpost-error.ts';
import { explain } from '../../src/page/explain.ts';

const refused = (detail: string, errors: readonly { path: string; message: string }[] = []) =>
  new SignpostError({ code: 'file-too-large', status: 413, detail, errors, retryable: false });

describe('explain', () => {
  it.each([
    ['the file has 30000000 bytes; at most 1000000 are allowed', 'The file has 30 MB; at most 1 MB are allowed.'],
    ['the file has 5 bytes; at most 1 are allowed', 'The file has 5 bytes; at most 1 are allowed.'],
    ['the file has 1001 bytes; at most 1000 are allowed', 'The file has 1,001 bytes; at most 1,000 bytes are allowed.'],
    ['you have 900 of 2000 bytes, and this would be 12000 more', 'You have 900 of 2 kB, and this would be 12 kB more.'],
    [
      'application/pdf is not allowed; allowed: image/*, text/plain',
      'PDF is not allowed; allowed: images, plain text.',
    ],
    ['application/x-foo is not allowed; allowed: text/csv', 'application/x-foo is not allowed; allowed: CSV.'],
    ['the bucket answered 503 SlowDown', 'The bucket answered 503 SlowDown.'],
    ['https://a.example does not let pages read (CORS)', 'https://a.example does not let pages read (CORS).'],
  ])('%s: %s', (detail, sentence) => expect(explain(refused(detail))).toBe(sentence));

  it('says what the page of another network is, and not its address', () => {
    const detail = 'https://files.example.com/confirm-upload answered 200';
    const error = new SignpostError({ code: 'unexpected-answer', status: 200, detail, retryable: false });
    expect(explain(error)).toBe('Another server answered. Your network may ask you to sign in first.');
  });

  it('says each reason once', () => {
    const reason = 'application/pdf is not allowed';
    expect(explain(refused(reason, [{ path: 'contentType', message: reason }]))).toBe('PDF is not allowed.');
  });
});
