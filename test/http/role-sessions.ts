import type { TestService } from '../helpers/test-service.ts';

/** The embedded bucket has no STS: what a real one answers is in `test/real-s3/temporary-credentials.test.ts`. */
const SESSION = {
  accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  sessionToken: 'AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT+FvwqnKwRcOIfrRh3c',
  expiration: new Date(),
};
export const roleSessions = { open: async () => SESSION };

/** Lets a service issue credentials; without sessions, STS does not answer. */
export function addSts({ services }: TestService, sessions = { open: unanswered }): void {
  const sts = { roleArn: 'arn:aws:iam:::role/uploads', endpoint: 'http://127.0.0.1:1', maxSeconds: 3600 };
  Object.assign(services.config, { sts });
  Object.assign(services, { roleSessions: sessions });
}

async function unanswered(): Promise<typeof SESSION> {
  throw new Error('STS does not answer');
}
