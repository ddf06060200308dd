/**
 * What can be added to a queue: the files of an input, what was dropped or pasted, entries of folders
 * (`webkitGetAsEntry`), handles (`showOpenFilePicker`, `showDirectoryPicker`), or a list of those.
 */
export type FileSource =
  | Blob
  | DataTransfer
  | FileSystemEntry
  | FileSystemHandle
  | Iterable<Blob | FileSystemEntry | FileSystemHandle>
  | null
  | undefined;

/** One file that was found. `file` is null, with the reason, if it cannot be read. */
export type Found = {
  file: Blob | null;
  fileName: string;
  /** Its place in the chosen folder, with the folder's name. */
  relativePath: string | null;
  handle?: FileSystemFileHandle | undefined;
  error?: unknown;
};

type Entry = FileSystemEntry | FileSystemHandle;
type Root = Blob | Entry | Promise<Blob | Entry>;

/** Chromium has it in secure contexts (File System Access specification, section 3.3). */
type ItemWithHandle = DataTransferItem & { getAsFileSystemHandle?: () => Promise<FileSystemHandle | null> };

/**
 * Takes everything out of the source at once, because a drop's data is gone when its event has been handled.
 * @param wantHandles prefer handles where the browser has them: they can be stored.
 * @returns the files, and how to find those in folders.
 */
export function collectFiles(source: FileSource, wantHandles = false): { files: Found[]; rest: AsyncIterable<Found> } {
  const files: Found[] = [];
  const others: Exclude<Root, Blob>[] = [];
  for (const root of rootsOf(source, wantHandles)) {
    if (root instanceof Blob) files.push(found(root));
    else if (typeof root === 'object' && (root instanceof Promise || 'isFile' in root || 'kind' in root))
      others.push(root);
    else throw new TypeError('add takes files, folders, handles, or what was dropped');
  }
  return { files, rest: walkAll(others) };
}

function rootsOf(source: FileSource, wantHandles: boolean): Iterable<Root> {
  if (source === null || source === undefined) return [];
  if (source instanceof Blob) return [source];
  if (typeof source === 'object' && Symbol.iterator in source) return source;
  if (typeof source !== 'object' || !('items' in source)) return [source];
  const items: ItemWithHandle[] = [...source.items].filter(({ kind }) => kind === 'file');
  return items.flatMap((item) => {
    const file = item.getAsFile();
    const entry = item.webkitGetAsEntry?.() ?? null;
    // What is pasted has a file alone.
    if (entry === null) return file ?? [];
    const itself = entry.isFile && file !== null ? file : entry;
    if (!wantHandles || !item.getAsFileSystemHandle) return itself;
    // The browser may give none: for a folder that it protects, or in a frame of another site.
    return item.getAsFileSystemHandle().then(
      (handle) => handle ?? itself,
      () => itself,
    );
  });
}

function found(file: Blob, path?: string, handle?: FileSystemFileHandle): Found {
  const fileName = 'name' in file && typeof file.name === 'string' ? file.name : '';
  const given = 'webkitRelativePath' in file ? String(file.webkitRelativePath) : '';
  const relativePath = path ?? given;
  return { file, fileName: fileName || 'file', relativePath: relativePath.includes('/') ? relativePath : null, handle };
}

async function* walkAll(roots: readonly Exclude<Root, Blob>[]): AsyncGenerator<Found, void> {
  for (const root of roots) {
    const entry = await root;
    if (entry instanceof Blob) yield found(entry);
    else yield* walk(entry, '');
  }
}

async function* walk(entry: Entry, folder: string): AsyncGenerator<Found, void> {
  const path = folder + entry.name;
  try {
    if (isFile(entry)) {
      const file = await readFile(entry);
      yield found(file, path, 'kind' in entry ? (entry as FileSystemFileHandle) : undefined);
    } else {
      for await (const inner of entriesOf(entry)) yield* walk(inner, `${path}/`);
    }
  } catch (error) {
    yield { file: null, fileName: entry.name, relativePath: folder === '' ? null : path, error };
  }
}

const isFile = (entry: Entry) => ('kind' in entry ? entry.kind === 'file' : entry.isFile);

function readFile(entry: Entry): Promise<File> {
  if ('kind' in entry) return (entry as FileSystemFileHandle).getFile();
  return new Promise((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
}

async function* entriesOf(folder: Entry): AsyncGenerator<Entry, void> {
  if ('kind' in folder) return yield* (folder as FileSystemDirectoryHandle).values();
  const reader = (folder as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // Chromium reads a hundred at a time; an empty list is the end.
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return;
    yield* batch;
  }
}
