/** From the `listen` section of a validated file to the list of listeners that the front opens. */
import { resolve } from 'node:path'
import type { ConfigFile } from './file-format.js'
import { trustedList } from './file-format-listen.js'
import { DEFAULT_HOST, DEFAULT_PORT } from './listen-defaults.js'
import type { CertificateFiles, Config, ListenerConfig, ListenerTls, TrustProxy } from './schema.js'

type ListenSection = ConfigFile['listen']
type Listener = ListenSection['also'][number]
type TlsSection = NonNullable<Listener['tls']>

/** @param folder what paths are relative to */
export function resolveListeners(
  listen: ListenSection,
  folder: string,
): Pick<Config['listen'], 'listeners' | 'trustProxy'> {
  const further = listen.also.map((listener, index) =>
    resolveListener(listener, folder, `listen.also[${index}]`),
  )
  return {
    listeners: [resolveListener(listen, folder, 'listen'), ...further],
    trustProxy: resolveTrust(listen.trustProxy),
  }
}

function resolveListener(listener: Listener, folder: string, place: string): ListenerConfig {
  const { host = DEFAULT_HOST, port = DEFAULT_PORT, socket, tls, proxyProtocol } = listener
  return {
    place,
    at:
      socket === undefined ? { kind: 'tcp', host, port } : { kind: 'socket', path: resolve(folder, socket) },
    tls: tls === undefined ? null : resolveTls(tls, folder, `${place}.tls`),
    proxyProtocol,
  }
}

function resolveTls(tls: TlsSection, folder: string, place: string): ListenerTls {
  const files = (part: Omit<TlsSection, 'sni' | 'http2'>, names: string[], at: string): CertificateFiles => ({
    names: names.map(name => name.toLowerCase()),
    cert: resolve(folder, part.cert),
    key: resolve(folder, part.key),
    passphrase: part.passphrase ?? null,
    place: at,
  })
  return {
    certificate: files(tls, [], place),
    sni: tls.sni.map((part, index) => files(part, part.names, `${place}.sni[${index}]`)),
    http2: tls.http2,
  }
}

function resolveTrust(trust: ListenSection['trustProxy']): TrustProxy {
  return typeof trust === 'boolean' || typeof trust === 'number' ? trust : trustedList(trust)
}
