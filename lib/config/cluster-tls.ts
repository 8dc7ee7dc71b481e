/** Reads the certificates that the hosts of a deployment show each other. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { TroupeError } from '../errors.js'
import type { ClusterConfig } from './schema.js'

/** A file of `cluster.tls` can't be read, is no PEM, or certificate and key do not belong together. */
export class ClusterTlsError extends TroupeError {
  readonly code = 'CLUSTER_TLS'
}

/** What the files hold, PEM text. */
export interface ClusterCertificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** @returns the certificates, or null when hosts speak plain HTTP. @throws ClusterTlsError */
export async function readClusterTls({
  tls,
}: Pick<ClusterConfig, 'tls'>): Promise<ClusterCertificates | null> {
  if (tls === null) return null
  const [ca, cert, key] = await Promise.all([
    read('ca', tls.ca),
    read('cert', tls.cert),
    read('key', tls.key),
  ])
  const parse = (name: keyof typeof tls, attempt: () => unknown) => {
    try {
      attempt()
    } catch (cause) {
      throw new ClusterTlsError(
        `cluster.tls.${name}: ${tls[name]} can't be used (${reason(cause)}). ` +
          'Expected a PEM file, and for key the one that belongs to cert.',
        { cause },
      )
    }
  }
  parse('ca', () => new X509Certificate(ca))
  parse('cert', () => new X509Certificate(cert))
  parse('key', () => createSecureContext({ cert, key }))
  return { ca, cert, key }
}

async function read(name: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ClusterTlsError(
      `cluster.tls.${name}: ${path} can't be read (${reason(cause)}). ` +
        'Give the path of a PEM file that this user may read.',
      { cause },
    )
  }
}

function reason(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
