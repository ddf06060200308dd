/** What an app says of its own files: its document types, and the fields of its metadata. */
export type AppTypes = { documents?: string; metadata?: Readonly<Record<string, string>> };

/** The document types of an app; any text if it names none. */
export type DocumentOf<App extends AppTypes> = App extends { documents: infer Documents extends string }
  ? Documents
  : string;

/** The metadata of an app; any texts if it names none. */
export type MetadataOf<App extends AppTypes> = App extends {
  metadata: infer Metadata extends Readonly<Record<string, string>>;
}
  ? Metadata
  : Readonly<Record<string, string>>;
