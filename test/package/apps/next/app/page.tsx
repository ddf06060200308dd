import { Uploader } from '../../uploader.tsx';

export default function Page() {
  return <Uploader recordId="case-42" />;
}
