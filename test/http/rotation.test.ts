import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTokenVerifier } from '../../src/auth/verify-token.ts';
import { parseConfig } from '../../src/config/config.ts';
import { createApp } from '../../src/http/app.ts';
import { startTestService, type TestService } from '../helpers/test-service.ts';

const OLD = 'old-secret-of-more-than-thirty-two-bytes';
const NEW = 'new-secret-of-more-than-thirty-two-bytes';
const PRESIGN = JSON.stringify({ fileName: 'a.txt', contentType: 'text/plain', size: 5 });
const RECORDS = JSON.stringify({ Records: [] });

/** Requests between two steps of a rotation. */
const STEP = 60;

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service.close());

/** An instance with these secrets, on the same bucket and database as the others. */
async function instance(secrets: string) {
  const { auth, events } = parseConfig({ JWT_SECRET: secrets, EVENTS_SECRET: secrets });
  const { services } = service;
  const verifyToken = await createTokenVerifier({ ...auth, now: services.now });
  return createApp({ ...services, config: { ...services.config, auth, events }, verifyToken });
}

/**
 * Two instances behind a balancer, under load by eight clients: users with tokens and a bucket with events, each with
 * the current secret. `failed` counts the unsuccessful answers.
 */
async function startLoad(secrets: string) {
  const instances = [await instance(secrets), await instance(secrets)];
  const state = { secret: OLD, answered: 0, failed: 0, running: true };
  const ask = (n: number, path: string, bearer: string, body: string) =>
    instances[n % instances.length]?.request(path, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body,
    });
  const client = async (first: number) => {
    for (let n = first; state.running; n += 1) {
      const { secret } = state;
      const jwt = new SignJWT({ sub: 'alice', jti: String(n) }).setProtectedHeader({ alg: 'HS256' });
      const [presigned, told] = await Promise.all([
        ask(n, '/presign-upload', await jwt.sign(Buffer.from(secret)), PRESIGN),
        ask(n, '/events/s3', secret, RECORDS),
      ]);
      state.answered += 1;
      if (presigned?.status !== 200 || !told?.ok) state.failed += 1;
      await new Promise(setImmediate);
    }
  };
  const clients = Array.from({ length: 8 }, (_, n) => client(n * 1000));
  const passed = async () => {
    const until = state.answered + STEP;
    while (state.answered < until) await new Promise(setImmediate);
  };
  return {
    state,
    passed,
    /** Replaces the instances one after the other. */
    roll: async (to: string) => {
      for (const index of instances.keys()) {
        instances[index] = await instance(to);
        await passed();
      }
    },
    stop: async () => {
      state.running = false;
      await Promise.all(clients);
    },
  };
}

describe('a secret that is rotated under load, on one instance after the other', () => {
  it('fails no request if both secrets are set in between', async () => {
    const { state, passed, roll, stop } = await startLoad(OLD);
    await passed();
    await roll(`${OLD},${NEW}`);
    state.secret = NEW;
    await passed();
    await roll(NEW);
    await stop();
    expect(state.answered).toBeGreaterThan(6 * STEP);
    expect(state.failed).toBe(0);
  });

  it('fails requests if it is replaced at once, which shows that the test detects failures', async () => {
    const { state, roll, stop } = await startLoad(OLD);
    await roll(NEW);
    await stop();
    expect(state.failed).toBeGreaterThan(0);
  });
});
