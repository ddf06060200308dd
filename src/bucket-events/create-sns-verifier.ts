import { verify, X509Certificate } from 'node:crypto';
import { Problem, unavailable } from '../contract/errors.ts';
import { type SnsMessage, snsOrigin, stringToSign } from './sns-message.ts';

/** Downloads the text at a URL: `downloadText`. */
export type Download = (url: string) => Promise<string>;

/** SNS itself gives up after this time (SNS Developer Guide, "Creating an HTTP/S delivery policy"). */
const MAX_AGE_MS = 3_600_000;
/** Limits concurrent downloads of certificates, since a forged message can name any certificate. */
const MAX_DOWNLOADS = 4;
const HASHES = { 1: 'RSA-SHA1', 2: 'RSA-SHA256' } as const;

/**
 * Checks that SNS sent a message for one of the topics, within the hour (SNS Developer Guide, "Verifying the signatures
 * of Amazon SNS messages"). The host of the certificate follows from the topic's ARN in the settings, not from the
 * message: a pattern for hosts would accept a bucket named `sns`, at `sns.s3-us-west-2.amazonaws.com`. The certificate
 * comes without its chain, so that host's TLS proves it; each is downloaded once and used while it is valid.
 * @returns a function that throws `Problem` `forbidden` for a topic that is not listed, `unauthenticated` for a message
 * that SNS did not sign or that is too old, `keys-unavailable` if the certificate cannot be downloaded now.
 */
export function createSnsVerifier(options: {
  topics: readonly string[];
  download: Download;
  now: () => Date;
}): (message: SnsMessage) => Promise<void> {
  const { topics, download, now } = options;
  const certificates = new Map<string, Promise<X509Certificate>>();
  let downloads = 0;

  function certificateBehind(url: string): Promise<X509Certificate> {
    const known = certificates.get(url);
    if (known !== undefined) return known;
    if (downloads >= MAX_DOWNLOADS) throw unavailable('keys', new Error('too many certificates are being downloaded'));
    downloads += 1;
    const certificate = download(url)
      .then((pem) => new X509Certificate(pem))
      .catch((error: unknown) => {
        certificates.delete(url);
        throw unavailable('keys', error);
      })
      .finally(() => {
        downloads -= 1;
      });
    certificates.set(url, certificate);
    return certificate;
  }

  return async (message) => {
    const { TopicArn, SigningCertURL, Timestamp, SignatureVersion, Signature } = message;
    if (!topics.includes(TopicArn)) throw topicNotListed();
    const at = now().getTime();
    if (at - Date.parse(Timestamp) > MAX_AGE_MS) throw notFromSns('the message is over an hour old');
    const place = `${snsOrigin(TopicArn)}/SimpleNotificationService-`;
    if (!SigningCertURL.startsWith(place) || !/^[A-Za-z0-9]+\.pem$/.test(SigningCertURL.slice(place.length))) {
      throw notFromSns("SigningCertURL does not lead to SNS in the topic's region");
    }
    const { validFrom, validTo, publicKey } = await certificateBehind(SigningCertURL);
    if (at < Date.parse(validFrom) || at > Date.parse(validTo)) throw notFromSns('the certificate is not valid now');
    const signed = Buffer.from(stringToSign(message));
    if (!verify(HASHES[SignatureVersion], signed, publicKey, Buffer.from(Signature, 'base64'))) {
      throw notFromSns('the signature does not verify');
    }
  };
}

/** The problem for a message whose topic is not in the settings. */
export function topicNotListed(): Problem {
  return new Problem('forbidden', 'events of this topic are not accepted');
}

function notFromSns(detail: string): Problem {
  return new Problem('unauthenticated', detail, { headers: { 'www-authenticate': 'Bearer' } });
}
