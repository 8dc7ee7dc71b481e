/** What all clients together know of every session, and so what each answer may be. */
import { partitionOf, type SessionId } from '../../lib/replication/ids.js'
import type { Answer, Operation } from './conversation.js'
import type { World } from './world.js'

/** What is known of one session. */
export interface KnownSession {
  readonly id: SessionId
  /** Its creation was answered. */
  created: boolean
  /** Increments asked for, and those answered. */
  asked: number
  answered: number
  /** The highest counter that any answer told. */
  seen: number
  /** Counters that answers to increments told: each belongs to one increment. */
  readonly told: Set<number>
  /** It can't expire before, as far as answers told, ms since the Unix epoch; and the latest that was ever told. */
  expires: number
  expiresLatest: number
  /** Shorter lifetimes asked for that may yet come, or have come unseen. */
  mayBeShortened: boolean
  destroyAsked: boolean
  /** An answer has told that it was destroyed. */
  destroyed: boolean
  /** An answer has told that it is no more. */
  gone: boolean
}

/** What was known when an operation was asked for. */
export interface Before {
  readonly created: boolean
  readonly counter: number
  readonly expires: number
  readonly expiresLatest: number
  readonly mayBeShortened: boolean
  readonly destroyed: boolean
  readonly gone: boolean
  /** For a list: sessions of the partition that must be in it, unless they end before the answer. */
  readonly listed: readonly KnownSession[]
}

export class History {
  readonly sessions: KnownSession[] = []
  readonly #world: World
  readonly #isCovered: boolean

  constructor(world: World) {
    this.#world = world
    this.#isCovered = world.parameters.profile === 'covered'
  }

  begin(id: SessionId): KnownSession {
    const counters = { asked: 0, answered: 0, seen: 0, told: new Set<number>() }
    const ends = { expires: 0, expiresLatest: 0, mayBeShortened: false }
    const session = {
      id,
      created: false,
      ...counters,
      ...ends,
      destroyAsked: false,
      destroyed: false,
      gone: false,
    }
    this.sessions.push(session)
    return session
  }

  onAsked(kind: Operation['kind'], session: KnownSession): Before {
    const { id, created, answered, seen, destroyed, gone, expires, expiresLatest, mayBeShortened } = session
    const listed =
      kind === 'list'
        ? this.sessions.filter(other => partitionOf(other.id) === partitionOf(id) && isAlive(other))
        : []
    if (kind === 'increment') session.asked++
    if (kind === 'shorten') session.mayBeShortened = true
    if (kind === 'destroy') session.destroyAsked = true
    const ends = { expires, expiresLatest, mayBeShortened, destroyed, gone }
    return { created, counter: Math.max(answered, seen), ...ends, listed }
  }

  onAnswer(kind: Operation['kind'], session: KnownSession, before: Before, answer: Answer): void {
    switch (answer.type) {
      case 'error':
        break
      case 'absent':
        this.#onAbsent(session, before)
        break
      case 'destroyed':
        this.#checkCovered(!before.destroyed, () => `${session.id} was destroyed twice`)
        session.gone = true
        session.destroyed = true
        break
      case 'listed':
        this.#onListed(before, answer.ids)
        break
      case 'value':
        this.#onValue(kind, session, before, answer.value, answer.expires)
        break
      default:
        answer satisfies never
    }
  }

  #onAbsent(session: KnownSession, before: Before): void {
    const mayBeGone = before.gone || !before.created || session.destroyAsked || this.#mayHaveExpired(session)
    this.#checkCovered(mayBeGone, () => `${session.id} is lost: it holds ${before.counter} increments`)
    if (before.created) session.gone = true
  }

  #onListed({ listed }: Before, ids: ReadonlySet<SessionId>): void {
    for (const session of listed) {
      const mayBeGone = !isAlive(session) || this.#mayHaveExpired(session)
      this.#checkCovered(mayBeGone || ids.has(session.id), () => `${session.id} is missing in a list`)
    }
  }

  #onValue(
    kind: Operation['kind'],
    session: KnownSession,
    before: Before,
    value: number,
    expires: number,
  ): void {
    this.#checkCovered(!before.destroyed, () => `${session.id} came back after it was destroyed`)
    // One that only expired may have lived longer once, and a clock may have been put back.
    const hasEnded = before.gone && before.expiresLatest <= this.#world.clocks.earliest
    this.#checkCovered(!hasEnded, () => `${session.id} came back after it had expired`)
    const least = before.counter + (kind === 'increment' ? 1 : 0)
    if (!before.gone) {
      this.#checkCovered(
        value >= least,
        () => `${session.id} went back to ${value}, it was ${before.counter}`,
      )
    }
    this.#world.check(value <= session.asked, () => `${session.id} was incremented more often than asked`)
    if (kind === 'increment') {
      const isNew = before.gone || !session.told.has(value)
      this.#checkCovered(isNew, () => `two increments of ${session.id} gave ${value}`)
      session.told.add(value)
      session.answered++
    }
    if (kind === 'create') session.created = true
    session.seen = Math.max(session.seen, value)
    session.expires = Math.max(session.expires, expires)
    session.expiresLatest = Math.max(session.expiresLatest, expires)
  }

  #mayHaveExpired({ expires, mayBeShortened }: KnownSession): boolean {
    const { latest, putBackMs } = this.#world.clocks
    return expires <= latest + putBackMs + (mayBeShortened ? this.#world.parameters.ttlMs : 0)
  }

  /** For what the guarantee promises only while the faults are covered by it. */
  #checkCovered(holds: boolean, what: () => string): void {
    if (this.#isCovered) this.#world.check(holds, what)
  }
}

function isAlive({ created, destroyAsked, gone }: KnownSession): boolean {
  return created && !destroyAsked && !gone
}
