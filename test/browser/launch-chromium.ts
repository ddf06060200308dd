import { type Browser, chromium } from 'playwright-core';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

/** The Chromium of `TEST_BROWSER`: without the sandbox, which root cannot have, and with no traffic of its own. */
export function launchChromium(flags: readonly string[] = []): Promise<Browser> {
  const args = [...FLAGS, '--disable-component-update', '--disable-sync', ...flags];
  return chromium.launch({ executablePath: process.env.TEST_BROWSER ?? '', args });
}
