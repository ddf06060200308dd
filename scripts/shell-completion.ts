import type { Completable } from './command.ts';

type CommandWords = Completable & { name: string; does: string };

const optionsOf = ({ options }: CommandWords) =>
  Object.entries(options).flatMap(([name, { short }]) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]);

/** In single quotes, as all three shells read them. */
const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** The branches of a `case` of bash and zsh: the words for a command's first argument, and its options. */
const branches = (commands: readonly CommandWords[]) =>
  commands
    .map((command) => {
      const [first, flags] = [command.words, optionsOf(command)].map((words) => quoted(words.join(' ')));
      return `    ${command.name}) first=${first} flags=${flags} ;;`;
    })
    .join('\n');

/** A script for bash, after "Programmable Completion" of its manual. With no match, bash completes files. */
export const bashCompletion = (commands: readonly CommandWords[]): string => `_signpost() {
  local current="\${COMP_WORDS[COMP_CWORD]}" first='' flags='' known=''
  case "\${COMP_WORDS[1]}" in
${branches(commands)}
  esac
  case "$COMP_CWORD:$current" in
    1:*) known=${quoted(commands.map(({ name }) => name).join(' '))} ;;
    *:-*) known="$flags" ;;
    2:*) known="$first" ;;
  esac
  COMPREPLY=($(compgen -W "$known" -- "$current"))
}
complete -o default -F _signpost signpost`;

/** A script for zsh, after zshcompsys(1). */
export const zshCompletion = (commands: readonly CommandWords[]): string => `_signpost() {
  local first='' flags=''
  local -a described=(${commands.map(({ name, does }) => quoted(`${name}:${does}`)).join(' ')})
  case "\${words[2]}" in
${branches(commands)}
  esac
  case "$CURRENT:$PREFIX" in
    2:*) _describe command described ;;
    *:-*) compadd -- \${=flags} ;;
    3:*) [[ -n $first ]] && compadd -- \${=first} || _files ;;
    *) _files ;;
  esac
}
compdef _signpost signpost`;

/** A script for fish, after complete(1). */
export const fishCompletion = (commands: readonly CommandWords[]): string => {
  return commands
    .flatMap((command) => {
      const inIt = `complete -c signpost -n ${quoted(`__fish_seen_subcommand_from ${command.name}`)}`;
      const words = command.words.join(' ');
      return [
        `complete -c signpost -n __fish_use_subcommand -f -a ${command.name} -d ${quoted(command.does)}`,
        ...(words === '' ? [] : [`${inIt} -n '__fish_is_nth_token 2' -f -a ${quoted(words)}`]),
        ...Object.entries(command.options).map(([name, { short, type }]) =>
          [
            inIt,
            `-l ${name}`,
            ...(short === undefined ? [] : [`-s ${short}`]),
            ...(type === 'string' ? ['-r'] : []),
          ].join(' '),
        ),
      ];
    })
    .join('\n');
};
