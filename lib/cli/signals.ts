/**
 * SIGTERM and SIGINT: the first asks for a stop, the second ends the process at once. SIGHUP asks for a reload, except
 * when it comes because the terminal was closed: that is a stop.
 */
import { constants } from 'node:os'
import { isatty } from 'node:tty'

/**
 * A signal this soon after the first is the same one seen twice: a terminal sends Ctrl-C to every process of the
 * foreground, and npm passes its own on.
 */
const ECHO_MS_MAX = 50

const STDIN = 0

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
    const hadTerminal = isatty(STDIN)
    process.on('SIGHUP', signal => {
      if (hadTerminal && !isatty(STDIN)) onSignal(signal)
    })
  })
}

/** Calls back at each SIGHUP of somebody who wants a reload. */
export function onReloadSignal(reload: () => void): void {
  const hadTerminal = isatty(STDIN)
  process.on('SIGHUP', () => {
    if (!hadTerminal || isatty(STDIN)) reload()
  })
}
