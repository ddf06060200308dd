/** The result of one check. `warn`: the service works, but not as well, or not as safely, as it could. */
export type Check = {
  name: string;
  verdict: 'ok' | 'warn' | 'fail';
  detail: string;
  /** The setting, command or IAM permission that fixes it. */
  remedy?: string;
  /** What was asked could not be reached, so the check says nothing about the set-up. */
  unreachable?: true;
};

export function ok(name: string, detail: string): Check {
  return { name, verdict: 'ok', detail };
}

export function warn(name: string, detail: string, remedy?: string): Check {
  return { name, verdict: 'warn', detail, ...(remedy !== undefined && { remedy }) };
}

export function fail(name: string, detail: string, remedy?: string): Check {
  return { name, verdict: 'fail', detail, ...(remedy !== undefined && { remedy }) };
}

/** A `fail` because the bucket, the database or another server could not be reached. */
export function unreachable(name: string, detail: string, remedy?: string): Check {
  return { ...fail(name, detail, remedy), unreachable: true };
}

const NAME_WIDTH = 44;
const MARKS = { plain: { ok: 'ok  ', warn: 'warn', fail: 'FAIL' }, terminal: { ok: '✓', warn: '!', fail: '✗' } };

/** One line, and a second one with the fix if there is one. */
export function formatCheck({ name, verdict, detail, remedy }: Check, style: keyof typeof MARKS): string {
  const mark = MARKS[style][verdict];
  const line = `${mark} ${name.padEnd(NAME_WIDTH)} ${detail}`;
  return remedy === undefined ? line : `${line}\n${' '.repeat(mark.length + NAME_WIDTH + 2)}fix: ${remedy}`;
}
