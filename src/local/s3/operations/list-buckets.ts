import { listPage } from '../listing/list-page.ts';
import { readCount } from '../listing/read-count.ts';
import { readToken, writeToken } from '../listing/token.ts';
import { refuseUnknownHeaders } from '../object-headers.ts';
import { OWNER_NODES } from '../owner.ts';
import { readSmallBody } from '../receive-body.ts';
import type { S3Answer, S3Call } from '../s3-call.ts';
import { queryValue } from '../s3-request.ts';
import { listBucketNames } from '../store/buckets.ts';
import { type XmlNode, xmlAnswer } from '../xml-body.ts';

const MAX_PAGE = 10_000;

/** ListBuckets: by name, all of them unless `max-buckets` (1 to 10,000) says otherwise. */
export async function listBuckets(call: S3Call): Promise<S3Answer> {
  const { request, store, region } = call;
  refuseUnknownHeaders(request);
  await readSmallBody(call);
  const prefix = queryValue(request, 'prefix') ?? '';
  const token = queryValue(request, 'continuation-token');
  const maxKeys = Math.min(readCount(request, 'max-buckets', MAX_PAGE), MAX_PAGE);
  const isHere = (queryValue(request, 'bucket-region') ?? region) === region;
  const buckets = isHere ? await listBucketNames(store) : [];
  const marker = token === undefined ? '' : readToken(token);
  const page = listPage(
    buckets.map(({ name, createdAt }) => ({ key: name, createdAt })),
    { prefix, delimiter: '', marker, maxKeys },
  );
  const nodes = page.items.map(
    ({ key, createdAt }): XmlNode => [
      'Bucket',
      [
        ['Name', key],
        ['CreationDate', createdAt],
        ['BucketRegion', region],
      ],
    ],
  );
  return xmlAnswer('ListAllMyBucketsResult', [
    ['Owner', OWNER_NODES],
    ['Buckets', nodes],
    ...(page.next === null ? [] : [['ContinuationToken', writeToken(page.next)] as const]),
    ...(prefix === '' ? [] : [['Prefix', prefix] as const]),
  ]);
}
