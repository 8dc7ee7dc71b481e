/**
 * Chaos: clients count in their sessions while one fault after the other befalls a real deployment, each drawn by the
 * seed once the deployment is whole again, some while a session host is away. What clients saw decides: an acknowledged
 * increment that is missing, a session that goes back, or one that is somebody else's, is a violation.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { ClusterStatus } from '../../lib/director/cluster.js'
import { Random } from '../simulation/random.js'
import { failuresOf, type Tally } from '../support/load-client.js'
import { type ChaosDeployment, type ChaosScope, deploy, isWhole } from './deployment.js'
import { type ChaosContext, type ChaosFault, type Condition, FAULTS, WEB_SERVER_FAULTS } from './faults.js'

/** What chaos is made of. */
export interface ChaosOptions {
  readonly seed: number
  /** No fault begins after so long. */
  readonly minutes: number
  readonly kinds?: readonly ChaosFault[]
  readonly clients?: number
  /** Mean rest of a client between two requests, ms. */
  readonly pauseMs?: number
  /** Told of each round. */
  readonly onRound?: (line: string) => void
}

/** One fault, until the deployment was whole again. */
export interface Round {
  readonly fault: string
  readonly hit: string
  /** Web servers' faults while a session host was away. */
  readonly meanwhile: readonly string[]
  /** Since the start, ms. */
  readonly beganMs: number
  /** How long the deployment took to be whole after the fault was over, ms. */
  readonly wholeMs: number
  readonly requests: number
  readonly failed: number
}

/** Something was in a condition for a while. Times since the start, ms. */
export interface Bar {
  readonly row: string
  readonly condition: Condition
  readonly fromMs: number
  readonly toMs: number
}

/** What was seen at one moment. */
export interface Sighting {
  /** Since the start, ms. */
  readonly atMs: number
  readonly requests: number
  readonly failed: number
  /** State and restarts of each actor; null when the web host did not answer. */
  readonly actors: Readonly<Record<string, { readonly state: string; readonly restarts: number }>> | null
}

/** What became of it. */
export interface ChaosReport {
  readonly seed: number
  readonly acks: 'one' | 'all'
  readonly network: string
  readonly seconds: number
  readonly rounds: readonly Round[]
  readonly bars: readonly Bar[]
  readonly sightings: readonly Sighting[]
  readonly tally: Tally
  readonly violations: readonly string[]
  /** What hosts logged last, when there were any. */
  readonly lastWords: readonly string[]
}

const SIGHT_INTERVAL_MS = 250
/** Undisturbed requests between two faults. */
const CALM_REQUESTS = 200
/** Longest time in which a deployment has to be whole again, ms. */
const WHOLE_WITHIN_MS = 60_000
/** A session host that nobody misses for so long is back, ms. */
const NOTICED_WITHIN_MS = 5_000
/** Lines that each host is allowed at the end, when something went wrong. */
const LAST_WORDS = 12
/** Of pino. */
const WARN = 40
/** How often a web server dies, too, while a session host is away. */
const MEANWHILE_CHANCE = 0.5

/** Runs chaos to its end. */
export async function chaos(scope: ChaosScope, options: ChaosOptions): Promise<ChaosReport> {
  const { seed, clients = 12, pauseMs = 15 } = options
  const random = new Random(seed)
  // Both in turn, whoever runs seeds in a row.
  const acks = seed % 2 === 0 ? 'one' : 'all'
  const deployment = await deploy(scope, { acks, clients, pauseMs })
  return await new Chaos(deployment, random, options).run(acks)
}

class Chaos {
  readonly #deployment: ChaosDeployment
  readonly #random: Random
  readonly #options: ChaosOptions
  readonly #rounds: Round[] = []
  readonly #bars: Bar[] = []
  readonly #sightings: Sighting[] = []
  readonly #violations: string[] = []
  #meanwhile: string[] = []

  constructor(deployment: ChaosDeployment, random: Random, options: ChaosOptions) {
    this.#deployment = deployment
    this.#random = random
    this.#options = options
  }

  async run(acks: 'one' | 'all'): Promise<ChaosReport> {
    const { load, network } = this.#deployment
    const over = new AbortController()
    const watching = this.#watch(over.signal)
    try {
      await this.#whole('the start')
      await this.#calm()
      while (load.ranMs < this.#options.minutes * 60_000 && this.#violations.length === 0) await this.#round()
      over.abort()
      await watching
    } finally {
      over.abort()
    }
    const tally = await load.stop()
    const violations = [...this.#violations, ...tally.violations]
    return {
      ...{ seed: this.#options.seed, acks, network: network.description, seconds: load.ranMs / 1000 },
      ...{ rounds: this.#rounds, bars: this.#bars, sightings: this.#sightings, tally },
      violations,
      lastWords: violations.length === 0 ? [] : this.#lastWords(),
    }
  }

  #lastWords(): string[] {
    const { web, stores } = this.#deployment
    return [web, ...stores].flatMap(({ name, logged, printed }) => {
      const warned = logged.filter(({ level }) => Number(level) >= WARN)
      const lines = warned.map(({ msg, actor, err }) => `${actor ?? ''} ${msg} ${err?.message ?? ''}`)
      return [...lines.slice(-LAST_WORDS), ...printed.slice(-LAST_WORDS)].map(line => `${name}: ${line}`)
    })
  }

  async #round(): Promise<void> {
    const { load, web } = this.#deployment
    const fault = this.#nextFault()
    const before = await load.report()
    const beganMs = load.ranMs
    this.#meanwhile = []
    const hit = await fault.run(this.#context())
    const overAt = performance.now()
    await this.#whole(fault.name)
    const wholeMs = performance.now() - overAt
    const after = await this.#calm()
    const round: Round = {
      ...{ fault: fault.name, hit, meanwhile: this.#meanwhile, beganMs, wholeMs },
      requests: after.requests - before.requests,
      failed: failuresOf(after) - failuresOf(before),
    }
    this.#rounds.push(round)
    this.#options.onRound?.(`${this.#rounds.length}. ${describeRound(round)}`)
    if (after.violations.length > 0) this.#violations.push(`after ${fault.name} of ${hit} (${web.name})`)
  }

  /** First each kind once, in an order of the seed's, then any. */
  #nextFault(): ChaosFault {
    const kinds = (this.#options.kinds ?? FAULTS).filter(kind => kind.possible(this.#deployment))
    const used = new Set(this.#rounds.map(({ fault }) => fault))
    const unused = kinds.filter(({ name }) => !used.has(name))
    const fault = this.#random.pick(unused.length > 0 ? unused : kinds)
    if (fault === undefined) throw new RangeError('chaos needs a kind of fault')
    return fault
  }

  #context(): ChaosContext {
    const { load } = this.#deployment
    const during = async (row: string, condition: Condition, run: () => Promise<void>) => {
      const fromMs = load.ranMs
      await run()
      this.#bars.push({ row, condition, fromMs, toMs: load.ranMs })
    }
    return {
      ...{ deployment: this.#deployment, random: this.#random, during },
      meanwhile: () => this.#whileAway(),
    }
  }

  async #whileAway(): Promise<void> {
    await this.#until(NOTICED_WITHIN_MS, async () => {
      const status = await this.#status()
      return status?.sessionServers.some(({ state }) => state !== 'running') === true
    })
    await this.#calm()
    if (!this.#random.chance(MEANWHILE_CHANCE)) return
    const fault = this.#random.pick(WEB_SERVER_FAULTS)
    if (fault === undefined) return
    const hit = await fault.run(this.#context())
    this.#meanwhile.push(`${fault.name} (${hit})`)
    // What the next fault hits must not be the only place where a change is.
    await this.#until(NOTICED_WITHIN_MS, async () => {
      const status = await this.#status()
      return status?.webServers.every(({ state }) => state === 'running') === true
    })
    await this.#calm()
  }

  /** Waits until requests are answered as if nothing had been. */
  async #calm(): Promise<Tally> {
    const { load } = this.#deployment
    let tally = await load.report()
    const goal = tally.increments + CALM_REQUESTS
    await this.#until(WHOLE_WITHIN_MS, async () => {
      tally = await load.report()
      return tally.increments >= goal || tally.violations.length > 0
    })
    return tally
  }

  async #whole(after: string): Promise<void> {
    const { web } = this.#deployment
    const isSo = await this.#until(WHOLE_WITHIN_MS, async () => {
      // An exhausted heap may end the whole process (docs/design.md, "Actors and Piscina").
      if (!web.isAlive) web.start()
      const status = await this.#status()
      return status !== null && isWhole(status)
    })
    if (!isSo) this.#violations.push(`not whole again within ${WHOLE_WITHIN_MS} ms after ${after}`)
  }

  /** @returns whether it came true in time */
  async #until(withinMs: number, condition: () => Promise<boolean>): Promise<boolean> {
    const end = performance.now() + withinMs
    while (!(await condition())) {
      if (performance.now() > end) return false
      await wait(20)
    }
    return true
  }

  /** @returns null when the web host does not answer */
  async #status(): Promise<ClusterStatus | null> {
    const { status, body } = await this.#deployment.admin.send('GET', '/status')
    return status === 200 ? (body as ClusterStatus) : null
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { load } = this.#deployment
    let actors: Sighting['actors'] = null
    let asking = false
    while (!signal.aborted) {
      if (!asking) {
        asking = true
        // A web host that is suspended answers when it goes on; nobody waits for it here.
        const seen = (status: ClusterStatus | null) => {
          asking = false
          actors = status === null ? null : actorsOf(status)
        }
        // When nobody can be asked any more, rounds are told so.
        void this.#status().then(seen, () => seen(null))
      } else actors = null
      const tally = await load.report()
      await wait(SIGHT_INTERVAL_MS)
      this.#sightings.push({ atMs: load.ranMs, requests: tally.requests, failed: failuresOf(tally), actors })
    }
  }
}

function actorsOf({ webServers, sessionServers }: ClusterStatus): Sighting['actors'] {
  const all = [...webServers, ...sessionServers]
  return Object.fromEntries(all.map(({ name, state, restarts }) => [name, { state, restarts }]))
}

/** @returns the round in one line */
export function describeRound({ fault, hit, meanwhile, wholeMs, requests, failed }: Round): string {
  const also = meanwhile.length === 0 ? '' : `, meanwhile ${meanwhile.join(', ')}`
  return `${fault}: ${hit}${also}; whole after ${Math.round(wholeMs)} ms, ${requests} requests, ${failed} failed`
}
