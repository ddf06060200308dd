import type { createApp } from '../../src/http/app.ts';

/**
 * Sends requests whose bodies do not end, until `end`.
 * @returns when the service reads all of them, so that each has its slot.
 */
export async function sendUnfinished(
  app: ReturnType<typeof createApp>,
  path: string,
  { count, authorization }: { count: number; authorization: string },
): Promise<{ end: () => Promise<unknown> }> {
  const bodies: ReadableStreamDefaultController[] = [];
  const answers: (Response | Promise<Response>)[] = [];
  const send = (isRead: () => void) =>
    answers.push(
      app.request(path, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body: new ReadableStream({ start: (body) => void bodies.push(body), pull: isRead }, { highWaterMark: 0 }),
        duplex: 'half',
      }),
    );
  await Promise.all(Array.from({ length: count }, () => new Promise<void>(send)));
  return {
    end: () => {
      for (const body of bodies) body.close();
      return Promise.all(answers);
    },
  };
}
