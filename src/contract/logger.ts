/** The part of a logger the service uses: fields, then a message. */
export type Logger = Record<'error' | 'warn' | 'info' | 'debug', LogLine>;

type LogLine = (fields: Record<string, unknown>, message: string) => void;
