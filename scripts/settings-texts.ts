import * as z from 'zod';
import { SETTING_GROUPS } from '../src/config/settings.ts';

const WIDTH = 120;
const SIZES = { TiB: 1024 ** 4, GiB: 1024 ** 3, MiB: 1024 ** 2 };

type Range = NonNullable<z.GlobalMeta['range']>;

/** One setting as its schema and `.meta()` have it, in Markdown. `isShown`: its default is the value that is shown. */
type Entry = { name: string; description: string; range: string; fallback: string; isShown: boolean; shown: string };

/** `.env.example`: every setting, commented out, with its default or an example. */
export function renderEnvExample(): string {
  const head = [
    'Every setting of Signpost. Copy this file to `.env`, which is read at start; what is set in the environment wins.',
    'A commented line shows the default, or an example where there is none. An empty value counts as unset.',
    'Any setting may come from a file, as Docker and Kubernetes hand out secrets: `NAME_FILE=/run/secrets/name`.',
    'Written by `npm run settings` from `src/config/settings`: do not edit it here.',
  ];
  const groups = SETTING_GROUPS.map(({ title, intro, settings }) =>
    [
      `# --- ${title} ---`,
      ...(intro === undefined ? [] : toComment(intro)),
      ...entriesOf(settings).flatMap(({ name, description, range, fallback, isShown, shown }) => [
        ...toComment([description, range, !isShown && `Default: ${fallback}.`].filter(Boolean).join(' ')),
        `# ${name}=${shown}`,
      ]),
    ].join('\n'),
  );
  return `${[head.flatMap(toComment).join('\n'), ...groups].join('\n\n')}\n`;
}

/** `docs/settings.md`: the same as tables. */
export function renderSettingsPage(): string {
  const head = `# Settings

Environment variables; \`.env\` is read when present, and what is set in the environment wins. An empty value counts as
unset. Any \`NAME\` may be a file instead, as Docker and Kubernetes hand out secrets: \`NAME_FILE=/run/secrets/name\`.
[\`.env.example\`](../.env.example) has the same to copy. \`npm run settings\` writes both from
\`src/config/settings\`.`;
  const groups = SETTING_GROUPS.map(({ title, intro, settings }) =>
    [
      `## ${title}`,
      ...(intro === undefined ? [] : ['', ...wrap(intro, WIDTH)]),
      ...['', '| name | default | meaning |', '|---|---|---|'],
      ...entriesOf(settings).map(
        ({ name, description, range, fallback }) =>
          `| \`${name}\` | ${toCell(fallback)} | ${toCell([description, range].filter(Boolean).join(' '))} |`,
      ),
    ].join('\n'),
  );
  return `${[head, ...groups].join('\n\n')}\n`;
}

function entriesOf(settings: Readonly<z.ZodRawShape>): Entry[] {
  return Object.entries(settings).map(([name, schema]) => {
    const { description, example, fallback, range } = metaOf(schema);
    if (description === undefined) throw new Error(`${name} has no description`);
    const value = schema instanceof z.ZodDefault && example === undefined ? toText(schema.def.defaultValue) : '';
    const size = toSize(Number(value), range?.unit);
    return {
      ...{ name, description, shown: example ?? value },
      range: range === undefined ? '' : describeRange(range),
      fallback: fallback ?? [value && `\`${value}\``, size].filter(Boolean).join(' '),
      isShown: fallback === undefined,
    };
  });
}

/** The metadata of the schema, merged with that of the schema inside `optional()` or `default()`. */
function metaOf(schema: z.core.$ZodType): z.GlobalMeta {
  const isWrapper = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault;
  return { ...(isWrapper && metaOf(schema.def.innerType)), ...z.globalRegistry.get(schema) };
}

function toText(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** `From 0 to 5368709120 bytes (5 GiB).` */
function describeRange({ min, max, unit }: Range): string {
  const bounds = max === Number.MAX_SAFE_INTEGER ? `${min} or more` : `From ${min} to ${max}`;
  return [bounds, unit, toSize(max, unit)].filter(Boolean).join(' ').concat('.');
}

/** `(5 GiB)`: for a number of bytes that is a multiple of a larger unit. */
function toSize(count: number, unit: Range['unit']): string {
  const [name, size] = Object.entries(SIZES).find(([, bytes]) => count > 0 && count % bytes === 0) ?? [];
  return unit === 'bytes' && size !== undefined ? `(${count / size} ${name})` : '';
}

/** Comment lines, without Markdown's markup; a link becomes its path. */
function toComment(markdown: string): string[] {
  const text = markdown.replace(/\[[^\]]*\]\(([^)#]*)[^)]*\)/g, 'docs/$1').replaceAll('`', '');
  return wrap(text, WIDTH - 2).map((line) => `# ${line}`);
}

function toCell(markdown: string): string {
  return markdown.replaceAll('|', '\\|');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
