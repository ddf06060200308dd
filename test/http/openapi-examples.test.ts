import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestService, type TestService } from '../helpers/test-service.ts';
import { answerAll, type Call, callsOf, ENV, prepare } from './operation-calls.ts';
import { addSts, roleSessions } from './role-sessions.ts';
import { writeExamples } from './write-examples.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: ENV });
  addSts(service, roleSessions);
});
afterAll(() => service.close());

describe('the examples of the description', () => {
  it('are what the service answers (vitest -u writes them)', async () => {
    const calls = callsOf(await prepare(service), service.bucket.name);
    const examples: Record<string, Call & { answers: Record<string, unknown> }> = {};
    for (const { id, call, status, body } of await answerAll(service.app, calls)) {
      const { headers: _, ...request } = call;
      // The description is no example of itself.
      const isJson = typeof body === 'object' && id !== 'describeApi';
      const { answers, ...first } = examples[id] ?? { ...request, answers: {} };
      examples[id] = { ...first, answers: { ...answers, ...(isJson && { [status]: body }) } };
    }
    const path = '../../src/http/openapi/operation-examples.json';
    await expect(writeExamples(examples, service.bucket)).toMatchFileSnapshot(path);
  });
});
