/** Ends threads at a moment at which that ends nothing else: see `transport/end-gate.ts`. */
import { abandonEndGate, awaitEndGateSync, closeEndGate, endGateIsClear } from '../../transport/end-gate.js'

/** Longest wait of an exit for all threads together, ms: a commit, or an opening, and not a dead disk. */
const EXIT_WAIT_MS = 2_000

/** Of all threads of this process that have not ended. */
const gates = new Set<SharedArrayBuffer>()

/**
 * Node ends all threads of a process that exits, also where nobody has asked this file for it: after an uncaught error,
 * or where something calls process.exit.
 */
export function guardAtExit(gate: SharedArrayBuffer): void {
  if (gates.size === 0) process.on('exit', closeAll)
  gates.add(gate)
}

/** The thread is gone, maybe of an error behind its gate. */
export function unguardAtExit(gate: SharedArrayBuffer): void {
  abandonEndGate(gate)
  gates.delete(gate)
  if (gates.size === 0) process.off('exit', closeAll)
}

/** Calls `end` as soon as nothing is behind the gate: at once when that is so now. */
export function endWhenClear(gate: SharedArrayBuffer, end: () => void): void {
  if (closeEndGate(gate)) end()
  else void endGateIsClear(gate).then(end)
}

function closeAll(): void {
  const busy = [...gates].filter(gate => !closeEndGate(gate))
  const endsAt = performance.now() + EXIT_WAIT_MS
  for (const gate of busy) awaitEndGateSync(gate, Math.max(0, endsAt - performance.now()))
}
