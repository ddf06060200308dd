import type { AppTypes, MetadataOf } from '../app-types.ts';
import { SignpostError } from '../signpost-error.ts';

type Issue = {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
};
type Result<Value> = { readonly value: Value; readonly issues?: undefined } | { readonly issues: readonly Issue[] };

/** A schema of Zod, Valibot, ArkType and others (Standard Schema, version 1: https://standardschema.dev). */
export type MetadataSchema<App extends AppTypes = AppTypes> = {
  readonly '~standard': {
    readonly validate: (value: unknown) => Result<MetadataOf<App>> | Promise<Result<MetadataOf<App>>>;
  };
};

/**
 * The metadata as the schema returns it.
 * @throws {SignpostError} `invalid-request`, with each issue.
 */
export async function checkMetadata(schema: MetadataSchema, metadata: Readonly<Record<string, string>> = {}) {
  const result = await schema['~standard'].validate(metadata);
  if (result.issues === undefined) return result.value;
  const errors = result.issues.map(({ message, path = [] }) => {
    const names = path.map((name) => String(typeof name === 'object' ? name.key : name));
    return { path: ['metadata', ...names].join('.'), message };
  });
  const detail = errors.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw new SignpostError({ code: 'invalid-request', status: 400, detail, errors, retryable: false });
}
