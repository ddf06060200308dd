import { isIP } from 'node:net';
import * as z from 'zod';
import { isOriginPattern } from '../origins.ts';
import { integer, list, text } from './kinds.ts';

const ORIGIN_FORM =
  'must be origins like https://app.example.com, https://*.example.com (its subdomains) or capacitor://localhost, or *';
const NODE_ENV_FORM =
  'must be development, test or production; a staging system is production too, with settings of its own';
const isHost = (text: string) => isIP(text) !== 0 || (HOST_NAME.test(text) && !/^[\d.]+$/.test(text));
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

export const serviceSettings = {
  NODE_ENV: z
    .enum(['development', 'test', 'production'], { error: NODE_ENV_FORM })
    .default('development')
    .meta({
      description:
        '`development`, `test` or `production` (also for a staging system). `production` allows nothing embedded ' +
        'or generated: each missing setting is reported at start.',
    }),
  PORT: integer(0, 65_535).default(3000).meta({ description: 'TCP port of the service; 0 picks a free one.' }),
  HOST: z
    .string()
    .refine(isHost, 'must be an IP address or a host name, without a scheme, port or brackets')
    .optional()
    .meta({
      description: 'Address to listen on.',
      fallback: '`127.0.0.1`, in production `0.0.0.0`',
      example: '127.0.0.1',
    }),
  WEB_CONCURRENCY: integer(1, 64)
    .default(1)
    .meta({
      description:
        'Processes that serve on `PORT`, for more than one core; more than 1 needs `S3_BUCKET_NAME` and ' +
        '`DATABASE_URL`. The library ignores it. See [several processes](operating.md#several-processes).',
    }),
  METRICS_PORT: integer(0, 65_535)
    .optional()
    .meta({
      description:
        'TCP port of the metrics for Prometheus, `GET /metrics` on the address of `HOST`, without a token: do not ' +
        'let the internet reach it. 0 picks a free one. See [monitoring](monitoring.md).',
      fallback: 'no metrics',
      example: '9464',
    }),
  KEEP_ALIVE_SECONDS: integer(1, 3600, 'seconds').default(65).meta({
    description:
      'How long an idle connection is kept: longer than a load balancer in front keeps its own, mostly 60 seconds.',
  }),
  SHUTDOWN_DELAY_SECONDS: integer(0, 300, 'seconds')
    .default(0)
    .meta({
      description:
        'How long, after a signal to stop, requests are still answered while `/readyz` answers 503: as long as a ' +
        'load balancer takes to see it (Kubernetes: about 5 seconds; 0 without one). See ' +
        '[load balancers](operating.md#probes-load-balancers-stopping).',
    }),
  DATA_DIR: text
    .default('.data')
    .meta({ description: 'Where the embedded bucket, the embedded database and the generated keys live.' }),
  LOCAL_S3_PORT: integer(0, 65_535).optional().meta({
    description: 'TCP port of the embedded bucket.',
    fallback: '`PORT` plus one',
    example: '3001',
  }),
  ALLOWED_ORIGINS: list
    .pipe(z.array(z.string().refine(isOriginPattern, ORIGIN_FORM)))
    .optional()
    .meta({
      description:
        'Comma-separated origins of the pages that may call the service and, by `npm run bucket:setup`, the bucket: ' +
        '`https://app.example.com`, `https://*.example.com` (its subdomains at any depth), ' +
        '`capacitor://localhost`, or `*` for any.',
      fallback: 'any in development, none in production',
      example: 'https://app.example.com,https://*.example.org,capacitor://localhost',
    }),
  RATE_LIMIT_PER_MINUTE: integer(0, 1_000_000)
    .default(600)
    .meta({
      description:
        'Requests that each user may make in a minute; each entry of a batch counts; 0: no limit. Each process ' +
        'counts for itself, unless `RATE_LIMIT_STORE` says otherwise.',
    }),
  RATE_LIMIT_PER_ADDRESS: integer(0, 1_000_000)
    .default(0)
    .meta({
      description:
        'The same for each client address, all its users together; 0: no limit. Many users of a company or a mobile ' +
        'network share one. An IPv6 address counts with its /64. Behind proxies it needs `TRUSTED_PROXIES`.',
    }),
  RATE_LIMIT_STORE: z
    .enum(['memory', 'postgres'])
    .default('memory')
    .meta({
      description:
        '`postgres`: all processes count together, for one more statement per request. While the database does not ' +
        'answer, each counts for itself. `memory`: it always does.',
    }),
  TRUSTED_PROXIES: integer(0, 10)
    .default(0)
    .meta({
      description:
        "Number of proxies in front that each add to `X-Forwarded-For`: the client's address is the one before " +
        'these.',
    }),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .meta({ description: '`fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.' }),
};
