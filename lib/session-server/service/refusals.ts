/** Why a service turns a request away, counted; and what the sender is told, which is nothing unless it has a key. */

/** Refused before authentication: the sender gets 401 without a word, or is cut off. */
export const UNTOLD_REFUSALS = [
  /** No `authorization` header. */
  'unsigned',
  /** An `authorization` header of another form. */
  'malformedHead',
  'unknownKey',
  /** Its time is too far from this host's clock, or before this service began. */
  'stale',
  /** Its nonce was used before. */
  'replayed',
  'wrongMac',
  /** The body is not the one that was signed. */
  'alteredBody',
  /** Bytes that are no HTTP. */
  'badHttp',
  /** No TLS, no certificate, one of another authority, or gone before that was known. */
  'badTls',
  /** A head, a body or the reading of an answer took too long: cut off. */
  'slow',
  /** More connections than allowed. */
  'connections',
] as const

/** Refused after authentication, with status and code. */
export const TOLD_REFUSALS = {
  /** A line is no JSON, or no message that this version knows. */
  malformed: { status: 400, code: 'MALFORMED' },
  /** No such resource, or no such session server here. */
  notFound: { status: 404, code: 'NOT_FOUND' },
  /** The stream was ended: by a newer one of the same client, a failure before, or its session server. */
  streamEnded: { status: 409, code: 'STREAM_ENDED' },
  /** A body without its length. */
  lengthRequired: { status: 411, code: 'LENGTH_REQUIRED' },
  tooLarge: { status: 413, code: 'TOO_LARGE' },
  /** The client speaks another major version. */
  version: { status: 400, code: 'VERSION' },
  /** A limit on requests, streams, buffered bytes or nonces is reached. */
  busy: { status: 503, code: 'BUSY' },
  /** The session server behind it failed. */
  lost: { status: 503, code: 'SESSION_SERVER_LOST' },
} as const

/** A reason that the sender is told. */
export type ToldRefusal = keyof typeof TOLD_REFUSALS
/** A reason that the sender is not told. */
export type UntoldRefusal = (typeof UNTOLD_REFUSALS)[number]
export type Refusal = ToldRefusal | UntoldRefusal

/** How often each refusal happened. */
export type RefusalCounts = Readonly<Record<Refusal, number>>

/** Counts refusals, and tells of each kind once in a while: a flood of them must not flood the log. */
export class Refusals {
  readonly #counts: Record<Refusal, number>
  readonly #toldAt = new Map<Refusal, number>()
  readonly #tell: (refusal: Refusal, count: number) => void

  /** @param tell called at most once a minute for each kind, with its count so far */
  constructor(tell: (refusal: Refusal, count: number) => void) {
    const kinds: Refusal[] = [...UNTOLD_REFUSALS, ...(Object.keys(TOLD_REFUSALS) as ToldRefusal[])]
    // fromEntries forgets the keys, all of which are there.
    this.#counts = Object.fromEntries(kinds.map(kind => [kind, 0])) as Record<Refusal, number>
    this.#tell = tell
  }

  get counts(): RefusalCounts {
    return { ...this.#counts }
  }

  /** @param now ms of any clock */
  count(refusal: Refusal, now: number): void {
    const count = ++this.#counts[refusal]
    const toldAt = this.#toldAt.get(refusal)
    if (toldAt !== undefined && now - toldAt < TELL_INTERVAL_MS) return
    this.#toldAt.set(refusal, now)
    this.#tell(refusal, count)
  }
}

const TELL_INTERVAL_MS = 60_000
