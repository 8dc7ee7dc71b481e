/** How a session server on another host can be lost. The gateway ends with one of these, and is started again later. */
import { TroupeError } from '../../errors.js'
import { PROTOCOL_VERSION, type ProtocolVersion } from '../protocol/version.js'

/** A connection was refused, reset or closed while it was needed, or TLS failed; the cause says how. */
export class RemoteUnreachableError extends TroupeError {
  readonly code = 'REMOTE_UNREACHABLE'

  constructor(name: string, url: string, cause: unknown) {
    super(
      `Session server ${name} can't be reached at ${url}: ${cause instanceof Error ? cause.message : cause}. ` +
        'Check that its host runs, that the network lets this host through, and that certificates match.',
      { cause },
    )
  }
}

/** It took a request or a connection and did not answer in time. */
export class RemoteTimeoutError extends TroupeError {
  readonly code = 'REMOTE_TIMEOUT'

  constructor(name: string, url: string, timeoutMs: number) {
    super(
      `Session server ${name} at ${url} did not answer within ${timeoutMs} ms. ` +
        'Its host may be stopped, overloaded or cut off.',
    )
  }
}

/** Its host does not know this one: 401. */
export class RemoteUnauthorizedError extends TroupeError {
  readonly code = 'REMOTE_UNAUTHORIZED'

  constructor(name: string, url: string) {
    super(
      `The host of session server ${name} at ${url} does not take this host's key. ` +
        'Both need the same cluster.key, and clocks that differ by less than a minute.',
    )
  }
}

/** Its host answered with an error; `reason` is the code that it gave. */
export class RemoteRefusedError extends TroupeError {
  readonly code = 'REMOTE_REFUSED'
  readonly status: number
  readonly reason: string

  constructor(name: string, url: string, status: number, reason: string) {
    super(
      `The host of session server ${name} at ${url} refused a request: status ${status}, ${reason}. ` +
        'docs/protocol.md says what each code means.',
    )
    this.status = status
    this.reason = reason
  }
}

/** Its answer is none of this protocol, is not authentic, or was cut off. */
export class RemoteAnswerError extends TroupeError {
  readonly code = 'REMOTE_ANSWER'

  constructor(name: string, url: string, found: string) {
    super(
      `The answer of session server ${name} at ${url} can't be used: ${found}. ` +
        'Check that this address is the one of a Troupe host with the same cluster.key.',
    )
  }
}

/** It speaks another major version. */
export class RemoteVersionError extends TroupeError {
  readonly code = 'REMOTE_VERSION'

  constructor(name: string, url: string, found: ProtocolVersion) {
    super(
      `The host of session server ${name} at ${url} speaks version ${found.major}.${found.minor} of the protocol, ` +
        `this one ${PROTOCOL_VERSION.major}.${PROTOCOL_VERSION.minor}: the number before the dot must be the same. ` +
        'Bring both to a Troupe of the same major protocol version.',
    )
  }
}

/** Its host has no session server of that name. */
export class RemoteNameError extends TroupeError {
  readonly code = 'REMOTE_NAME'

  constructor(name: string, url: string, found: readonly string[]) {
    super(
      `There is no session server ${name} at ${url}; found: ${found.join(', ') || 'none'}. ` +
        'If it should be there it has failed on its host; otherwise check the config file of both.',
    )
  }
}

/** A message is longer than its host takes. */
export class RemoteMessageTooLargeError extends TroupeError {
  readonly code = 'REMOTE_MESSAGE_TOO_LARGE'

  constructor(name: string, url: string, bytes: number, bytesMax: number) {
    super(
      `A message of ${bytes} bytes can't be sent to session server ${name} at ${url}, which takes ${bytesMax}. ` +
        'Lower session.maxBytes.',
    )
  }
}
