/** A metric, as Prometheus gets it. */
type Definition = {
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  /** Only labels with few values: never a user, a key, a file or a path. */
  labels: readonly string[];
  /** Upper bounds of a histogram's buckets, in its unit. */
  buckets?: readonly number[];
  /** Of several processes of one instance, the highest value counts, not the sum. */
  across?: 'max';
};

/** From a signature (a millisecond) to a bucket that is asked twice for 5 s each. */
const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/**
 * Every metric, by its name in Prometheus (Prometheus documentation, "Metric and label naming"). docs/monitoring.md has
 * the same table; a test compares them.
 */
export const METRICS = {
  signpost_http_request_duration_seconds: {
    type: 'histogram',
    help: 'Time until the headers of the answer, by method, route template (unknown: no route) and status.',
    labels: ['method', 'route', 'status'],
    buckets: SECONDS,
  },
  signpost_http_problems_total: {
    type: 'counter',
    help: 'Answers with a problem, by its code.',
    labels: ['code'],
  },
  signpost_token_refusals_total: {
    type: 'counter',
    help: 'Refused tokens, by the code of the library jose (other: no token, or a rule of this service).',
    labels: ['reason'],
  },
  signpost_presigned_uploads_total: {
    type: 'counter',
    help: 'Presigned uploads, each entry of a batch too, by method (CREATE: the client begins the parts).',
    labels: ['method'],
  },
  signpost_presigned_downloads_total: {
    type: 'counter',
    help: 'Presigned downloads, each entry of a batch too.',
    labels: [],
  },
  signpost_confirmations_total: {
    type: 'counter',
    help: 'Confirmations of uploads, by outcome: confirmed, known (confirmed before), or the code of the problem.',
    labels: ['outcome'],
  },
  signpost_confirmed_bytes_total: {
    type: 'counter',
    help: 'Size of the files that were confirmed, in bytes.',
    labels: [],
  },
  signpost_content_bytes_total: {
    type: 'counter',
    help: 'Bytes that were sent by /content; counted when the transfer ends.',
    labels: [],
  },
  signpost_tasks: {
    type: 'gauge',
    help: 'Tasks that run or wait for their turn, by task (content: transfers by /content) and state.',
    labels: ['task', 'state'],
  },
  signpost_bucket_request_duration_seconds: {
    type: 'histogram',
    help: "Time until the headers of the bucket's answer, including a retry, by S3 operation.",
    labels: ['operation'],
    buckets: SECONDS,
  },
  signpost_bucket_errors_total: {
    type: 'counter',
    help: 'Requests that the bucket did not serve, by operation and kind. A missing object is no error.',
    labels: ['operation', 'kind'],
  },
  signpost_database_statement_duration_seconds: {
    type: 'histogram',
    help: 'Time of a statement on its connection, with its transaction, by statement.',
    labels: ['operation'],
    buckets: SECONDS,
  },
  signpost_database_errors_total: {
    type: 'counter',
    help: 'Statements and connections that failed, by statement (connect: no connection) and kind.',
    labels: ['operation', 'kind'],
  },
  signpost_database_connections: {
    type: 'gauge',
    help: 'Open connections to the database, by state: used or idle.',
    labels: ['state'],
  },
  signpost_database_waiting: {
    type: 'gauge',
    help: 'Statements that wait for a connection to the database.',
    labels: [],
  },
  signpost_job_runs_total: {
    type: 'counter',
    help: 'Runs of the jobs, by outcome: done, skipped (another instance, or too soon), refused, failed.',
    // Prometheus itself has a label `job`.
    labels: ['task', 'outcome'],
  },
  signpost_sweep_objects_total: {
    type: 'counter',
    help: 'Objects that finished sweeps of this instance counted, by result (the counts that npm run sweep prints).',
    labels: ['result'],
  },
  signpost_sweep_finished_timestamp_seconds: {
    type: 'gauge',
    help: 'When a sweep last went through the whole bucket, by any instance, as far as this one knows.',
    labels: [],
    across: 'max',
  },
  signpost_sweep_refusals_total: {
    type: 'counter',
    help: 'Sweeps and renewals of the marker that were refused: the bucket may belong to another database.',
    labels: [],
  },
  signpost_sweep_refused: {
    type: 'gauge',
    help: '1 while sweeps are refused (the bucket may belong to another database, or clocks differ), else 0.',
    labels: [],
    across: 'max',
  },
  signpost_lease_held: {
    type: 'gauge',
    help: '1 while this instance holds the lease of this name, else 0.',
    labels: ['lease'],
  },
  signpost_webhook_attempts_total: {
    type: 'counter',
    help: 'Attempts to send a webhook, by outcome: delivered, failed (tried again), dead (not tried again).',
    labels: ['outcome'],
  },
  signpost_webhook_messages: {
    type: 'gauge',
    help: 'Webhooks that wait to be sent, and dead letters, as counted last (at most 100,000 of each), by state.',
    labels: ['state'],
    across: 'max',
  },
  signpost_scans_total: {
    type: 'counter',
    help: 'Scans of held files, by outcome: clean, rejected, failed (the file stays held, and is scanned again).',
    labels: ['outcome'],
  },
  process_start_time_seconds: {
    type: 'gauge',
    help: 'When the process started, as Unix time.',
    labels: [],
    across: 'max',
  },
  process_cpu_seconds_total: { type: 'counter', help: 'CPU time of the process, user and system.', labels: [] },
  process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory of the process.', labels: [] },
  nodejs_heap_size_used_bytes: { type: 'gauge', help: 'Used heap of V8.', labels: [] },
  nodejs_eventloop_lag_p99_seconds: {
    type: 'gauge',
    help: 'Delay of the event loop since the last scrape: 99th percentile.',
    labels: [],
    across: 'max',
  },
  nodejs_eventloop_lag_max_seconds: {
    type: 'gauge',
    help: 'Delay of the event loop since the last scrape: maximum.',
    labels: [],
    across: 'max',
  },
  nodejs_eventloop_active_seconds_total: {
    type: 'counter',
    help: 'How long the event loop was busy.',
    labels: [],
  },
  nodejs_eventloop_idle_seconds_total: {
    type: 'counter',
    help: 'How long the event loop waited for events; its utilisation is active / (active + idle).',
    labels: [],
  },
} as const satisfies Record<string, Definition>;

type Table = typeof METRICS;

export type MetricName = keyof Table;

/** The metrics of one or more types. */
export type MetricOf<Type extends Definition['type']> = {
  [Name in MetricName]: Table[Name]['type'] extends Type ? Name : never;
}[MetricName];

/** A value for each label of a metric. */
export type LabelsOf<Name extends MetricName> = Readonly<Record<Table[Name]['labels'][number], string>>;
