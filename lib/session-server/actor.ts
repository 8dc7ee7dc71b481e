/** The session-server actor: control calls in, a port to each web server, and a {@link SessionServer} behind them. */
import { setImmediate as turn } from 'node:timers/promises'
import type { MessagePort } from 'node:worker_threads'
import { TroupeError } from '../errors.js'
import type { Mutation } from '../replication/copy.js'
import type { ActorName, Epoch } from '../replication/ids.js'
import type { FromReplica, ToReplica } from '../replication/messages.js'
import type {
  ActorTask,
  SessionServerActorStats,
  SessionServerControl,
  SessionServerStart,
} from '../transport/actor-control.js'
import { type EndActor, runActor } from '../transport/actor-task.js'
import { BatchedPort } from '../transport/batched-port.js'
import { EndGate } from '../transport/end-gate.js'
import { type LogOffered, REPLICA_FORMS } from '../transport/replica-wire.js'
import { threadStats } from '../transport/thread-stats.js'
import { asError } from '../transport/wire-error.js'
import { LocalSessionServer } from './local-session-server.js'
import { isToReplica, MalformedMessageError } from './malformed.js'
import { OwnerLogs } from './owner-logs.js'
import type { SessionServer } from './session-server.js'
import { MemoryStore } from './stores/memory.js'

/**
 * Runs a session server until the director stops it.
 * @param killed aborts when it is to be gone although its thread stays, as in tests of apps
 */
export function runSessionServer(task: ActorTask, killed?: AbortSignal): Promise<void> {
  return runActor<SessionServerControl>(task, end => {
    const actor = new SessionServerActor(task, end)
    killed?.addEventListener('abort', () => void actor.stop(), { once: true })
    return actor
  })
}

/** A control call came before `start`, or `start` came twice. */
export class SessionServerStateError extends TroupeError {
  readonly code = 'SESSION_SERVER_STATE'

  constructor(name: string, found: string) {
    super(`Session server ${name} ${found}. Call start once, before anything else.`)
  }
}

/** Time between two looks at the logs while owners write to them, ms: nobody waits for it. */
const LOOK_INTERVAL_MS = 5

type OwnerPort = BatchedPort<ToReplica, FromReplica | LogOffered>

class SessionServerActor implements SessionServerControl {
  readonly #name: ActorName
  readonly #end: EndActor
  readonly #endGate: EndGate
  readonly #owners = new Map<ActorName, OwnerPort>()
  #server: SessionServer | null = null
  /** Null where owners need an answer to know that something is held. */
  #logs: OwnerLogs | null = null
  #nextLook: NodeJS.Timeout | null = null

  constructor({ name, endGate }: ActorTask, end: EndActor) {
    this.#name = name
    this.#endGate = new EndGate(endGate)
    this.#end = error => void this.#endGate.left().then(() => end(error))
  }

  async start(options: SessionServerStart): Promise<readonly Epoch[]> {
    if (this.#server !== null) throw new SessionServerStateError(this.#name, 'was started already')
    const server = await openSessionServer(options, this.#endGate)
    this.#server = server
    void server.failed.then(error => this.#end(error))
    const fences = await server.fences()
    if (server.holdsInMemory) {
      this.#logs = new OwnerLogs(fences, mutations => this.#apply(server, mutations))
    }
    return fences
  }

  async connect(owner: ActorName, port: MessagePort): Promise<void> {
    const server = this.#started()
    await this.disconnect(owner)
    const ownerPort: OwnerPort = new BatchedPort<ToReplica, FromReplica | LogOffered>(port, REPLICA_FORMS)
    ownerPort.onmessage = message => {
      if (!isToReplica(message)) throw new MalformedMessageError(owner)
      this.#logs?.before(message)
      server.receive(message, answer => ownerPort.post(answer))
    }
    ownerPort.onerror = warnOnce()
    ownerPort.onclose = () => {
      if (this.#owners.get(owner) !== ownerPort) return
      this.#closeLog(owner)
      this.#owners.delete(owner)
    }
    this.#owners.set(owner, ownerPort)
    if (this.#logs === null) return
    ownerPort.onnudge = () => this.#look()
    const { memory: endGate } = this.#endGate
    ownerPort.post({ type: 'log', log: this.#logs.open(owner), board: this.#logs.boardMemory, endGate })
  }

  async disconnect(owner: ActorName): Promise<void> {
    this.#closeLog(owner)
    this.#owners.get(owner)?.close()
    this.#owners.delete(owner)
  }

  async stop(): Promise<void> {
    // A store that is just being opened is opened first, so that it can be closed.
    await this.#endGate.left()
    await turn()
    if (this.#nextLook !== null) clearTimeout(this.#nextLook)
    for (const owner of this.#owners.keys()) this.#logs?.close(owner)
    this.#logs = null
    // First what is under way, since its answers still go out; what comes after that gets none.
    await this.#server?.close()
    for (const port of this.#owners.values()) port.close()
    this.#owners.clear()
    this.#end()
  }

  async stats(): Promise<SessionServerActorStats> {
    const server = this.#started()
    this.#logs?.take()
    return { ...(await server.stats()), ...threadStats() }
  }

  /** An owner that has gone may have said that this wakes, without having been heard: so the others' logs are looked at. */
  #closeLog(owner: ActorName): void {
    this.#logs?.close(owner)
    this.#look()
  }

  /** Owners count on what is in their logs: a session server that can't take it is as good as lost. */
  #apply(server: SessionServer, mutations: readonly Mutation[]): void {
    try {
      server.receive({ type: 'apply', batch: 0, mutations }, () => undefined)
    } catch (error) {
      this.#end(asError(error))
    }
  }

  /** Takes out what owners have appended, again and again as long as they append something. */
  #look(): void {
    if (this.#logs === null || this.#nextLook !== null) return
    if (!this.#logs.take() && this.#logs.sleep()) return
    this.#nextLook = setTimeout(() => {
      this.#nextLook = null
      this.#look()
    }, LOOK_INTERVAL_MS)
  }

  #started(): SessionServer {
    if (this.#server === null) throw new SessionServerStateError(this.#name, 'was not started yet')
    return this.#server
  }
}

/** One bad message must not end the copies of every owner, nor may a flood of them flood the log. */
function warnOnce(): (error: unknown) => void {
  let warned = false
  return error => {
    if (!warned) process.emitWarning(error instanceof Error ? error : String(error))
    warned = true
  }
}

/**
 * Opens what keeps the copies, or the way to it. Each loads only its own libraries: those for Redis take longer to load
 * than a memory store's whole thread takes to start.
 * @param endGate of this thread, if that may be ended at any time
 * @throws what its store or its far side says; each `open…` function documents its errors
 */
export async function openSessionServer(
  { name, backend }: SessionServerStart,
  endGate = new EndGate(),
): Promise<SessionServer> {
  switch (backend.kind) {
    case 'memory':
      return new LocalSessionServer(new MemoryStore())
    case 'lmdb':
      // LMDB's native code can't be loaded, either, by a thread that is being ended.
      return await endGate.hold(async () => {
        const { DurableSessionServer } = await import('./durable-session-server.js')
        const { openLmdbStore } = await import('./stores/lmdb.js')
        return new DurableSessionServer(await openLmdbStore(backend.path, name, endGate))
      })
    case 'remote': {
      const { RemoteSessionServer } = await import('./gateways/remote-session-server.js')
      return await RemoteSessionServer.open({ name, ...backend })
    }
    case 'redis': {
      const { RedisSessionServer } = await import('./gateways/redis-session-server.js')
      return await RedisSessionServer.open(backend)
    }
    default:
      return backend satisfies never
  }
}
