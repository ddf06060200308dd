import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from './process.ts';

const run = promisify(execFile);
const signpost = async (...args: string[]) =>
  (await run('node', ['dist/signpost.js', ...args], { cwd: ROOT }).catch((error) => error)) as Awaited<
    ReturnType<typeof run>
  > & { code?: number };

let script: string;
beforeAll(async () => {
  await run('node', ['scripts/build.mjs'], { cwd: ROOT });
  script = String((await signpost('completion', 'bash')).stdout);
});

/** What bash offers for these words, of which the last one is being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const typed = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _signpost; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['-uc', `${script}\n${typed}`, 'bash', 'signpost', ...words]);
  return stdout.split('\n').filter((line) => line !== '');
}

describe('signpost completion', () => {
  it('offers every command that --help lists', async () => {
    const help = String((await signpost('--help')).stdout);
    const listed = [...help.matchAll(/^ {2}([\w-]+) {2,}/gm)].map(([, name]) => name);
    expect(listed).toContain('bucket-setup');
    expect(await offered('')).toEqual(listed);
    expect(await offered('up')).toEqual(['upload']);
    expect(await offered('nothing')).toEqual([]);
  });

  it('offers the options that the help of each command explains', async () => {
    const explained = async (command: string) => {
      const help = String((await signpost(command, '--help')).stdout);
      const options = [...help.matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([option]) => option);
      const taken = (await offered(command, '--')).filter((option) => option !== '--help');
      return { command, taken: taken.sort(), explained: [...new Set(options)].sort() };
    };
    const all = await Promise.all((await offered('')).map(explained));
    expect(all.map(({ command, taken }) => [command, taken])).toEqual(
      all.map((each) => [each.command, each.explained]),
    );
    expect(await offered('upload', '--ch')).toEqual(['--checksum']);
    expect(await offered('get', '0198c0de', '-o')).toEqual(['-o']);
  });

  it('offers the words of a first argument, and leaves all else to files', async () => {
    expect(await offered('audit', '')).toEqual(['seal', 'verify', 'export', 'drop']);
    expect(await offered('audit', 'ver')).toEqual(['verify']);
    expect(await offered('audit', 'verify', '')).toEqual([]);
    expect(await offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(await offered('upload', '')).toEqual([]);
    expect(script).toContain('complete -o default -F _signpost signpost');
  });

  it('prints the same for zsh and fish, and refuses another shell', async () => {
    const zsh = String((await signpost('completion', 'zsh')).stdout);
    const fish = String((await signpost('completion', 'fish')).stdout);
    for (const command of await offered('')) {
      expect(zsh).toContain(`'${command}:`);
      expect(fish).toMatch(new RegExp(`^complete -c signpost -n __fish_use_subcommand -f -a ${command} -d '`, 'm'));
    }
    expect(await signpost('completion', 'csh')).toMatchObject({ code: 64 });
  });

  it('is explained in docs/cli.md', async () => {
    expect(await readFile(`${ROOT}/docs/cli.md`, 'utf8')).toContain('eval "$(signpost completion bash)"');
  });
});
