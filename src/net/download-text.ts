const TIMEOUT_MS = 5000;
const MAX_BYTES = 64 * 1024;

/**
 * Downloads a text of at most `maxBytes` (64 KiB) within 5 s. Only status 200 is accepted; redirects are refused, since
 * they could lead anywhere. The caller decides whether the URL may be fetched.
 * @throws {Error} saying which of these failed; never a `Problem`.
 */
export async function downloadText(
  url: string,
  { maxBytes = MAX_BYTES, headers = {} }: { maxBytes?: number; headers?: Record<string, string> } = {},
): Promise<string> {
  const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw new Error(`the answer has over ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const target = response.headers.get('location');
  if (response.status >= 300 && response.status < 400 && target !== null && URL.canParse(target, url)) {
    const { origin, pathname } = new URL(target, url);
    throw new Error(`${new URL(url).host} redirects to ${origin}${pathname}, which is not followed`);
  }
  if (response.status !== 200) throw new Error(`${new URL(url).host} answered with status ${response.status}`);
  // Unlike toString, this removes a byte order mark, with which JSON.parse would fail.
  return new TextDecoder().decode(Buffer.concat(chunks));
}
