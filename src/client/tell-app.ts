/**
 * Calls a function of the app. An error in it is told to the console, and has no other effect: a progress bar that has
 * gone must not end an upload.
 */
export function tellApp<Values extends unknown[]>(
  listener: ((...values: Values) => void) | undefined,
  ...values: Values
): void {
  try {
    listener?.(...values);
  } catch (error) {
    console.error(error);
  }
}
