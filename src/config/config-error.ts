/** Thrown at start for invalid settings. The message names every invalid variable, but no value. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
