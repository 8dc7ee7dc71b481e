/** A real cluster in a process of its own, so that its memory and its time can be told from those of the bench. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ClusterStatus } from '../../lib/director/cluster.js'
import type { Answer, Call, ClusterCalls, Happened, MemoryFigures } from './cluster-process.js'

const PROCESS = fileURLToPath(new URL('cluster-process.js', import.meta.url))
const HOOK = new URL('thread-hook.js', import.meta.url).href
const APP = fileURLToPath(new URL('app.js', import.meta.url))

/** Time between two looks at the state of a cluster, ms. */
const LOOK_INTERVAL_MS = 20

/** What the benches of many sessions vary. */
export interface BenchClusterOptions {
  readonly webServers: number
  readonly sessionServers: number
  /** Of each web server. */
  readonly cacheMaxBytes: number
}

/** A cluster under measurement: web servers with the app of app.ts, session servers in memory, two copies of each session. */
export class BenchCluster {
  readonly #process: ChildProcess
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  readonly #happened: Happened[] = []
  readonly #onHappened = new Set<() => void>()
  readonly port: number = 0
  #calls = 0

  /** @throws what the cluster says when it does not start */
  static async start(options: BenchClusterOptions): Promise<BenchCluster> {
    const cluster = new BenchCluster()
    try {
      const port = await cluster.#call('start', configOf(options))
      Object.assign(cluster, { port })
      await cluster.until(isWhole)
      return cluster
    } catch (error) {
      cluster.#process.kill('SIGKILL')
      throw error
    }
  }

  private constructor() {
    this.#process = fork(PROCESS, {
      execArgv: ['--enable-source-maps', '--expose-gc', '--import', HOOK],
      serialization: 'advanced',
    })
    this.#process.on('message', (message: Answer | Happened) => {
      if ('event' in message) this.#onEvent(message)
      else this.#onAnswer(message)
    })
    this.#process.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`the process of the cluster ended with ${signal ?? code}: see what it printed`))
      }
    })
  }

  status(): Promise<ClusterStatus> {
    return this.#call('status')
  }

  /** Ends an actor's thread at once. */
  async kill(actor: string): Promise<void> {
    await this.#call('kill', actor)
  }

  /** @param collect whether every thread does a full garbage collection before it answers */
  memory(collect: boolean): Promise<MemoryFigures> {
    return this.#call('memory', collect)
  }

  /**
   * Waits for something to happen, unless it has already.
   * @param since see `clockMs`
   */
  async event(event: Happened['event'], since: number, actor: string | null = null): Promise<Happened> {
    while (true) {
      const found = this.#happened.find(
        each => each.event === event && each.at >= since && (actor === null || each.actor === actor),
      )
      if (found !== undefined) return found
      await new Promise<void>(resolve => this.#onHappened.add(resolve))
    }
  }

  /** Waits until the cluster is in such a state. */
  async until(isReached: (status: ClusterStatus) => boolean): Promise<ClusterStatus> {
    while (true) {
      const status = await this.status()
      if (isReached(status)) return status
      await wait(LOOK_INTERVAL_MS)
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    await this.#call('stop')
    this.#process.disconnect()
    await ended
  }

  #call<Name extends keyof ClusterCalls>(
    name: Name,
    argument?: Parameters<ClusterCalls[Name]>[0],
  ): Promise<ReturnType<ClusterCalls[Name]>> {
    const call = this.#calls++
    return new Promise((resolve, reject) => {
      // The boundary: the other process answers what the call is for.
      this.#waiting.set(call, { resolve: value => resolve(value as ReturnType<ClusterCalls[Name]>), reject })
      this.#process.send({ call, name, argument } satisfies Call)
    })
  }

  #onEvent(happened: Happened): void {
    this.#happened.push(happened)
    const waiting = [...this.#onHappened]
    this.#onHappened.clear()
    for (const resolve of waiting) resolve()
  }

  #onAnswer({ call, value, error }: Answer): void {
    const waiting = this.#waiting.get(call)
    this.#waiting.delete(call)
    if (error === undefined) waiting?.resolve(value)
    else waiting?.reject(new Error(error))
  }
}

/** Everything runs, and every partition has its copies. */
export function isWhole({ webServers, sessionServers, partitions }: ClusterStatus): boolean {
  const allRun = [...webServers, ...sessionServers].every(({ state }) => state === 'running')
  return allRun && partitions.unowned === 0 && partitions.underCopied === 0
}

function configOf({
  webServers,
  sessionServers,
  cacheMaxBytes,
}: BenchClusterOptions): Record<string, unknown> {
  return {
    app: APP,
    listen: { host: '127.0.0.1', port: 0, servedBy: true },
    // A forced collection of a large heap is no hang.
    webServers: { threads: webServers, hangTimeout: '60s' },
    sessionServers: Array.from({ length: sessionServers }, (_, index) => ({
      name: String.fromCharCode('a'.charCodeAt(0) + index),
      store: 'memory',
    })),
    replication: { copies: 2, acks: 'one' },
    session: { secret: 'a secret for benches only', ttl: '2h' },
    cache: { maxBytes: cacheMaxBytes },
  }
}
