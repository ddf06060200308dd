'use client';

import { useEffect, useState } from 'react';
import type { FileQuery, Files, StoredFile } from 'signpost/client';
import { useFiles } from 'signpost/react';

type FileGalleryProps = {
  /** Made by `createFiles`, outside of the component. */
  files: Files;
  /** Default: images. */
  query?: FileQuery;
  className?: string;
};

const IMAGES: FileQuery = { contentType: 'image/*' };

/** The user's stored images, with a button to delete each. */
export function FileGallery({ files, query = IMAGES, className }: FileGalleryProps) {
  const list = useFiles(files, query);
  const [refusal, setRefusal] = useState<unknown>(null);
  const problem = list.error ?? refusal;
  return (
    <section aria-label="Stored files" aria-busy={list.isLoading} className={className}>
      <ul className="grid grid-cols-[repeat(auto-fill,minmax(9rem,1fr))] gap-3">
        {list.files.map((file) => (
          <li key={file.fileId} className="overflow-hidden rounded-lg border">
            <Thumbnail files={files} file={file} />
            <div className="flex items-center gap-2 p-2">
              <p className="min-w-0 flex-1 truncate text-xs">{file.fileName}</p>
              <button
                type="button"
                aria-label={`Delete ${file.fileName}`}
                className="h-8 rounded-md px-2 text-xs font-medium hover:bg-accent"
                onClick={() => void list.remove(file.fileId).then(() => setRefusal(null), setRefusal)}
              >
                Delete
              </button>
            </div>
          </li>
        ))}
      </ul>
      {problem !== null && (
        <p role="alert" className="text-sm text-destructive">
          {problem instanceof Error ? problem.message : 'Something went wrong.'}
        </p>
      )}
      {!list.isLoading && list.error === null && list.files.length === 0 && (
        <p className="text-sm text-muted-foreground">Nothing here yet.</p>
      )}
      {list.hasMore && (
        <button
          type="button"
          className="mt-3 h-10 rounded-md border px-4 text-sm font-medium"
          onClick={() => void list.loadMore()}
        >
          Load more
        </button>
      )}
    </section>
  );
}

/** Asks for a URL when it is shown, since a signed URL does not live long. */
function Thumbnail({ files, file }: { files: Files; file: StoredFile }) {
  const [src, setSrc] = useState<string | null>(null);
  useEffect(() => {
    let isShown = true;
    files.downloadUrl(file.fileId, { disposition: 'inline' }).then(
      ({ presignedUrl }) => isShown && setSrc(presignedUrl),
      () => {},
    );
    return () => {
      isShown = false;
    };
  }, [files, file.fileId]);
  return (
    <div className="aspect-square bg-muted">
      {src !== null && <img src={src} alt={file.fileName} loading="lazy" className="size-full object-cover" />}
    </div>
  );
}
