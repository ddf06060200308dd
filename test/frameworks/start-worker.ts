import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { freePort } from '../helpers/listen.ts';
import { type RunningApp, startApp } from './start-app.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const WORKERD = here('node_modules/workerd/bin/workerd');

/** An app, with the package's copy of Neon's driver pointed at the local proxy. */
const entry = (app: string, driver: string, neonProxy: string) => `
  import { neonConfig } from '${driver}';
  neonConfig.wsProxy = (host, port) => '${neonProxy}/?address=' + host + ':' + port;
  neonConfig.useSecureWebSocket = false;
  neonConfig.pipelineConnect = false;
  export { default } from './apps/${app}';`;

const text = (value: string) => JSON.stringify(value);

/** What Cloudflare does for a cron trigger, with each request. */
const CRON = `export default { fetch: async (_request, env) => Response.json(await env.main.scheduled()) };`;

/** Runs the Worker in workerd, with these bindings. */
export async function startWorker(
  neonProxy: string,
  bindings: Record<string, string>,
  name = 'worker.js',
): Promise<RunningApp & { trigger: () => Promise<unknown> }> {
  const cronPort = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'signpost-worker-'));
  const options = { bundle: true, format: 'esm', platform: 'node', target: 'es2023', logLevel: 'error' } as const;
  const probe = await build({ ...options, entryPoints: [here(`apps/${name}`)], write: false, metafile: true });
  const driver = Object.keys(probe.metafile.inputs).find((path) => /\/serverless-\w+\.js$/.test(path)) ?? '';
  await build({
    ...options,
    stdin: { contents: entry(name, join(process.cwd(), driver), neonProxy), resolveDir: here('.') },
    outfile: join(folder, 'worker.mjs'),
  });
  const named = Object.entries(bindings).map(([key, value]) => `(name = ${text(key)}, text = ${text(value)})`);
  const config = (port: string) => `
    using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [
        (name = "main", worker = .worker),
        (name = "cron", worker = .cron),
        (name = "internet", network = (allow = ["public", "private", "local"])),
      ],
      sockets = [
        (name = "http", address = "127.0.0.1:${port}", http = (), service = "main"),
        (name = "cron", address = "127.0.0.1:${cronPort}", http = (), service = "cron"),
      ],
    );
    const cron :Workerd.Worker = (
      modules = [(name = "cron.mjs", esModule = ${text(CRON)})],
      compatibilityDate = "2026-11-01",
      compatibilityFlags = ["service_binding_extra_handlers"],
      bindings = [(name = "main", service = "main")],
    );
    const worker :Workerd.Worker = (
      modules = [(name = "worker.mjs", esModule = embed "worker.mjs")],
      compatibilityDate = "2026-11-01",
      bindings = [${named.join(', ')}],
    );`;
  const configFile = join(folder, 'config.capnp');
  const app = await startApp(
    async (port) => {
      await writeFile(configFile, config(port));
      return [WORKERD, 'serve', '--experimental', configFile];
    },
    {},
    { cwd: folder },
  );
  return {
    ...app,
    trigger: async () => (await fetch(`http://127.0.0.1:${cronPort}/`)).json(),
    stop: async () => {
      await app.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
