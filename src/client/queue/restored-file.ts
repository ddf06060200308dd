import type { QueueNeed } from './queue-item.ts';
import type { SavedFile } from './queue-memory.ts';

/** Chromium has these (File System Access specification, section 2.4). */
type Handle = FileSystemFileHandle & {
  queryPermission?: (options: { mode: 'read' }) => Promise<PermissionState>;
  requestPermission?: (options: { mode: 'read' }) => Promise<PermissionState>;
};

/** The file of an earlier page, or what the user has to do for it. */
export async function restoredFile({
  file,
  handle,
}: SavedFile): Promise<{ file: Blob | null; needs: QueueNeed | null }> {
  if (file !== null) return { file, needs: null };
  return handle === null ? { file: null, needs: 'file' } : readHandle(handle, 'queryPermission');
}

/** Asks the user, if need be: call it in the handler of a click. */
export function askForFile(handle: FileSystemFileHandle) {
  return readHandle(handle, 'requestPermission');
}

async function readHandle(
  handle: Handle,
  ask: 'queryPermission' | 'requestPermission',
): Promise<{ file: Blob | null; needs: QueueNeed | null }> {
  try {
    const permission = (await handle[ask]?.({ mode: 'read' })) ?? 'granted';
    if (permission === 'granted') return { file: await handle.getFile(), needs: null };
    return { file: null, needs: permission === 'prompt' ? 'permission' : 'file' };
  } catch {
    // It was moved or deleted.
    return { file: null, needs: 'file' };
  }
}
