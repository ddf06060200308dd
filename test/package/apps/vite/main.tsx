import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Element, Uploader } from '../uploader.tsx';

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Uploader recordId={undefined} />
      <Element />
    </StrictMode>,
  );
}
