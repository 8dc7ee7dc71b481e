/**
 * The certificates of one TLS listener: read from their files, chosen by the name that a client asks for, and read again
 * when the files change, so that a renewed one is used from the next connection on.
 */
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { CertificateFiles, ListenerTls } from '../../../config/schema.js'
import { TroupeError } from '../../../errors.js'

/** A file of `listen.tls` can't be read, is no PEM, or certificate and key do not belong together. */
export class ListenTlsError extends TroupeError {
  readonly code = 'LISTEN_TLS'
}

/** Below it there is nothing left that a browser still in use needs (RFC 8996). */
const TLS_VERSION_MIN = 'TLSv1.2'

/** Certificates that were read together, so that they fit each other. */
export interface CertificateSet {
  /** For clients that name nobody, or somebody unknown. */
  readonly first: SecureContext
  /** What the first is made of, for a server that makes its own. */
  readonly options: SecureContextOptions
  readonly byName: ReadonlyMap<string, SecureContext>
  /** What the files were when they were read. */
  readonly fingerprint: string
}

/** @returns all certificates of a listener @throws ListenTlsError */
export async function readCertificates(tls: ListenerTls): Promise<CertificateSet> {
  // Before the files are read: a change in between is then found at the next look.
  const fingerprint = await fingerprintOf(tls)
  const options = await readOptions(tls.certificate)
  const byName = new Map<string, SecureContext>()
  for (const files of tls.sni) {
    const context = contextOf(files, await readOptions(files))
    for (const name of files.names) byName.set(name, context)
  }
  return { first: contextOf(tls.certificate, options), options, byName, fingerprint }
}

/** @returns the certificate for a name: of that name, of its wildcard, or the first */
export function certificateFor(set: CertificateSet, serverName: string): SecureContext {
  const name = serverName.toLowerCase()
  return set.byName.get(name) ?? set.byName.get(name.replace(/^[^.]*/, '*')) ?? set.first
}

/** @returns a text that differs when a file does, whichever way it was replaced; links are followed */
export async function fingerprintOf(tls: ListenerTls): Promise<string> {
  const paths = [tls.certificate, ...tls.sni].flatMap(({ cert, key }) => [cert, key])
  const found = await Promise.all(
    paths.map(path =>
      stat(path, { bigint: true }).then(
        ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(':'),
        () => 'gone',
      ),
    ),
  )
  return found.join(' ')
}

async function readOptions(files: CertificateFiles): Promise<SecureContextOptions> {
  const [cert, key] = await Promise.all([read(files, 'cert'), read(files, 'key')])
  const { passphrase } = files
  return { cert, key, minVersion: TLS_VERSION_MIN, ...(passphrase === null ? {} : { passphrase }) }
}

async function read(files: CertificateFiles, which: 'cert' | 'key'): Promise<Buffer> {
  try {
    return await readFile(files[which])
  } catch (cause) {
    throw new ListenTlsError(
      `${files.place}.${which}: ${files[which]} can't be read (${reason(cause)}). ` +
        'Give the path of a PEM file that this user may read.',
      { cause },
    )
  }
}

function contextOf(files: CertificateFiles, options: SecureContextOptions): SecureContext {
  try {
    createSecureContext({ cert: options.cert })
  } catch (cause) {
    throw new ListenTlsError(
      `${files.place}.cert: ${files.cert} can't be used (${reason(cause)}). ` +
        'Expected a PEM file with the certificate and those that lead to its authority.',
      { cause },
    )
  }
  try {
    return createSecureContext(options)
  } catch (cause) {
    throw new ListenTlsError(
      `${files.place}.key: ${files.key} can't be used with ${files.cert} (${reason(cause)}). ` +
        'Expected the PEM file of the key that belongs to it, and a passphrase if it has one.',
      { cause },
    )
  }
}

function reason(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
