/** What differs from run to run in an answer, and what stands for it in an example. */
const STAND_INS: readonly [RegExp, string][] = [
  [/(?<="requestId": ")[^"]+/g, '5f0c9f5c-3ad0-4a6b-9a4f-0b6d7ce0a1f2'],
  [/(?<="expiresAt": ")[\d-]+T[\d:.]+Z/g, '2026-11-20T17:05:00.000Z'],
  [/(?<!"expiresAt": ")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '2026-11-20T17:00:00.000Z'],
  [/\d{8}T\d{6}Z/g, '20261120T170000Z'],
  [/\w+(%2F|\/)\d{8}(%2F|\/)us-east-1/g, 'AKIAIOSFODNN7EXAMPLE$120261120$2eu-central-1'],
  // The example in "Authenticating requests: using query parameters" of the S3 reference.
  [/(?<=X-Amz-Signature(=|": "))[0-9a-f]{64}/g, 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404'],
  [/(?<="Policy": ")[^"]+/g, 'eyJleHBpcmF0aW9uIjoiMjAyNi0xMS0yMFQxNzowNTowMC4wMDBaIn0='],
  [/(?<="uploadId": "\d+\.\d+\+?\w*\.)[^"]+/g, 'LGlRAhqXbEcpMZlyo3sh4Q.VXBsb2FkIElE'],
  [/(?<=uploadId=)[^&"]+/g, 'VXBsb2FkIElE'],
  [/(?<="nextCursor": ")[^"]+/g, 'eyJ0IjoiMjAyNi0xMS0yMCJ9'],
];

/** Examples as JSON, in which the same answers are always the same text. */
export function writeExamples(examples: unknown, { endpoint, name }: { endpoint: string; name: string }): string {
  const ids = new Map<string, string>();
  const standIn = (id: string) => {
    if (!ids.has(id)) ids.set(id, `0198f2b0-7c00-7000-8000-${String(ids.size + 1).padStart(12, '0')}`);
    return ids.get(id) ?? '';
  };
  let text = JSON.stringify(examples, null, 2)
    .replaceAll(`${endpoint}/${name}`, 'https://uploads.s3.eu-central-1.amazonaws.com')
    .replaceAll(endpoint, 'https://s3.eu-central-1.amazonaws.com')
    .replaceAll(name, 'uploads')
    // UUIDv7; ids of requests are UUIDv4.
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, standIn);
  for (const [pattern, other] of STAND_INS) text = text.replace(pattern, other);
  return `${text}\n`;
}
