/** Query parameters that select another operation: the S3 reference, "Actions". */
export const SUBRESOURCES: readonly string[] = [
  'accelerate acl analytics attributes cors delete encryption intelligent-tiering inventory legal-hold lifecycle',
  'list-type location logging metadataConfiguration metadataTable metrics notification object-lock ownershipControls',
  'partNumber policy policyStatus publicAccessBlock renameObject replication requestPayment restore retention select',
  'session tagging torrent uploadId uploads versionId versioning versions website',
].flatMap((line) => line.split(' '));
