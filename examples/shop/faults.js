/** The ways in which an app can take its web server down. */

/** An error that nobody catches. */
export function crash() {
  throw new Error('The visitor pressed "Crash".')
}

/** An event loop that never turns again. */
export function hang() {
  for (;;) {
    // On purpose.
  }
}

/** A heap that grows to its limit. */
export function exhaustMemory() {
  const hoard = []
  for (;;) hoard.push(Array.from({ length: 100_000 }, (_, index) => ({ index })))
}
