/** Certificates for tests, made by the openssl command. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
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

  /** The authority's own certificate, PEM text: what clients have to be told. */
  get ca(): Promise<string> {
    return readFile(join(this.#folder, 'ca.pem'), 'utf8')
  }

  /** @returns a certificate for one host, and the authority's own */
  async issue(): Promise<ClusterTls> {
    const files = await this.issueFiles('IP:127.0.0.1')
    const [ca, cert, key] = await Promise.all([
      this.ca,
      readFile(files.cert, 'utf8'),
      readFile(files.key, 'utf8'),
    ])
    return { ca, cert, key }
  }

  /** @returns the PEM files of a certificate for these names, as openssl writes them: `DNS:shop.example,IP:127.0.0.1` */
  async issueFiles(names: string): Promise<{ readonly cert: string; readonly key: string }> {
    const path = (name: string): string => join(this.#folder, `${this.#issued}.${name}`)
    const [key, cert, csr, ext] = [path('key'), path('pem'), path('csr'), path('ext')]
    this.#issued++
    await run('openssl', ['req', ...NEW_KEY, '-keyout', key, '-out', csr, '-subj', '/CN=test host'])
    await writeFile(ext, `subjectAltName=${names}\n`)
    const authority = [
      '-CA',
      join(this.#folder, 'ca.pem'),
      '-CAkey',
      join(this.#folder, 'ca.key'),
      // Several may be issued at once.
      '-set_serial',
      `0x${randomBytes(8).toString('hex')}`,
    ]
    await run('openssl', [
      'x509',
      '-req',
      ...authority,
      '-in',
      csr,
      '-out',
      cert,
      '-extfile',
      ext,
      '-days',
      '2',
    ])
    return { cert, key }
  }
}
