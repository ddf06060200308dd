/** The text of each module that the service serves, by its name. */
export function bundleBrowserModules(): Promise<Record<string, string>>;
