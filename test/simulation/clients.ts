/** Browsers: each follows its script, with a session of its own; the history knows what the answers may be. */
import { ALL_PARTITIONS, type Partition, partitionOf, type SessionId } from '../../lib/replication/ids.js'
import type { Answer, Operation } from './conversation.js'
import type { History, KnownSession } from './history.js'
import type { Action, Step } from './schedule.js'
import type { World } from './world.js'

const PARTITIONS_IN_PLAY = 8
const CLIENTS_MAX = 12
/** Sessions that one client begins at most, one after the other. */
const SESSIONS_PER_CLIENT_MAX = 40
/** A message can take longer than a look-up may wait, now and then, but not always. */
const FINAL_READ_TRIES = 8

/** The partitions of all simulated sessions: few, so that they meet each other. */
export const PARTITIONS: readonly Partition[] = ALL_PARTITIONS.slice(0, PARTITIONS_IN_PLAY)

const SESSION_IDS: readonly SessionId[] = sessionIdsIn(PARTITIONS)

export type Submit = (operation: Operation, answer: (answer: Answer) => void) => void

export class Clients {
  operations = 0
  /** Operations that were answered by an error. */
  refused = 0
  readonly #world: World
  readonly #history: History
  readonly #submit: Submit
  /** Sessions that each client has begun. */
  readonly #begun = new Map<number, number>()

  constructor(world: World, history: History, scripts: readonly (readonly Step[])[], submit: Submit) {
    this.#world = world
    this.#history = history
    this.#submit = submit
    scripts.forEach((script, client) => {
      this.#live(client, script, 0, null)
    })
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
    for (const session of this.#history.sessions) read(session, FINAL_READ_TRIES)
    return { failed }
  }

  /** One thing after the other, now and then two at once. */
  #live(client: number, script: readonly Step[], next: number, own: KnownSession | null): void {
    const step = script[next]
    if (step === undefined) return
    const { timeline, parameters } = this.#world
    timeline.after(Math.max(1, step.at - timeline.now), () => {
      if (timeline.now >= parameters.durationMs) return
      if (own === null || own.gone) {
        const begun = this.#begin(client)
        if (begun !== null) this.#ask('create', begun, () => this.#live(client, script, next + 1, begun))
        return
      }
      const { sessions } = this.#history
      const other = step.other === null ? undefined : sessions[Math.floor(step.other * sessions.length)]
      this.#act(step.action, other ?? own, () => this.#live(client, script, next + 1, own))
    })
  }

  #act(action: Action, session: KnownSession, next: () => void): void {
    switch (action) {
      case 'increment':
      case 'read':
      case 'shorten':
      case 'destroy':
      case 'list':
        this.#ask(action, session, next)
        break
      case 'increment-twice':
        this.#ask('increment', session, () => {})
        this.#ask('increment', session, next)
        break
      case 'destroy-and-increment':
        this.#ask('destroy', session, () => {})
        this.#ask('increment', session, next)
        break
      default:
        action satisfies never
    }
  }

  #begin(client: number): KnownSession | null {
    const begun = this.#begun.get(client) ?? 0
    const id =
      begun < SESSIONS_PER_CLIENT_MAX ? SESSION_IDS[client * SESSIONS_PER_CLIENT_MAX + begun] : undefined
    if (id === undefined) return null
    this.#begun.set(client, begun + 1)
    return this.#history.begin(id)
  }

  #ask(kind: Operation['kind'], session: KnownSession, next: (answer: Answer) => void): void {
    const number = ++this.operations
    const before = this.#history.onAsked(kind, session)
    const { id } = session
    this.#world.tell('client', () => `${number}: ${kind} ${id} (partition ${partitionOf(id)})?`)
    let answers = 0
    this.#submit({ number, kind, id }, answer => {
      this.#world.tell('client', () => `${number}: ${kind} ${id}: ${toldOf(answer)}`)
      this.#world.check(++answers === 1, () => `operation ${number} was answered twice`)
      if (answer.type === 'error') this.refused++
      this.#history.onAnswer(kind, session, before, answer)
      next(answer)
    })
  }
}

function toldOf(answer: Answer): string {
  switch (answer.type) {
    case 'value':
      return `it is ${answer.value}`
    case 'listed':
      return `listed ${[...answer.ids].join(' ')}`
    case 'error':
      return `failed, ${answer.code}`
    default:
      return answer.type
  }
}

function sessionIdsIn(partitions: readonly Partition[]): SessionId[] {
  const ids: SessionId[] = []
  for (let number = 0; ids.length < CLIENTS_MAX * SESSIONS_PER_CLIENT_MAX; number++) {
    const id = `s${number}`
    if (partitions.includes(partitionOf(id))) ids.push(id as SessionId)
  }
  return ids
}
