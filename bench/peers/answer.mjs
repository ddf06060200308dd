// What each peer needs: the bucket's address from the environment, and answers to the measuring process.
export const s3 = {
  endpoint: process.env.S3_ENDPOINT,
  region: 'us-east-1',
  forcePathStyle: true,
  credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID,
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
  },
};
export const Bucket = process.env.S3_BUCKET_NAME;

/** Tells the port; then the CPU time used so far, whenever asked. */
export function answer(port) {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send({ cpuMicroseconds: user + system });
  });
  process.on('disconnect', () => process.exit());
  process.send({ app: port });
}
