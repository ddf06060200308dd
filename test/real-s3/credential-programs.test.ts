import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, mint, startTestService, type TestService } from '../helpers/test-service.ts';
import { issue, SCOPE } from './session-client.ts';

const { TEST_S3_ROLE_ARN: ROLE = '' } = process.env;
const run = promisify(execFile);

let service: TestService;
let directory: string;
beforeAll(async () => {
  expect(ROLE, 'TEST_S3_ROLE_ARN: see .ci/rgw').not.toBe('');
  service = await startTestService({ env: { TEMPORARY_CREDENTIALS_ROLE_ARN: ROLE } });
  directory = await mkdtemp(join(tmpdir(), 'signpost-credentials-'));
});
afterAll(async () => {
  await service.close();
  await rm(directory, { recursive: true, force: true });
});

const ALLOWED = { Effect: 'Allow', Principal: { AWS: ['arn:aws:iam:::user/test'] }, Action: ['sts:AssumeRole'] };
const NOT_AGAIN = { Effect: 'Deny', Principal: { AWS: ['arn:aws:iam:::role/loose'] }, Action: ['sts:AssumeRole'] };
const OBJECTS = { Effect: 'Allow', Action: ['s3:*'], Resource: ['arn:aws:s3:::*'] };
const NO_UPLOADS = {
  Effect: 'Deny',
  Action: ['s3:PutObject', 's3:DeleteObject'],
  Resource: ['arn:aws:s3:::*/*/*/*/????????-????-7???-????-????????????/*'],
};

/** Makes the role `loose`, by the login of the tests. */
async function makeRole({ trust, policy }: { trust: object[]; policy: object[] }) {
  const document = (Statement: object[]) => JSON.stringify({ Version: '2012-10-17', Statement });
  await iam('create-role', '--role-name', 'loose', '--assume-role-policy-document', document(trust));
  await iam('put-role-policy', '--role-name', 'loose', '--policy-name', 's3', '--policy-document', document(policy));
}

async function removeRole() {
  await iam('delete-role-policy', '--role-name', 'loose', '--policy-name', 's3');
  await iam('delete-role', '--role-name', 'loose');
}

function iam(...args: string[]) {
  const { PATH, TEST_S3_ACCESS_KEY_ID, TEST_S3_SECRET_ACCESS_KEY } = process.env;
  const env = { AWS_ACCESS_KEY_ID: TEST_S3_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: TEST_S3_SECRET_ACCESS_KEY };
  const at = ['--endpoint-url', service.bucket.endpoint, '--region', 'us-east-1'];
  return promisify(execFile)('aws', [...at, 'iam', ...args], { env: { PATH, ...env } });
}

const BOTO3 = `
import boto3, os, sys
client = boto3.client('s3', endpoint_url=os.environ['ENDPOINT'])
client.upload_file('photos/a b.txt', os.environ['BUCKET'], os.environ['PREFIX'] + 'photos/a b.txt')`;

describe('docs/temporary-credentials.md', () => {
  it('has commands that work with the AWS CLI and rclone, and so does boto3; none puts anywhere else', async () => {
    const page = await readFile('docs/temporary-credentials.md', 'utf8');
    const [start = '', ...commands] = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, code]) => code);
    expect(commands.map((command) => command?.split(' ')[0])).toEqual(['aws', 'rclone']);
    commands.push(`export BUCKET PREFIX ENDPOINT; python3 -c "${BOTO3}"`);
    await mkdir(join(directory, 'photos'));
    await writeFile(join(directory, 'photos/a b.txt'), 'by another program');
    const { PATH } = process.env;
    const env = { PATH, HOME: directory, AWS_EC2_METADATA_DISABLED: 'true' };
    for (const [index, command] of commands.entries()) {
      const user = `user-${index}`;
      const { body } = await issue(service, user);
      await writeFile(join(directory, 'credentials.json'), JSON.stringify(body));
      const bash = (end: string) => run('bash', ['-euo', 'pipefail', '-c', start + end], { cwd: directory, env });
      await bash(command ?? '');
      expect(String(await service.bucket.read(`${user}/photos/a b.txt`))).toBe('by another program');
      await expect(bash(`PREFIX=bob/\n${command}`)).rejects.toMatchObject({ code: expect.any(Number) });
      expect(await service.bucket.read('bob/photos/a b.txt')).toBeNull();
    }
  });
});

describe('temporary credentials, on Ceph', () => {
  it.each([
    ['there is no such role', undefined, 'UnknownError'],
    ['a session may assume the role again', { trust: [ALLOWED], policy: [OBJECTS, NO_UPLOADS] }, 'assume it again'],
    ['a session may copy over files', { trust: [ALLOWED, NOT_AGAIN], policy: [OBJECTS] }, 'copy over files'],
  ])('are not issued if %s', async (_why, role, message) => {
    if (role !== undefined) await makeRole(role);
    const other = await startTestService({
      env: { TEMPORARY_CREDENTIALS_ROLE_ARN: `arn:aws:iam:::role/${role ? 'loose' : 'none'}` },
    });
    try {
      const headers = { authorization: `Bearer ${await mint('alice', { scope: SCOPE })}` };
      expectProblem(await other.call('alice', '/temporary-credentials', {}, { headers }), 503, 'storage-unavailable');
      const causes = other.logs.flatMap(({ fields }) => Object.values(fields)).filter((each) => each instanceof Error);
      expect(causes.map(({ message: text }) => text)).toContainEqual(expect.stringContaining(message));
    } finally {
      await other.close();
      if (role !== undefined) await removeRole();
    }
  });
});
