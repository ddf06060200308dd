import fc from 'fast-check';
import type { EndpointOptions } from '../../src/signing/resolve-endpoint.ts';

/** Where buckets are: each kind of address that the SDK knows. */
export const PLACES: EndpointOptions[] = [
  { bucket: 'photos', region: 'us-east-1' },
  { bucket: 'photos', region: 'ap-southeast-2', forcePathStyle: true },
  { bucket: 'my.photos', region: 'eu-west-1' },
  { bucket: 'photos', region: 'cn-north-1', useDualstackEndpoint: true },
  { bucket: 'photos', region: 'us-gov-west-1', useFipsEndpoint: true },
  { bucket: 'photos', region: 'eu-central-1', useAccelerateEndpoint: true },
  { bucket: 'photos', region: 'us-east-1', endpoint: 'http://127.0.0.1:9000', forcePathStyle: true },
  { bucket: 'photos', region: 'us-east-1', endpoint: 'https://gateway.example.com/a b/s3/', forcePathStyle: true },
  { bucket: 'photos', region: 'auto', endpoint: 'https://account.r2.cloudflarestorage.com' },
  { bucket: 'photos', region: 'us-east-1', endpoint: 'http://[::1]:8080/base' },
  { bucket: 'arn:aws:s3:us-west-2:123456789012:accesspoint/photos', region: 'eu-west-1' },
  { bucket: 'arn:aws:s3-object-lambda:eu-west-1:123456789012:accesspoint/photos', region: 'eu-west-1' },
];

/** What paths, queries and headers treat differently. */
const RESERVED = [...':/?#[]@!$&\'()*+,;=%"<>\\^`{|} ~-._', '%2F', '%20', '//', '/./', '/../', '\t', '\n', 'é', '😀'];
/** Any text, with many of these. */
export const text = fc.string({
  unit: fc.oneof(fc.constantFrom(...RESERVED), fc.string({ unit: 'binary', maxLength: 1 })),
});
/** Any key. */
export const key = fc
  .oneof(text, fc.constantFrom('/', '//', '.', '..', '/a', 'a/', '../a', '%'))
  .filter((k) => k !== '');

/** Who signs, where and when. */
export const signer = {
  place: fc.constantFrom(...PLACES),
  credentials: fc.record({
    accessKeyId: fc.stringMatching(/^[A-Z0-9]{16,20}$/),
    secretAccessKey: fc.stringMatching(/^[A-Za-z0-9/+=]{1,40}$/),
    sessionToken: fc.option(fc.stringMatching(/^[A-Za-z0-9/+=]{1,400}$/)),
  }),
  now: fc.date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }),
};
