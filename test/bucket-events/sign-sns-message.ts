import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:uploads';
export const CERTIFICATE_URL = 'https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem';

/** Ids and encodings of X.509 (RFC 5280, section 4.1; RFC 4055, section 5), in DER. */
const SHA256_WITH_RSA = Buffer.from('300d06092a864886f70d01010b0500', 'hex');
const COMMON_NAME = Buffer.from('0603550403', 'hex');

export type Signer = { pem: string; privateKey: KeyObject };

type Fields = Record<string, string | undefined>;

/** An RSA key with a self-signed certificate, like that of SNS; valid from a day before to a day after `at`. */
export function createSigner(at = new Date()): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const name = der(0x30, der(0x31, der(0x30, COMMON_NAME, der(0x0c, Buffer.from('sns.amazonaws.com')))));
  const body = der(
    0x30,
    ...[der(0x02, Buffer.from([1])), SHA256_WITH_RSA, name, der(0x30, time(at, -1), time(at, 1)), name],
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = der(0x03, Buffer.from([0]), sign('RSA-SHA256', body, privateKey));
  const base64 = der(0x30, body, SHA256_WITH_RSA, signature).toString('base64');
  const pem = `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  return { pem, privateKey };
}

/** A signed notification of SNS, changed by `fields`; undefined fields are left out. */
export function signSnsMessage(signer: Signer, fields: Fields = {}): Fields {
  const message: Fields = {
    Type: 'Notification',
    MessageId: '22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324',
    TopicArn: TOPIC,
    Subject: 'Amazon S3 Notification',
    Message: '{}',
    Timestamp: new Date().toISOString(),
    SignatureVersion: '2',
    SigningCertURL: CERTIFICATE_URL,
    ...fields,
  };
  const names =
    message.Type === 'Notification'
      ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  const text = names.flatMap((name) => (message[name] === undefined ? [] : [`${name}\n${message[name]}\n`])).join('');
  const hash = message.SignatureVersion === '1' ? 'RSA-SHA1' : 'RSA-SHA256';
  return { ...message, Signature: sign(hash, Buffer.from(text), signer.privateKey).toString('base64') };
}

function der(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const bytes = content.length < 256 ? [0x81, content.length] : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...(content.length < 128 ? [content.length] : bytes)]), content]);
}

function time(at: Date, days: number): Buffer {
  const text = new Date(at.getTime() + days * 86_400_000).toISOString().replace(/[-T:]|\.\d+/g, '');
  return der(0x18, Buffer.from(text));
}
