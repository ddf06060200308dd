import { type Command, type Completable, defineCommand, EXIT, UsageError } from '../command.ts';
import { bashCompletion, fishCompletion, zshCompletion } from '../shell-completion.ts';

const usage = `usage: signpost completion bash|zsh|fish

Prints a script with which a shell completes commands, options and the names of files:
  bash  in ~/.bashrc: eval "$(signpost completion bash)"
  zsh   in ~/.zshrc, after compinit: eval "$(signpost completion zsh)"
  fish  signpost completion fish > ~/.config/fish/completions/signpost.fish

Exit code: 0 printed, 64 wrong arguments.`;

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** @param commands the table of all commands; each is loaded, for its options. */
export function completionOf(commands: Record<string, { does: string; load: () => Promise<Completable> }>): Command {
  const definition = { usage, allowPositionals: true, words: Object.keys(SHELLS) };
  const command = defineCommand(definition, async ({ positionals: [shell = '', ...more] }) => {
    const write = Object.entries(SHELLS).find(([name]) => name === shell)?.[1];
    if (write === undefined || more.length > 0) throw new UsageError('expected one of: bash, zsh, fish');
    const known = Object.entries(commands).map(async ([name, { does, load }]) => {
      const { options, words } = name === 'completion' ? command : await load();
      return { name, does, options, words };
    });
    console.log(write(await Promise.all(known)));
    return EXIT.holds;
  });
  return command;
}
