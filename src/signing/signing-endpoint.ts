/** Where a bucket lives and what its requests are signed for, as `resolveEndpoint` found it. */
export type SigningEndpoint = {
  /** The bucket's name, or the ARN it was given as. */
  bucket: string;
  /** `https:` or `http:`. */
  protocol: string;
  /** With the port where it is not the protocol's own: what the client will send as `Host`. */
  host: string;
  /** What stands in front of `/{key}`, encoded: empty for virtual-hosted style, `/{bucket}` for path style. */
  basePath: string;
  region: string;
  service: string;
  /** Names, in lower case, that whatever writes is signed without and may not come with. Default: none. */
  absentHeaders?: readonly string[];
};
