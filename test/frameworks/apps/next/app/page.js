import { signpost } from '../signpost.js';

export const dynamic = 'force-dynamic';

export default async function Page() {
  const { files } = await signpost().files.list({ userId: 'ada' });
  return <p>{files.map(({ fileName }) => fileName).join(', ')}</p>;
}
