/**
 * Passes session events on from web servers to whoever listens on the cluster, and tells web servers which of them
 * somebody listens to: those that nobody wants are not even sent.
 */
import type { EventEmitter } from 'node:events'
import type { Logger } from 'pino'
import type { ActorName, Partition, SessionId } from '../replication/ids.js'
import type { WebServerControl } from '../transport/actor-control.js'
import type { ControlCalls } from '../transport/control.js'
import { SESSION_EVENT_KINDS, type SessionEvent, type SessionEventKind } from '../transport/session-events.js'

/** What listeners get. */
export interface ClusterSessionEvent {
  readonly id: SessionId
  readonly partition: Partition
  /** The web server that owns the session: the new one, of those taken over. */
  readonly webServer: string
}

/** The events of sessions, for the map of a typed emitter. */
export type ClusterSessionEvents = {
  readonly [Kind in SessionEventKind as `session:${Kind}`]: [event: ClusterSessionEvent]
}

type Asked = Pick<ControlCalls<WebServerControl>, 'wantSessionEvents'>

export class SessionEventRelay {
  readonly #emitter: EventEmitter
  readonly #log: Logger
  readonly #webServers = new Map<ActorName, Asked>()
  #wanted: readonly SessionEventKind[] = []

  /** @param emitter what listeners are added to, by names such as `session:created` */
  constructor(emitter: EventEmitter, log: Logger) {
    this.#emitter = emitter
    this.#log = log
    // Told before a listener is added: looked at after it.
    const lookSoon = () => queueMicrotask(() => this.#look())
    emitter.on('newListener', lookSoon)
    emitter.on('removeListener', lookSoon)
  }

  /** A web server runs: it is told what is wanted before it serves. */
  async onWebServerUp(name: ActorName, control: Asked): Promise<void> {
    this.#webServers.set(name, control)
    if (this.#wanted.length > 0) await control.wantSessionEvents(this.#wanted)
  }

  onWebServerLost(name: ActorName): void {
    this.#webServers.delete(name)
  }

  /** A web server tells of a session. */
  onEvent(webServer: ActorName, { kind, id, partition }: SessionEvent): void {
    const event: ClusterSessionEvent = { id, partition, webServer }
    this.#emitter.emit(`session:${kind}`, event)
  }

  #look(): void {
    const wanted = SESSION_EVENT_KINDS.filter(kind => this.#emitter.listenerCount(`session:${kind}`) > 0)
    if (wanted.join() === this.#wanted.join()) return
    this.#wanted = wanted
    for (const [name, control] of this.#webServers) {
      control.wantSessionEvents(wanted).catch((error: unknown) => {
        // One that has ended: its successor is told when it comes up.
        this.#log.debug({ err: error, actor: name }, 'could not be told which session events are wanted')
      })
    }
  }
}
