import type { createApp } from '../../src/http/app.ts';

/** Sends requests whose bodies do not end, until `end`. */
export function sendUnfinished(
  app: ReturnType<typeof createApp>,
  path: string,
  { count, authorization }: { count: number; authorization: string },
): { end: () => Promise<unknown> } {
  const bodies: ReadableStreamDefaultController[] = [];
  const answers = Array.from({ length: count }, () =>
    app.request(path, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: new ReadableStream({ start: (body) => void bodies.push(body) }),
      duplex: 'half',
    }),
  );
  return {
    end: () => {
      for (const body of bodies) body.close();
      return Promise.all(answers);
    },
  };
}
