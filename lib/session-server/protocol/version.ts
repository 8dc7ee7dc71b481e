/** The version of the protocol between hosts (docs/protocol.md), and which versions work together. */

/** A change that an older peer would misunderstand raises `major`; a field or a resource more raises `minor`. */
export interface ProtocolVersion {
  readonly major: number
  readonly minor: number
}

/** What this Troupe speaks. */
export const PROTOCOL_VERSION: ProtocolVersion = { major: 1, minor: 0 }

/** The root of every resource of this major version. */
export const PROTOCOL_ROOT = `/v${PROTOCOL_VERSION.major}`

/** Where every major version tells what it speaks, in the same form and authenticated in the same way. */
export const HEALTH_PATH = '/v1/health'

/** The answer of {@link HEALTH_PATH}. */
export interface Health {
  readonly protocol: ProtocolVersion
  /** The names of the session servers that can be reached here at the moment. */
  readonly servers: readonly string[]
  readonly limits: {
    /** Longest body of a request, bytes. */
    readonly bodyBytes: number
  }
}

/** @returns the minor version that both understand, or null when the major versions differ */
export function commonMinor(peer: ProtocolVersion): number | null {
  return peer.major === PROTOCOL_VERSION.major ? Math.min(peer.minor, PROTOCOL_VERSION.minor) : null
}

/** Whether a value that came from a peer is a version. Unknown fields beside it are ignored. */
export function isProtocolVersion(value: unknown): value is ProtocolVersion {
  if (typeof value !== 'object' || value === null) return false
  const { major, minor } = value as Partial<Record<keyof ProtocolVersion, unknown>>
  return Number.isSafeInteger(major) && Number.isSafeInteger(minor)
}
