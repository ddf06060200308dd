import puppeteer from 'puppeteer-core';

/** Debian's Firefox over WebDriver BiDi. @returns {Promise<import('./start-engine.ts').Engine>} */
export async function start() {
  const browser = await puppeteer.launch({ browser: 'firefox', executablePath: '/usr/bin/firefox-esr' });
  let page;
  return {
    // In a tab of its own: between pages of two origins, Firefox may change the tab's process, and the driver waits on.
    open: async (url) => {
      page = await browser.newPage();
      await page.goto(url);
    },
    // Firefox asks before it leaves a page with uploads under way.
    reload: async () => {
      page.once('dialog', (dialog) => dialog.accept());
      await page.reload();
    },
    evaluate: (expression) => page.evaluate(expression),
    choose: async (paths) => {
      const picker = await page.waitForSelector('#picker');
      await picker?.uploadFile(...paths);
    },
    press: (key) => page.keyboard.press(key),
    close: () => browser.close(),
  };
}
