/**
 * Where requests wait until the app is asked. An app that computes keeps its event loop from everything else: from its
 * heartbeat, from answers, from news that a client has gone. So a turn of the loop begins only as many requests as it has
 * time for; and who would have to wait too long is told so at once, which costs next to nothing.
 */
import type { ExchangeId, ToWebServer } from '../../transport/exchange-messages.js'

type RequestMessage = Extract<ToWebServer, { readonly type: 'request' }>
/** What follows a request. */
type FollowingMessage = Exclude<ToWebServer, RequestMessage | { readonly type: 'draining' }>

/** A turn that has lasted so long begins no further request, ms: answers of those before it leave at its end. */
const TURN_MS = 10
/**
 * Longest wait that a request is let in for, ms. Many visitors are gone after that, and what is asked once more meanwhile
 * adds to the load; so this is also how long an overload outlives its cause.
 */
export const WAIT_MAX_MS = 2_000
/** Nobody is refused or left out before there have been requests waiting for so long without a pause, ms: that is no mere burst. */
const BURST_MS = 250
/** Nor before so many have shown how long one takes: one that takes long is no overload. */
const SHOWN_MIN = 8
/** How long one takes is the mean of about so many. */
const SHOWN_MAX = 128

/** A request that has arrived, and what came after it. */
interface WaitingRequest {
  readonly message: RequestMessage
  readonly following: FollowingMessage[]
}

/** What is done with requests. */
export interface IntakeOptions {
  /** Its turn has come. */
  readonly begin: (message: RequestMessage) => void
  /** Something for a request that has begun. */
  readonly follow: (message: FollowingMessage) => void
  /** There is more to do than can be done. */
  readonly refuse: (message: RequestMessage) => void
}

export class Intake {
  readonly #options: IntakeOptions
  readonly #waiting = new Map<ExchangeId, WaitingRequest>()
  readonly #nextTurn = () => this.#onTurn()
  /** When the present turn has lasted long enough, ms; null when none has begun. */
  #turnEndsAt: number | null = null
  /** Since when there have always been requests waiting, ms. */
  #behindSince = 0
  /** How many have begun since then, or since this later moment, ms. */
  #shown = 0
  #shownSince = 0

  constructor(options: IntakeOptions) {
    this.#options = options
  }

  /** Requests that have not begun. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Begins a request, at once if this turn has time; lets it wait, or refuses it. */
  take(message: RequestMessage): void {
    const now = performance.now()
    if (this.#waiting.size === 0) {
      if (this.#turnEndsAt === null) this.#beginTurn(now)
      if (now < (this.#turnEndsAt ?? 0)) {
        this.#options.begin(message)
        return
      }
      this.#behindSince = now
      this.#shown = 0
      this.#shownSince = now
    } else if (message.kind === 'request' && this.#wouldWaitTooLong(now)) {
      this.#options.refuse(message)
      return
    }
    this.#waiting.set(message.id, { message, following: [] })
  }

  /**
   * What came after a request goes where that is. A client that left before its request began was never here while there
   * is more to do than can be done. Otherwise the app is asked all the same, as by node:http: whoever sends a request and
   * waits for nothing, or is cut off for what follows in its pipeline, has been taken at his word.
   */
  pass(message: FollowingMessage): void {
    const waiting = this.#waiting.get(message.id)
    if (waiting === undefined) this.#options.follow(message)
    else if (message.type === 'abort' && this.#isBehind(performance.now())) this.#waiting.delete(message.id)
    else waiting.following.push(message)
  }

  #beginTurn(now: number): void {
    this.#turnEndsAt = now + TURN_MS
    setImmediate(this.#nextTurn)
  }

  /** At least one request a turn, however long the turns of others take. */
  #onTurn(): void {
    this.#turnEndsAt = null
    if (this.#waiting.size === 0) return
    this.#beginTurn(performance.now())
    for (const [id, { message, following }] of this.#waiting) {
      this.#waiting.delete(id)
      this.#shown++
      this.#options.begin(message)
      for (const each of following) this.#options.follow(each)
      if (performance.now() >= (this.#turnEndsAt ?? 0)) return
    }
  }

  /** Only while requests wait. */
  #isBehind(now: number): boolean {
    return now - this.#behindSince > BURST_MS
  }

  #wouldWaitTooLong(now: number): boolean {
    if (this.#shown < SHOWN_MIN || !this.#isBehind(now)) return false
    const eachMs = (now - this.#shownSince) / this.#shown
    if (this.#shown >= SHOWN_MAX) {
      this.#shown /= 2
      this.#shownSince = now - this.#shown * eachMs
    }
    return this.#waiting.size * eachMs > WAIT_MAX_MS
  }
}
