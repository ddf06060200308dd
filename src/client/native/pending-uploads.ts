/** Where unfinished uploads are kept over restarts of the app: `AsyncStorage`, or anything like it. */
export type AppStorage = {
  getItem: (key: string) => string | null | Promise<string | null>;
  setItem: (key: string, value: string) => unknown;
};

export type Pending = {
  objectKey: string;
  fileName: string;
  /** Milliseconds since the epoch: until then the system may still be sending it. */
  untilMs: number;
};

const KEY = 'signpost:file-uploads';

/** The uploads that are not confirmed yet. Changes are made one after another, because all are one item. */
export function createPendingUploads(storage: AppStorage | null) {
  let changed: Promise<unknown> = Promise.resolve();
  const read = async (): Promise<Pending[]> => parse((await storage?.getItem(KEY)) ?? '[]');
  const change = (to: (all: Pending[]) => Pending[]): Promise<void> => {
    const next = changed.then(async () => void (await storage?.setItem(KEY, JSON.stringify(to(await read())))));
    // With a full disk, or a storage that cannot be read now, the upload continues; it only cannot be restored.
    changed = next.catch(() => {});
    return changed as Promise<void>;
  };
  return {
    list: async (): Promise<Pending[]> => {
      await changed;
      return read().catch(() => []);
    },
    add: (pending: Pending): Promise<void> => change((all) => [...all, pending]),
    remove: (objectKey: string): Promise<void> => change((all) => all.filter((one) => one.objectKey !== objectKey)),
  };
}

function parse(text: string): Pending[] {
  try {
    const saved: unknown = JSON.parse(text);
    return Array.isArray(saved) ? saved : [];
  } catch {
    return [];
  }
}
