/**
 * A web server's side of replication under load: the real {@link Replicas}, with its owner, outbox and port, changing
 * one session after the other towards one session server. A closed loop: the next change is made when an earlier one is
 * acknowledged, so that a fixed number of them is under way at any time.
 */
import { randomBytes } from 'node:crypto'
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Acknowledged } from '../lib/replication/acknowledgements.js'
import type { SessionCopy } from '../lib/replication/copy.js'
import type { HostedSessions } from '../lib/replication/hosted-sessions.js'
import {
  type ActorName,
  ALL_PARTITIONS,
  type Epoch,
  PARTITION_COUNT,
  partitionOf,
  type SessionId,
  type Version,
} from '../lib/replication/ids.js'
import type { Found } from '../lib/replication/lookups.js'
import { Replicas } from '../lib/web-server/replicas.js'

/** Sessions that are changed in turn: more than are ever under way, so that nothing is coalesced. */
export const SESSION_COUNT = 10_000
/** One session as JSON text, bytes. */
export const SESSION_BYTES = 300
/** Most changes under way in one measurement. */
export const IN_FLIGHT_MAX = 4_096

/** The defaults of the configuration, but for the time-out: a loaded machine must not look like a lost one. */
const OWNER_OPTIONS = { acks: 'one', ackTimeoutMs: 30_000, outboxMaxBytes: 32 * 1024 * 1024 } as const
const LIFETIME_MS = 30 * 60_000
const NS_PER_MS = 1e6
/** What {@link textOf} writes around its filler, bytes. */
const FILLED_BYTES = '{"change":"000000000000","cart":""}'.length

/** What one measurement found. */
export interface Measured {
  readonly mutationsPerSecond: number
  /** Bytes of sessions; ids, numbers and framing not counted. */
  readonly bytesPerSecond: number
  /** Time from a change to its acknowledgement, ms. */
  readonly ackP50Ms: number
  readonly ackP99Ms: number
}

/** How much load, and for how long. */
export interface LoadOptions {
  /** Changes under way at any time. */
  readonly inFlight: number
  /** Time under load before anything is counted, ms. */
  readonly warmUpMs: number
  readonly countedMs: number
}

/** One web server in front of one session server. */
export class ReplicationLoad {
  readonly #replicas: Replicas
  readonly #epochs: readonly Epoch[]
  readonly #ids: readonly SessionId[] = Array.from({ length: SESSION_COUNT }, newSessionId)
  readonly #copies = new Map<SessionId, SessionCopy>()
  #changes = 0

  /**
   * Takes every partition over and puts every session once.
   * @param fences the highest epoch ever claimed of each partition, as the session server said when it started
   * @param connect gives the session server its end of the port
   */
  static async start(
    replica: ActorName,
    fences: readonly Epoch[],
    connect: (port: MessagePort) => Promise<void>,
  ): Promise<ReplicationLoad> {
    const { port1, port2 } = new MessageChannel()
    await connect(port2)
    return await new Promise<ReplicationLoad>((resolve, reject) => {
      let unsettled = PARTITION_COUNT
      const onSettled = () => {
        unsettled--
        if (unsettled === 0) load.#fill().then(() => resolve(load), reject)
      }
      const load = new ReplicationLoad(fences, onSettled)
      load.#own(replica, port1)
    })
  }

  private constructor(fences: readonly Epoch[], onSettled: () => void) {
    this.#epochs = ALL_PARTITIONS.map(partition => ((fences[partition] ?? 0) + 1) as Epoch)
    this.#replicas = new Replicas(OWNER_OPTIONS, this.#hosted(), {
      settled: onSettled,
      // A change of a partition that is lost fails, and with it the measurement.
      fenced: () => undefined,
    })
  }

  /** @throws the error of a change that was not acknowledged */
  async measure({ inFlight, warmUpMs, countedMs }: LoadOptions): Promise<Measured> {
    const loop = new ClosedLoop(inFlight, done => this.#change(done))
    await Promise.race([loop.done, wait(warmUpMs)])
    const from = performance.now()
    const acks = loop.count()
    // Once is enough, unless the time was so short that there is nothing to tell of.
    do await Promise.race([loop.done, wait(countedMs)])
    while (acks.count === 0)
    const seconds = (performance.now() - from) / 1_000
    const mutationsPerSecond = acks.count / seconds
    const [ackP50Ms, ackP99Ms] = [acks.percentile(50) / NS_PER_MS, acks.percentile(99) / NS_PER_MS]
    await loop.end()
    return { mutationsPerSecond, bytesPerSecond: mutationsPerSecond * SESSION_BYTES, ackP50Ms, ackP99Ms }
  }

  /** Reads the session changed last from the session server. @returns whether it is as it was written */
  async isKept(): Promise<boolean> {
    const id = this.#idOf(this.#changes - 1)
    const found = await new Promise<Found>(resolve => this.#replicas.lookup(id, Date.now(), resolve))
    return found.type === 'found' && found.copy.data === this.#copies.get(id)?.data
  }

  close(): void {
    this.#replicas.close()
  }

  #own(replica: ActorName, port: MessagePort): void {
    this.#replicas.connect(replica, port)
    const replicas = [{ name: replica, synced: true }]
    this.#replicas.assign(
      this.#epochs.map((epoch, index) => {
        const partition = ALL_PARTITIONS[index] ?? partitionOf('')
        return { partition, epoch, revision: 0, replicas, settled: false }
      }),
    )
  }

  /** From here on every change replaces a copy, as nearly all changes do. */
  async #fill(): Promise<void> {
    await Promise.all(
      this.#ids.map(
        () =>
          new Promise<void>((resolve, reject) => {
            this.#change(error => (error === null ? resolve() : reject(error)))
          }),
      ),
    )
  }

  /** Changes the next session. */
  #change(done: Acknowledged): void {
    const change = this.#changes++
    const id = this.#idOf(change)
    const now = Date.now()
    const copy: SessionCopy = {
      id,
      epoch: this.#epochs[partitionOf(id)] ?? (0 as Epoch),
      version: ((this.#copies.get(id)?.version ?? 0) + 1) as Version,
      expires: now + LIFETIME_MS,
      data: textOf(change),
    }
    this.#copies.set(id, copy)
    this.#replicas.mutate(copy, now, done)
  }

  #idOf(change: number): SessionId {
    return this.#ids[change % SESSION_COUNT] ?? ('' as SessionId)
  }

  /** The cache, as far as replication asks for it. */
  #hosted(): HostedSessions {
    return {
      get: id => this.#copies.get(id),
      inPartition: partition => [...this.#copies.values()].filter(({ id }) => partitionOf(id) === partition),
      warm: () => true,
      acknowledged: () => undefined,
      drop: () => undefined,
    }
  }
}

/** A fixed number of changes under way, until it is ended or one of them fails. */
class ClosedLoop {
  /** Resolves when it has ended and every change is acknowledged; rejects with the first error. */
  readonly done: Promise<void>
  readonly #change: (done: Acknowledged) => void
  #settle: (error: Error | null) => void = () => undefined
  #acks: RecordableHistogram | null = null
  #underWay: number
  #ended = false

  constructor(inFlight: number, change: (done: Acknowledged) => void) {
    this.#change = change
    this.#underWay = inFlight
    this.done = new Promise((resolve, reject) => {
      this.#settle = error => (error === null ? resolve() : reject(error))
    })
    for (let count = 0; count < inFlight; count++) this.#next()
  }

  /** Counts from now on. @returns time to acknowledgement, ns, of each change */
  count(): RecordableHistogram {
    this.#acks = createHistogram()
    return this.#acks
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.done
  }

  #next(): void {
    const since = performance.now()
    this.#change(error => {
      // At least 1: a histogram takes no less.
      this.#acks?.record(Math.max(1, Math.round((performance.now() - since) * NS_PER_MS)))
      if (error !== null) this.#fail(error)
      else if (!this.#ended) this.#next()
      else if (--this.#underWay === 0) this.#settle(null)
    })
  }

  #fail(error: Error): void {
    this.#ended = true
    this.#settle(error)
  }
}

/** A session of {@link SESSION_BYTES} that differs with each change. */
function textOf(change: number): string {
  return `{"change":"${String(change).padStart(12, '0')}","cart":"${'x'.repeat(SESSION_BYTES - FILLED_BYTES)}"}`
}

/** As Troupe mints them. */
function newSessionId(): SessionId {
  return randomBytes(24).toString('base64url') as SessionId
}
