import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where unfinished uploads are remembered (XDG Base Directory Specification, `XDG_STATE_HOME`). */
export function uploadMemoryPath(): string {
  return join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'signpost', 'uploads.json');
}

/**
 * The SDK's memory of unfinished uploads in a file, which only its owner may read. It is read anew before each change,
 * so that two commands at the same time keep each other's entries.
 */
export function openUploadMemory(path: string): Storage {
  const read = (): Record<string, string> => {
    try {
      const items: unknown = JSON.parse(readFileSync(path, 'utf8'));
      return typeof items === 'object' && items !== null ? { ...items } : {};
    } catch {
      // Missing, or not ours: only resuming is lost.
      return {};
    }
  };
  const write = (items: Record<string, string>) => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const next = `${path}.${process.pid}`;
    writeFileSync(next, JSON.stringify(items), { mode: 0o600 });
    chmodSync(next, 0o600);
    renameSync(next, path);
  };
  return {
    get length() {
      return Object.keys(read()).length;
    },
    key: (index) => Object.keys(read())[index] ?? null,
    getItem: (name) => read()[name] ?? null,
    setItem: (name, value) => write({ ...read(), [name]: value }),
    removeItem: (name) => {
      const { [name]: removed, ...rest } = read();
      if (removed !== undefined) write(rest);
    },
    clear: () => write({}),
  };
}
