import { spawn } from 'node:child_process';
import { Builder, By, Key, until } from 'selenium-webdriver';

const BROWSER = '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser';

/**
 * Debian's WebKitGTK over WebDriver, on a display of its own.
 * @returns {Promise<import('./start-engine.ts').Engine>}
 */
export async function start(port) {
  const server = spawn('xvfb-run', ['--auto-servernum', 'WebKitWebDriver', `--port=${port}`], {
    stdio: 'ignore',
    detached: true,
  });
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/status`).catch(() => null))?.ok) await new Promise((done) => setTimeout(done, 100));
  const driver = await new Builder()
    .usingServer(url)
    .withCapabilities({
      browserName: 'MiniBrowser',
      unhandledPromptBehavior: 'accept',
      'webkitgtk:browserOptions': { binary: BROWSER, args: ['--automation'] },
    })
    .build();
  return {
    open: (address) => driver.get(address),
    reload: () => driver.navigate().refresh(),
    evaluate: (expression) => driver.executeScript(`return (${expression})`),
    choose: async (paths) => {
      const picker = await driver.wait(until.elementLocated(By.id('picker')));
      await picker.sendKeys(paths.join('\n'));
    },
    press: (key) => driver.actions().sendKeys(Key[key.replace('Arrow', '').toUpperCase()]).perform(),
    close: async () => {
      await driver.quit().catch(() => {});
      process.kill(-server.pid);
    },
  };
}
