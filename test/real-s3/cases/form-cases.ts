import { encodeForm, exactConditions, signForm } from '../../local/s3/sign-form.ts';
import type { Step, Store } from '../compare-stores.ts';
import type { Case } from './case.ts';

export function formCases(bucket: string, keys: Store): Case[] {
  const file = { name: 'a b.txt', type: 'text/plain', body: 'hello' };
  type Change = {
    conditions?: unknown[];
    policy?: Record<string, unknown>;
    after?: Record<string, string | undefined>;
    hasNoFile?: boolean;
  };
  const post = (fields: Record<string, string>, { conditions, policy, after, hasNoFile }: Change = {}): Step => {
    const signed = { ...signForm(keys, fields, conditions ?? exactConditions(bucket, fields), policy), ...after };
    const sent = Object.entries(signed).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return {
      method: 'POST',
      at: '',
      isUnsigned: true,
      ...encodeForm(Object.fromEntries(sent), hasNoFile ? null : file),
    };
  };
  const key = (prefix: string) => ['starts-with', '$key', prefix];
  const named = [{ bucket }];
  const cases: [string, Step][] = [
    ['as it is', post({ key: 'form' })],
    ['with headers', post({ key: 'form', 'content-type': 'a/b', 'x-amz-meta-a': 'b', 'cache-control': 'no-cache' })],
    ['with a status of 201', post({ key: 'form', success_action_status: '201' })],
    ['with a status of 200', post({ key: 'form', success_action_status: '200' })],
    ['with another status', post({ key: 'form', success_action_status: '418' })],
    ['with a prefix', post({ key: 'form' }, { conditions: [...named, key('fo')] })],
    ['with an empty prefix', post({ key: 'form' }, { conditions: [...named, key('')] })],
    ['with another prefix', post({ key: 'form' }, { conditions: [...named, key('x')] })],
    ['with another key', post({ key: 'form' }, { conditions: [...named, { key: 'other' }] })],
    ['with another bucket', post({ key: 'form' }, { conditions: [{ bucket: 'other' }, { key: 'form' }] })],
    ['with a field too many', post({ key: 'form', 'x-amz-meta-a': 'b' }, { conditions: [...named, key('')] })],
    ['with an ignored field', post({ key: 'form', 'x-ignore-a': 'b' }, { conditions: [...named, key('')] })],
    ['with its size', post({ key: 'form' }, { conditions: [...named, key(''), ['content-length-range', 5, 5]] })],
    [
      'with a smaller limit',
      post({ key: 'form' }, { conditions: [...named, key(''), ['content-length-range', 0, 4]] }),
    ],
    [
      'with a larger minimum',
      post({ key: 'form' }, { conditions: [...named, key(''), ['content-length-range', 6, 9]] }),
    ],
    ['with half a range', post({ key: 'form' }, { conditions: [...named, key(''), ['content-length-range', 6]] })],
    ['that expired', post({ key: 'form' }, { policy: { expiration: '2020-01-01T00:00:00Z' } })],
    ['without an expiration', post({ key: 'form' }, { policy: { expiration: undefined } })],
    ['without conditions', post({ key: 'form' }, { policy: { conditions: undefined } })],
    ['with another signature', post({ key: 'form' }, { after: { 'x-amz-signature': '0'.repeat(64) } })],
    ['with another policy', post({ key: 'form' }, { after: { policy: Buffer.from('{}').toString('base64') } })],
    ['without a signature', post({ key: 'form' }, { after: { 'x-amz-signature': undefined } })],
    ['without a policy', post({ key: 'form' }, { after: { policy: undefined } })],
    ['without a credential', post({ key: 'form' }, { after: { 'x-amz-credential': undefined } })],
    ['without a key', post({}, { conditions: named })],
    ['without a file', post({ key: 'form' }, { hasNoFile: true })],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a variable of S3's
    ['named as its file', post({ key: 'form-${filename}' }, { conditions: [...named, key('form-')] })],
  ];
  return cases.map(([name, step]) => ({
    name: `a form ${name}`,
    steps: [step, { at: '/form' }, { at: '/form-a%20b.txt' }],
  }));
}
