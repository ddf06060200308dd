/**
 * Calls a function of the app. An error in it is told to the console, and has no other effect: a progress bar that has
 * gone must not end an upload.
 */
export function tellApp<Value>(listener: ((value: Value) => void) | undefined, value: Value): void {
  try {
    listener?.(value);
  } catch (error) {
    console.error(error);
  }
}
