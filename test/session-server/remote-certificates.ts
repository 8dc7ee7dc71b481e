/** Certificates for tests, made by the openssl command. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import type { ClusterTls } from '../../lib/transport/actor-control.js'

const run = promisify(execFile)
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** An authority, and the certificates that it signs for 127.0.0.1. */
export class Authority {
  readonly #folder: string
  #issued = 0

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async make(t: Test): Promise<Authority> {
    const folder = await mkdtemp(join(tmpdir(), 'troupe-certificates-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const files = ['-keyout', join(folder, 'ca.key'), '-out', join(folder, 'ca.pem')]
    await run('openssl', ['req', '-x509', ...NEW_KEY, ...files, '-days', '2', '-subj', '/CN=test authority'])
    return new Authority(folder)
  }

  /** @returns a certificate for one host, and the authority's own */
  async issue(): Promise<ClusterTls> {
    const path = (name: string): string => join(this.#folder, `${this.#issued}.${name}`)
    this.#issued++
    const request = ['-keyout', path('key'), '-out', path('csr'), '-subj', '/CN=test host']
    await run('openssl', ['req', ...NEW_KEY, ...request])
    await writeFile(path('ext'), 'subjectAltName=IP:127.0.0.1\n')
    const authority = [
      '-CA',
      join(this.#folder, 'ca.pem'),
      '-CAkey',
      join(this.#folder, 'ca.key'),
      '-CAcreateserial',
    ]
    const files = ['-in', path('csr'), '-out', path('pem'), '-extfile', path('ext')]
    await run('openssl', ['x509', '-req', ...authority, ...files, '-days', '2'])
    const [ca, cert, key] = await Promise.all([
      readFile(join(this.#folder, 'ca.pem'), 'utf8'),
      readFile(path('pem'), 'utf8'),
      readFile(path('key'), 'utf8'),
    ])
    return { ca, cert, key }
  }
}
