/** Browsers: they create, increment, read and destroy sessions, and know what the answers may be. */
import { ALL_PARTITIONS, type Partition, partitionOf, type SessionId } from '../../lib/replication/ids.js'
import type { Answer, Operation } from './conversation.js'
import type { World } from './world.js'

const PARTITIONS_IN_PLAY = 8
const SESSIONS_MAX = 400
/** A message can take longer than a look-up may wait, now and then, but not always. */
const FINAL_READ_TRIES = 8

/** The partitions of all simulated sessions: few, so that they meet each other. */
export const PARTITIONS: readonly Partition[] = ALL_PARTITIONS.slice(0, PARTITIONS_IN_PLAY)

const SESSION_IDS: readonly SessionId[] = sessionIdsIn(PARTITIONS)

/** What all clients together know of one session. */
interface KnownSession {
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
  /** It can't expire before, as far as answers told, ms. */
  expires: number
  destroyAsked: boolean
  /** Destroyed or expired, and an answer has told so. */
  gone: boolean
}

/** What was known when an operation was asked for. */
interface Before {
  readonly created: boolean
  readonly counter: number
  readonly expires: number
  readonly gone: boolean
}

export class Clients {
  operations = 0
  /** Operations that were answered by an error. */
  refused = 0
  readonly #world: World
  readonly #submit: (operation: Operation, answer: (answer: Answer) => void) => void
  readonly #sessions: KnownSession[] = []
  #working = true

  constructor(world: World, submit: (operation: Operation, answer: (answer: Answer) => void) => void) {
    this.#world = world
    this.#submit = submit
    for (let client = 0; client < world.parameters.clients; client++) this.#live(null)
  }

  stop(): void {
    this.#working = false
  }

  /** Reads every session there ever was. @returns those whose reads failed, once all are answered */
  readAll(): { readonly failed: string[] } {
    const failed: string[] = []
    const read = (session: KnownSession, tries: number): void =>
      this.#ask('read', session, answer => {
        if (answer.type !== 'error') return
        if (tries > 1) read(session, tries - 1)
        else failed.push(`${session.id}: ${answer.code}`)
      })
    for (const session of this.#sessions) read(session, FINAL_READ_TRIES)
    return { failed }
  }

  /** One client: a session of its own, one thing after the other, now and then two at once. */
  #live(own: KnownSession | null): void {
    const { timeline, random, parameters } = this.#world
    timeline.after(random.between(1, parameters.pauseMaxMs), () => {
      if (!this.#working) return
      if (own === null || own.gone) {
        const made = this.#newSession()
        if (made !== null) this.#ask('create', made, () => this.#live(made))
        return
      }
      const session = random.chance(0.15) ? (random.pick(this.#sessions) ?? own) : own
      this.#act(session, () => this.#live(own))
    })
  }

  #act(session: KnownSession, next: () => void): void {
    const { random } = this.#world
    const choice = random.next()
    if (choice < 0.5) this.#ask('increment', session, next)
    else if (choice < 0.7) this.#ask('read', session, next)
    else if (choice < 0.9) {
      this.#ask('increment', session, () => {})
      this.#ask('increment', session, next)
    } else if (choice < 0.96) this.#ask('destroy', session, next)
    else {
      this.#ask('destroy', session, () => {})
      this.#ask('increment', session, next)
    }
  }

  #newSession(): KnownSession | null {
    const id = SESSION_IDS[this.#sessions.length]
    if (id === undefined) return null
    const counters = { asked: 0, answered: 0, seen: 0, told: new Set<number>() }
    const session = { id, created: false, ...counters, expires: 0, destroyAsked: false, gone: false }
    this.#sessions.push(session)
    return session
  }

  #ask(kind: Operation['kind'], session: KnownSession, next: (answer: Answer) => void): void {
    const number = ++this.operations
    const { created, answered, seen, expires, gone } = session
    const before: Before = { created, counter: Math.max(answered, seen), expires, gone }
    if (kind === 'increment') session.asked++
    if (kind === 'destroy') session.destroyAsked = true
    this.#world.trace('client', `${number} asks to ${kind} ${session.id}`)
    let answers = 0
    this.#submit({ number, kind, id: session.id }, answer => {
      this.#world.trace('client', `${number} to ${kind} ${session.id} got ${JSON.stringify(answer)}`)
      this.#world.check(++answers === 1, () => `operation ${number} was answered twice`)
      this.#onAnswer(kind, session, before, answer)
      next(answer)
    })
  }

  #onAnswer(kind: Operation['kind'], session: KnownSession, before: Before, answer: Answer): void {
    switch (answer.type) {
      case 'error':
        this.refused++
        break
      case 'absent':
        this.#onAbsent(session, before)
        break
      case 'destroyed':
        this.#checkCovered(!before.gone, () => `${session.id} was destroyed, but was gone before`)
        session.gone = true
        break
      case 'value':
        this.#onValue(kind, session, before, answer.value, answer.expires)
        break
      default:
        answer satisfies never
    }
  }

  #onAbsent(session: KnownSession, before: Before): void {
    const mayBeGone =
      before.gone || !before.created || session.destroyAsked || before.expires <= this.#world.timeline.now
    this.#checkCovered(mayBeGone, () => `${session.id} is lost: it holds ${before.counter} increments`)
    if (before.created) session.gone = true
  }

  #onValue(
    kind: Operation['kind'],
    session: KnownSession,
    before: Before,
    value: number,
    expires: number,
  ): void {
    this.#checkCovered(!before.gone, () => `${session.id} came back after it was gone`)
    const least = before.counter + (kind === 'increment' ? 1 : 0)
    this.#checkCovered(value >= least, () => `${session.id} went back to ${value}, it was ${before.counter}`)
    this.#world.check(value <= session.asked, () => `${session.id} was incremented more often than asked`)
    if (kind === 'increment') {
      this.#checkCovered(!session.told.has(value), () => `two increments of ${session.id} gave ${value}`)
      session.told.add(value)
      session.answered++
    }
    if (kind === 'create') session.created = true
    session.seen = Math.max(session.seen, value)
    session.expires = Math.max(session.expires, expires)
  }

  /** For what the guarantee promises only while the faults are covered by it. */
  #checkCovered(holds: boolean, what: () => string): void {
    if (this.#world.parameters.profile === 'covered') this.#world.check(holds, what)
  }
}

function sessionIdsIn(partitions: readonly Partition[]): SessionId[] {
  const ids: SessionId[] = []
  for (let number = 0; ids.length < SESSIONS_MAX; number++) {
    const id = `s${number}`
    if (partitions.includes(partitionOf(id))) ids.push(id as SessionId)
  }
  return ids
}
