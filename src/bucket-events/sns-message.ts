import * as z from 'zod';
import { requests } from '../contract/named-schemas.ts';

const common = {
  MessageId: z.string(),
  TopicArn: z.string(),
  Message: z.string(),
  Timestamp: z.iso.datetime(),
  /** 1: SHA-1, the default of a topic; 2: SHA-256. */
  SignatureVersion: z.enum(['1', '2']),
  Signature: z.base64(),
  SigningCertURL: z.string(),
};

const notification = z.object({ Type: z.literal('Notification'), Subject: z.string().optional(), ...common });
const confirmation = z.object({
  Type: z.enum(['SubscriptionConfirmation', 'UnsubscribeConfirmation']),
  SubscribeURL: z.string(),
  Token: z.string(),
  ...common,
});

/** What SNS sends to an HTTP subscription (SNS Developer Guide, "Parsing Amazon SNS message formats"). */
export const snsMessage = z
  .discriminatedUnion('Type', [notification, confirmation])
  .register(requests, { id: 'SnsMessage' });

export type SnsMessage = z.infer<typeof snsMessage>;

/** SNS Developer Guide, "Verifying the signatures of Amazon SNS messages": each name and value on a line of its own. */
export function stringToSign(message: SnsMessage): string {
  const { Type, Message, MessageId, Timestamp, TopicArn } = message;
  const fields =
    message.Type === 'Notification'
      ? { Message, MessageId, Subject: message.Subject, Timestamp, TopicArn, Type }
      : { Message, MessageId, SubscribeURL: message.SubscribeURL, Timestamp, Token: message.Token, TopicArn, Type };
  return Object.entries(fields)
    .map(([name, value]) => (value === undefined ? '' : `${name}\n${value}\n`))
    .join('');
}

/** The origin of SNS in the topic's region, such as `https://sns.eu-central-1.amazonaws.com`. */
export function snsOrigin(topicArn: string): string {
  const [, partition = '', , region = ''] = topicArn.split(':');
  return `https://sns.${region}.${DNS_SUFFIXES[partition] ?? 'amazonaws.com'}`;
}

const DNS_SUFFIXES: Record<string, string> = { 'aws-cn': 'amazonaws.com.cn', 'aws-eusc': 'amazonaws.eu' };
