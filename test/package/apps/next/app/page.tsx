import { Element, Uploader } from '../../uploader.tsx';

export default function Page() {
  return (
    <>
      <Uploader recordId="case-42" />
      <Element />
    </>
  );
}
