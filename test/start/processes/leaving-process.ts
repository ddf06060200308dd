import cluster from 'node:cluster';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { listenToKeeper } from '../../../src/start/processes/service-process.ts';

/** Written when a connection is on its way to the process that leaves. */
const [, , sign = ''] = process.argv;
const NO_ANSWER_MS = 20_000;

if (cluster.worker === undefined) await keepTwo();
else serveUntilAsked(cluster.worker);

/**
 * Prints why a process leaves, and what becomes of two connections: one is handed to this process, which closes its
 * port, one to another process.
 */
async function keepTwo(): Promise<void> {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const leaving = cluster.fork();
  const port = await new Promise<number>((resolve) => leaving.once('listening', (address) => resolve(address.port)));
  await once(cluster.fork(), 'listening');
  leaving.send({ type: 'of an agent in the keeper' });
  leaving.send('replace');
  const [why] = await once(leaving, 'message');
  const answers = [ask(port), ask(port)];
  // They are handed out in turn: if the other process has answered, the first one has the other connection.
  await Promise.any(answers);
  writeFileSync(sign, '');
  console.log(JSON.stringify([why, ...(await Promise.all(answers))]));
  process.exit(0);
}

function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ port, agent: false }, (response) => resolve(String(response.statusCode)));
    request.on('error', (error) => resolve(error.message));
    request.setTimeout(NO_ANSWER_MS, () => request.destroy(new Error('no answer')));
  });
}

/** Reads nothing between the connection's arrival and the end of its port. */
function serveUntilAsked(worker: NonNullable<typeof cluster.worker>): void {
  const keeper = listenToKeeper(worker);
  const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
  void keeper.asked.then(async (why) => {
    await new Promise((resolve) => worker.send(why, resolve));
    while (!existsSync(sign)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    server.close();
    await keeper.leave();
    process.exit(0);
  });
}
