/** One clock for all processes of a machine, finer than a millisecond. */

/** @returns ms since the Unix epoch, with fractions */
export function clockMs(): number {
  return performance.timeOrigin + performance.now()
}
