/** Requests of known sessions at a steady rate, whatever becomes of them: what browsers do while something fails. */
import { clockMs } from './clock.js'
import { type Begun, Visitor } from './visitors.js'

/** Requests due are sent so often, ms. */
const SEND_INTERVAL_MS = 2
/** More connections than that mean that nothing is answered any more. */
const CONNECTIONS_MAX = 1_000
const MS_PER_S = 1_000

/** One request and its answer. */
export interface Sample {
  readonly session: Begun
  /** When it was due; see `clockMs`. */
  readonly at: number
  /** Until its answer. */
  readonly ms: number
  /** 0 when there was none. */
  readonly status: number
}

export class SteadyLoad {
  readonly #port: number
  readonly #sessions: readonly Begun[]
  readonly #perSecond: number
  readonly #idle: Visitor[] = []
  readonly #samples: Sample[] = []
  #connections = 0
  #sent = 0
  #answered = 0

  constructor(port: number, sessions: readonly Begun[], perSecond: number) {
    this.#port = port
    this.#sessions = sessions
    this.#perSecond = perSecond
  }

  /** Sends until what it is given is done. @returns every request that was answered, or failed */
  async during(work: () => Promise<void>): Promise<readonly Sample[]> {
    const from = clockMs()
    const sending = setInterval(() => {
      const due = ((clockMs() - from) * this.#perSecond) / MS_PER_S
      while (this.#sent < due) this.#send(from + (this.#sent * MS_PER_S) / this.#perSecond)
    }, SEND_INTERVAL_MS)
    try {
      await work()
    } finally {
      clearInterval(sending)
    }
    while (this.#answered < this.#sent) await new Promise(resolve => setTimeout(resolve, SEND_INTERVAL_MS))
    for (const visitor of this.#idle) visitor.close()
    return this.#samples
  }

  #send(at: number): void {
    const session = this.#sessions[this.#sent++ % this.#sessions.length]
    if (session === undefined) throw new RangeError('a load needs sessions: begin some first')
    const visitor = this.#idle.pop() ?? this.#connect()
    visitor.get(session.cookie, ({ status }) => {
      this.#answered++
      this.#samples.push({ session, at, ms: clockMs() - at, status })
      this.#idle.push(visitor)
    })
  }

  #connect(): Visitor {
    if (++this.#connections > CONNECTIONS_MAX)
      throw new Error('nothing is answered: see what the cluster does')
    return new Visitor(this.#port)
  }
}

/** @returns p50, p99 and the longest, ms with one digit; dashes when there are none */
export function latencyText(samples: readonly Sample[]): string {
  if (samples.length === 0) return '-'
  const sorted = samples.map(({ ms }) => ms).sort((a, b) => a - b)
  const at = (part: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1)
  return `${at(0.5)} / ${at(0.99)} / ${at(1)}`
}
