/**
 * Overload: how much a cluster carries, and what becomes of its visitors when twice and ten times as much is asked of it.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Cluster } from '../../lib/director/cluster.js'
import type { Offer, PhaseResult } from './open-load.js'
import type { FromOpenLoad, ToOpenLoad } from './open-load-process.js'

/** What an overload is made of. */
export interface OverloadOptions {
  /** What the app computes for each request, ms: its event loop does nothing else meanwhile. */
  readonly computeMs: number
  /** Multiples of what the cluster can carry that are offered, in this order. */
  readonly factors: readonly number[]
  /** Length of one phase, ms; the first and the last take half of it. */
  readonly phaseMs: number
  /** Told of each phase. */
  readonly onPhase?: (line: string) => void
}

/** One offer and what became of it. */
export interface Phase extends PhaseResult {
  /** Of the peak. */
  readonly factor: number
}

/** What became of it all. */
export interface OverloadReport {
  /** What visitors in a row are served, few enough that all are. */
  readonly peakPerSecond: number
  readonly phases: readonly Phase[]
  /** Half of the peak, right after the last phase. */
  readonly afterwards: PhaseResult
  readonly sessions: number
  /** Acknowledged increments that were lost, and other broken promises. */
  readonly violations: readonly string[]
}

/** Visitors in a row who keep every web server busy and leave none waiting for long. */
const PEAK_CLIENTS = 12
/** What nobody has to be refused. */
const EASY = 0.5

/** Overloads a cluster that runs test/support/apps/counter.ts. */
export async function overload(cluster: Cluster, options: OverloadOptions): Promise<OverloadReport> {
  const { computeMs, factors, phaseMs, onPhase } = options
  const load = new LoadProcess(cluster.url, computeMs)
  try {
    const peak = await load.offer({ kind: 'clients', clients: PEAK_CLIENTS, forMs: phaseMs / 2 })
    const peakPerSecond = peak.servedPerSecond
    onPhase?.(`peak: ${Math.round(peakPerSecond)} requests/s`)
    const rate = (factor: number, forMs = phaseMs): Offer => ({
      kind: 'rate',
      perSecond: factor * peakPerSecond,
      forMs,
    })
    const phases: Phase[] = []
    for (const factor of factors) {
      const phase = { factor, ...(await load.offer(rate(factor))) }
      phases.push(phase)
      onPhase?.(describePhase(phase))
    }
    const afterwards = await load.offer(rate(EASY, phaseMs / 2))
    return { peakPerSecond, phases, afterwards, ...(await load.readAll()) }
  } finally {
    load.kill()
  }
}

/** @returns the phase in one line */
export function describePhase(phase: Phase): string {
  const { factor, offeredPerSecond, servedPerSecond, refused, servedMs, refusedMs, failures } = phase
  return (
    `${factor} times the peak: ${Math.round(offeredPerSecond)}/s offered, ${Math.round(servedPerSecond)}/s served ` +
    `(median ${Math.round(servedMs.median)} ms), ${refused} refused (median ${Math.round(refusedMs.median)} ms), ` +
    `drained after ${Math.round(phase.drainedMs)} ms, failures: ${JSON.stringify(failures)}`
  )
}

/** The load in its own process. */
class LoadProcess {
  readonly #child = fork(fileURLToPath(new URL('./open-load-process.js', import.meta.url)), {
    execArgv: ['--enable-source-maps'],
  })
  readonly #ended = once(this.#child, 'exit').then(() => {
    throw new Error('the load ended by itself: its error is on standard error')
  })

  constructor(url: string, computeMs: number) {
    // Whoever asks afterwards is told.
    this.#ended.catch(() => undefined)
    this.#tell({ type: 'begin', url, computeMs })
  }

  async offer(offer: Offer): Promise<PhaseResult> {
    const answer = await this.#ask({ type: 'offer', offer })
    if (answer.type !== 'result') throw new Error(`an offer was answered by ${answer.type}`)
    return answer.result
  }

  async readAll(): Promise<{ sessions: number; violations: readonly string[] }> {
    const answer = await this.#ask({ type: 'readAll' })
    if (answer.type !== 'read') throw new Error(`a last read was answered by ${answer.type}`)
    return answer
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #ask(message: ToOpenLoad): Promise<FromOpenLoad> {
    const answer = once(this.#child, 'message')
    this.#tell(message)
    const [answered] = await Promise.race([answer, this.#ended])
    return answered as FromOpenLoad
  }

  #tell(message: ToOpenLoad): void {
    this.#child.send(message)
  }
}
