/** Where a bucket's requests go and what they are signed for, as found by `resolveEndpoint`. */
export type SigningEndpoint = {
  /** The bucket's name or ARN. */
  bucket: string;
  /** `https:` or `http:`. */
  protocol: string;
  /** Includes the port unless it is the protocol's default: the client's `Host` header. */
  host: string;
  /** The encoded path before `/{key}`: empty for virtual-hosted style, `/{bucket}` for path style. */
  basePath: string;
  region: string;
  service: string;
  /** Header names, in lower case, that are signed as absent in every write. Default: none. */
  absentHeaders?: readonly string[];
};
