/** SIGTERM and SIGINT: the first asks for a stop, the second ends the process at once. */
import { constants } from 'node:os'

/**
 * A signal this soon after the first is the same one seen twice: a terminal sends Ctrl-C to every process of the
 * foreground, and npm passes its own on.
 */
const ECHO_MS_MAX = 50

/** @returns the first signal, when it comes. From then on the next one exits with 128 and its number. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise(resolve => {
    let first: number | undefined
    const onSignal = (signal: NodeJS.Signals) => {
      if (first === undefined) {
        first = performance.now()
        resolve(signal)
        return
      }
      if (performance.now() - first > ECHO_MS_MAX) process.exit(128 + constants.signals[signal])
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
