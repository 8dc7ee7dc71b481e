/** Why a service does not start. */
import { TroupeError } from '../../errors.js'

/** Somebody beyond this machine could reach it, and nobody would be asked for a key. */
export class ServiceKeyRequiredError extends TroupeError {
  readonly code = 'SERVICE_KEY_REQUIRED'

  constructor(host: string) {
    super(
      `The session servers of this host were to listen at ${host} without a key: expected cluster.key, ` +
        'or an address that only this machine reaches, such as 127.0.0.1.',
    )
  }
}

/** The address can't be listened at; the cause says why. */
export class ServiceListenError extends TroupeError {
  readonly code = 'SERVICE_LISTEN'

  constructor(host: string, port: number, cause: unknown) {
    super(
      `The session servers of this host can't listen at ${host}, port ${port}: ` +
        `${cause instanceof Error ? cause.message : cause}. Choose an address of this host and a free port.`,
      { cause },
    )
  }
}

/** A certificate or a private key is none that TLS can use; the cause says why. */
export class ServiceTlsError extends TroupeError {
  readonly code = 'SERVICE_TLS'

  constructor(cause: unknown) {
    super(
      `The certificates of cluster.tls can't be used: ${cause instanceof Error ? cause.message : cause}. ` +
        'Expected a certificate with its private key, and the authority that signed those of the other hosts, as PEM.',
      { cause },
    )
  }
}
