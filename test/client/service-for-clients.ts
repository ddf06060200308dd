import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { createAdaptorServer } from '@hono/node-server';
import { createSignpost, SignpostError, type SignpostOptions } from '../../src/client/create-signpost.ts';
import { listen } from '../helpers/listen.ts';
import { mint, startTestService } from '../helpers/test-service.ts';

export const PART = 5 * 1024 ** 2;

/** `POST /presign-upload`, or `PUT 3` for the third part and `PUT whole` for a file in one piece. */
export type Sent = { what: string; url: string };

/** Stands between the client and the network: sends the request on, or does not, or loses the answer. */
export type Interference = (sent: Sent, send: () => Promise<Response>) => Promise<Response>;

/** The whole service on a socket, and clients of it that keep a record of what they send. */
export async function startServiceForClients(options: Parameters<typeof startTestService>[0] = {}) {
  const service = await startTestService({
    ...options,
    env: { MULTIPART_THRESHOLD_BYTES: String(PART), MULTIPART_PART_BYTES: String(PART), ...options.env },
  });
  const server = createAdaptorServer({ fetch: service.app.fetch });
  const url = await listen(server);
  const { client: s3, name: Bucket } = service.bucket;

  const client = async (
    user: string,
    options: Partial<SignpostOptions> = {},
    interfere: Interference = (_sent, send) => send(),
  ) => {
    const sent: string[] = [];
    const keys = new Set<string>();
    const delaysMs: number[] = [];
    const signpost = createSignpost({
      url,
      token: await mint(user),
      // A test that limits the attempts counts them; in the others, waiting moves the clock alone.
      ...(options.maxAttempts !== undefined && { giveUpAfterMs: 0 }),
      now: () => Date.now() + delaysMs.reduce((sum, each) => sum + each, 0),
      sleep: async (delayMs) => void delaysMs.push(delayMs),
      fetch: (input, init) => {
        const { origin, pathname, searchParams } = new URL(String(input));
        const isService = origin === new URL(options.url ?? url).origin;
        const what = isService ? `${init?.method} ${pathname}` : `PUT ${searchParams.get('partNumber') ?? 'whole'}`;
        sent.push(what);
        if (!isService) keys.add(pathname.slice(Bucket.length + 2));
        return interfere({ what, url: String(input) }, () => fetch(input, init));
      },
      ...options,
    });
    return {
      ...signpost,
      sent,
      delaysMs,
      /** What lies in the bucket under each key that a byte was sent to. */
      stored: () =>
        Promise.all([...keys].map((key) => service.bucket.read(key).then((bytes) => bytes && String(bytes)))),
      count: (what: string) => sent.filter((each) => each === what).length,
    };
  };

  return {
    service,
    url,
    client,
    openUploads: async (user: string) => {
      const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
      return Uploads.filter(({ Key }) => Key?.startsWith(`${user}/`)).length;
    },
    close: async () => {
      server.close();
      if ('closeAllConnections' in server) server.closeAllConnections();
      await service.close();
    },
  };
}

/** The network fails before anything gets through. */
export const cutOff = async (): Promise<never> => {
  throw new TypeError('fetch failed');
};

/** The request gets through, its answer does not. */
export const loseAnswer = async (send: () => Promise<Response>): Promise<never> => {
  await (await send()).text();
  return cutOff();
};

/** What a page's `localStorage` is to the next page. */
export function createStorage(): Storage {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    key: (index) => [...items.keys()][index] ?? null,
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => void items.set(name, value),
    removeItem: (name) => void items.delete(name),
    clear: () => items.clear(),
  };
}

export const textFile = (text: string, name = 'a.txt') => new File([text], name, { type: 'text/plain' });

/** A file of two whole parts and a short third. */
export const threeParts = (fill = 'signpost ', name = 'film.bin') =>
  new File([Buffer.alloc(2 * PART + 7, fill)], name, { type: 'application/octet-stream', lastModified: 1_000 });

/** The error of an upload that is refused. */
export const failureOf = async (upload: Promise<unknown>): Promise<SignpostError> => {
  const error = await upload.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(error instanceof SignpostError)) throw new Error('not refused', { cause: error });
  return error;
};
