/** One measurement: one load at one server. */

import { CountedSessions, type LoadSessions, NO_SESSIONS } from './counted-sessions.js'
import { type CpuTimes, machineTime, perRequest } from './cpu.js'
import { LOADS, type LoadName, shapeOf } from './loads.js'
import type { Peer } from './peers/peer.js'
import { orAborted } from './support/signals.js'
import { type Latency, runWrk } from './wrk/wrk.js'

const NS_PER_US = 1_000
const NS_PER_SECOND = 1e9

/** What one measurement found. */
export interface Measured {
  readonly requestsPerSecond: number
  /** As wrk tells it, ms. */
  readonly latency: Latency
  /** At a constant rate: from the moment each request was due, ms. Null otherwise. */
  readonly dueLatency: Latency | null
  /** CPU time of each part of the server for a request, µs. */
  readonly cpuUs: CpuTimes
  /** CPU time of wrk for a request, µs. */
  readonly wrkCpuUs: number
  /** Cores that all else on this machine used meanwhile: other servers of the bench, and whoever else is there. */
  readonly othersCores: number
}

/** How to measure. */
export interface MeasureOptions {
  readonly load: LoadName
  readonly connections: number
  /** Requests a second, or null for as many as it can. */
  readonly rate: number | null
  /** Time under load before anything is counted, s; 0 for none. */
  readonly warmUpSeconds: number
  readonly seconds: number
  readonly folder: string
  readonly signal: AbortSignal
}

/** A server, and the sessions it has for each load. */
export class MeasuredPeer {
  readonly #peer: Peer
  readonly #hasSessions: boolean
  readonly #sessions = new Map<LoadName, LoadSessions>()

  constructor(peer: Peer, hasSessions: boolean) {
    this.#peer = peer
    this.#hasSessions = hasSessions
  }

  /** @throws Error when it answers wrongly, loses a change, or ends */
  async measure(options: MeasureOptions): Promise<Measured> {
    return await orAborted(Promise.race([this.#measure(options), this.#peer.died]), options.signal)
  }

  async #measure(options: MeasureOptions): Promise<Measured> {
    const { connections, rate, warmUpSeconds, seconds, folder, signal } = options
    const load = LOADS[options.load]
    const shape = shapeOf(load, connections)
    const sessions = this.#sessionsOf(options.load)
    const cookies = await sessions.cookies(shape.sessions)
    const run = { url: this.#peer.url, load, shape, cookies, rate, folder, signal }
    const warmUp = warmUpSeconds === 0 ? null : await runWrk({ ...run, seconds: warmUpSeconds })
    const before = { cpu: await this.#peer.cpuTimes(), machine: await machineTime(), at: performance.now() }
    const result = await runWrk({ ...run, seconds })
    const after = { cpu: await this.#peer.cpuTimes(), machine: await machineTime(), at: performance.now() }
    const runs = warmUp === null ? 1 : 2
    await sessions.check(result.requests + (warmUp?.requests ?? 0), shape.connections * runs)
    const used = perRequest(before.cpu, after.cpu, 1)
    const own = Object.values(used).reduce((sum, time) => sum + time, 0)
    const wrk = result.cpuUs * NS_PER_US * result.requests
    const wallNs = ((after.at - before.at) / 1_000) * NS_PER_SECOND
    return {
      requestsPerSecond: result.requestsPerSecond,
      latency: result.latency,
      dueLatency: result.dueLatency,
      cpuUs: perRequest(before.cpu, after.cpu, result.requests * NS_PER_US),
      wrkCpuUs: result.cpuUs,
      othersCores: Math.max(0, after.machine - before.machine - own - wrk) / wallNs,
    }
  }

  #sessionsOf(name: LoadName): LoadSessions {
    if (!this.#hasSessions) return NO_SESSIONS
    const known = this.#sessions.get(name)
    if (known !== undefined) return known
    const made = new CountedSessions(this.#peer.url, LOADS[name])
    this.#sessions.set(name, made)
    return made
  }
}
