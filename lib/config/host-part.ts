/** What one host of a deployment runs. */
import { TroupeError } from '../errors.js'
import type { Config, SessionServerConfig } from './schema.js'

/** The part of one host. */
export interface HostPart {
  /** Null on one machine. */
  readonly name: string | null
  /** Whether it is the host of the director and the web servers. */
  readonly isWebHost: boolean
  /** The session servers that keep their copies on this host. */
  readonly sessionServers: readonly SessionServerConfig[]
}

/** `--host` is missing, superfluous, or names no host that has something to run. */
export class HostUnknownError extends TroupeError {
  readonly code = 'HOST_UNKNOWN'
}

/**
 * @param name the host, as given by `--host`
 * @throws HostUnknownError
 */
export function partOfHost(config: Config, name: string | undefined): HostPart {
  const names = Object.keys(config.hosts)
  if (names.length === 0 && name === undefined) {
    return { name: null, isWebHost: true, sessionServers: config.sessionServers.filter(keepsCopies) }
  }
  if (names.length === 0) {
    throw new HostUnknownError(
      `--host: found ${JSON.stringify(name)}, but the configuration has no hosts: everything runs on one machine. ` +
        'Leave --host out, or describe the hosts in the file.',
    )
  }
  if (name === undefined || !names.includes(name)) {
    throw new HostUnknownError(
      `--host: found ${name === undefined ? 'nothing' : JSON.stringify(name)}, expected the name of this host, ` +
        `one of ${names.join(', ')}.`,
    )
  }
  const isWebHost = config.webServers.on === name
  const sessionServers = config.sessionServers.filter(({ on }) => on === name)
  if (!isWebHost && sessionServers.length === 0) {
    throw new HostUnknownError(
      `--host: the configuration puts nothing on ${name}. Put a session server there.`,
    )
  }
  return { name, isWebHost, sessionServers }
}

/** Whether the web servers' host runs it as an actor of its own, rather than a gateway to it. */
export function isAtWebHost({ webServers }: Config, { on }: SessionServerConfig): boolean {
  return on === webServers.on
}

/**
 * @returns what stands for the machine that the copies are on: two session servers with the same one are lost together
 */
export function machineOf(config: Config, { on, store }: SessionServerConfig): string {
  if (store.kind === 'redis') return store.urls.map(url => machineOfUrl(config, url)).join(' ')
  return on === null ? LOCAL : (config.hosts[on] ?? on)
}

const LOCAL = 'localhost'

function machineOfUrl({ hosts, webServers }: Config, url: string): string {
  const { hostname } = new URL(url)
  const isLoopback = hostname === LOCAL || hostname === '[::1]' || hostname.startsWith('127.')
  if (!isLoopback) return hostname
  return webServers.on === null ? LOCAL : (hosts[webServers.on] ?? LOCAL)
}

function keepsCopies({ store }: SessionServerConfig): boolean {
  return store.kind !== 'redis'
}
