/** A session host over the real owner and real replicas, joined by queues that a test can stop. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SessionConfig } from '../../../lib/config/schema.js'
import type { Assignment } from '../../../lib/replication/assignment.js'
import {
  type ActorName,
  ALL_PARTITIONS,
  type Epoch,
  type Partition,
  type SessionId,
} from '../../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../../lib/replication/messages.js'
import { Owner } from '../../../lib/replication/owner.js'
import { Replica } from '../../../lib/replication/replica.js'
import { MemoryStore } from '../../../lib/session-server/stores/memory.js'
import type { OwnerCall, OwnerCallAnswers, OwnerCalls } from '../../../lib/transport/session-call-messages.js'
import type { Session } from '../../../lib/web-server/sessions/session.js'
import { SessionCache } from '../../../lib/web-server/sessions/session-cache.js'
import { SessionHost } from '../../../lib/web-server/sessions/session-host.js'
import type { Opened, SessionUse } from '../../../lib/web-server/sessions/session-use.js'

/** An app's session whose members are not declared. */
export type LooseSession = Session & Record<string, unknown>

export const config: SessionConfig = {
  secrets: ['secret'],
  name: 'sid',
  ttlMs: 100_000,
  maxBytes: 2000,
  rolling: false,
  indexes: {},
  unset: 'keep',
  cookie: {
    path: '/',
    domain: null,
    httpOnly: true,
    secure: false,
    sameSite: 'lax',
    partitioned: false,
    maxAgeMs: null,
  },
}

export interface Time {
  now: number
}

/** Session servers: what survives a web server. */
export class Replicas {
  readonly names: readonly ActorName[]
  readonly stores = new Map<ActorName, MemoryStore>()
  readonly replicas = new Map<ActorName, Replica>()

  constructor(...names: string[]) {
    this.names = names as ActorName[]
    for (const name of this.names) {
      const store = new MemoryStore()
      this.stores.set(name, store)
      this.replicas.set(name, new Replica(store))
    }
  }
}

export interface WebServerOptions {
  readonly session?: Partial<SessionConfig>
  readonly acks?: 'none' | 'one' | 'all'
  readonly maxBytes?: number
  readonly epoch?: number
  readonly partitions?: readonly Partition[]
  readonly time?: Time
  /** In place of the owners of index records. */
  readonly ask?: OwnerCalls['ask']
}

/** One web server without HTTP. Messages move only by {@link deliver} (or {@link settle}). */
export class WebServer {
  readonly config: SessionConfig
  readonly time: Time
  readonly cache: SessionCache
  readonly owner: Owner
  readonly host: SessionHost
  readonly reported: Error[] = []
  /** Every mutation sent to the first replica. */
  readonly mutations: { id: SessionId; version: number; data: string | null; expires: number }[] = []
  /** Sessions asked for, at each replica. */
  reads = 0
  answersLists = false
  readonly #replicas: Replicas
  readonly #toReplicas: [ActorName, ToReplica][] = []
  readonly #fromReplicas: [ActorName, FromReplica][] = []

  constructor(replicas: Replicas, options: WebServerOptions = {}) {
    const { acks = 'one', maxBytes = 1_000_000, epoch = 1, partitions = ALL_PARTITIONS } = options
    this.#replicas = replicas
    this.time = options.time ?? { now: 1_000_000 }
    this.config = { ...config, ...options.session }
    this.cache = new SessionCache({ maxBytes, heldMaxBytes: maxBytes })
    this.owner = new Owner({ acks, ackTimeoutMs: 5000, outboxMaxBytes: 1_000_000 }, this.cache, {
      send: (replica, message) => {
        this.#toReplicas.push([replica, message])
        if (message.type === 'read') this.reads += message.ids.length
        if (message.type === 'apply' && replica === replicas.names[0])
          this.mutations.push(...message.mutations)
      },
      settled: () => {},
      fenced: () => {},
    })
    this.host = new SessionHost({
      config: this.config,
      cache: this.cache,
      owner: this.owner,
      report: error => this.reported.push(error),
      now: () => this.time.now,
      ...(options.ask === undefined ? {} : { ask: options.ask }),
    })
    for (const name of replicas.names) this.owner.onReplicaUp(name, this.time.now)
    this.assign(partitions, epoch)
    this.deliver()
  }

  assign(partitions: readonly Partition[], epoch: number): void {
    const replicas = this.#replicas.names.map(name => ({ name, synced: true }))
    const assignments = partitions.map((partition): Assignment => {
      return { partition, epoch: epoch as Epoch, revision: 1, replicas, settled: true }
    })
    this.owner.onAssign(assignments)
  }

  /** Moves messages until none is left. */
  deliver(): void {
    this.owner.flush()
    while (this.#toReplicas.length > 0 || this.#fromReplicas.length > 0) {
      for (const [name, message] of this.#toReplicas.splice(0)) {
        // Unanswered, unless a test asks for it: what is read ahead would leave nothing to be looked up.
        if (message.type === 'list' && !this.answersLists) continue
        const answers = this.#replicas.replicas.get(name)?.onMessage(message, this.time.now) ?? []
        for (const answer of answers) this.#fromReplicas.push([name, answer])
      }
      for (const [name, message] of this.#fromReplicas.splice(0))
        this.owner.onMessage(name, message, this.time.now)
      this.owner.flush()
    }
  }

  /** A call to the owner, with messages delivered until it is answered. */
  async call<C extends OwnerCall>(call: C): Promise<OwnerCallAnswers[C['op']]> {
    return await this.settle(this.host.calls.carryOut(call))
  }

  /** Delivers messages until this is settled. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const settled = () => {
      isSettled = true
    }
    promise.then(settled, settled)
    while (!isSettled) {
      this.deliver()
      await nextTurn()
    }
    return await promise
  }

  /** A request that sends back what the browser holds, opened once every message has been delivered. */
  async open(browser: Browser = new Browser(), encrypted = false): Promise<Request> {
    const opened = await this.opened(browser, encrypted)
    if (opened.type !== 'opened') throw new Error(`not opened: ${opened.type}`)
    return new Request(this, browser, opened.use)
  }

  async opened(browser: Browser, encrypted = false): Promise<Opened> {
    const opened = this.host.open({ cookieHeader: browser.header, encrypted })
    this.deliver()
    return await opened
  }

  /** A whole request: the app runs, and the response goes out when it may. */
  async request(
    browser: Browser,
    app: (session: LooseSession, use: SessionUse) => unknown,
  ): Promise<string | null> {
    const request = await this.open(browser)
    try {
      await app(request.session, request.use)
      return await request.answer()
    } finally {
      request.close()
      this.deliver()
    }
  }
}

/** One open request. */
export class Request {
  constructor(
    readonly server: WebServer,
    readonly browser: Browser,
    readonly use: SessionUse,
  ) {}

  get session(): LooseSession {
    return this.use.session as LooseSession
  }

  /** Ends the response as exchange.ts does. @returns the Set-Cookie header, which the browser has kept */
  async answer(): Promise<string | null> {
    this.use.end()
    const cookie = this.use.head()
    const acknowledged = this.use.acknowledged()
    this.server.deliver()
    await acknowledged
    this.browser.receive(cookie)
    return cookie
  }

  close(): void {
    this.use.close()
  }
}

/** Keeps the session cookie. */
export class Browser {
  header: string | undefined

  receive(setCookie: string | null): void {
    if (setCookie === null) return
    const pair = setCookie.split(';')[0] ?? ''
    this.header = pair.endsWith('=') ? undefined : pair
  }

  /** The same cookie in another tab. */
  copy(): Browser {
    const browser = new Browser()
    browser.header = this.header
    return browser
  }
}

/** A browser with a stored session of these members. */
export async function visit(
  server: WebServer,
  members: Record<string, unknown> = { user: 'ann' },
): Promise<Browser> {
  const browser = new Browser()
  await server.request(browser, session => {
    Object.assign(session, members)
  })
  return browser
}
