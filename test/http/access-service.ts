import { afterAll, beforeAll } from 'vitest';
import { startTestService, type TestService } from '../helpers/test-service.ts';

/** Started for the test file that imports this. */
export let service: TestService;
beforeAll(async () => {
  service = await startTestService({ env: { RATE_LIMIT_PER_MINUTE: '40', ALLOWED_ORIGINS: 'https://app.example' } });
});
afterAll(() => service.close());

export const PRESIGN = { fileName: 'a.txt', contentType: 'text/plain', size: 5 };
export const withToken = (token: string, more: Record<string, string> = {}) => ({
  headers: { authorization: `Bearer ${token}`, ...more },
});
