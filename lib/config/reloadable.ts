/** Which settings a running cluster can take over, and which only its next start. */
import type { Config } from './schema.js'

/** Settings that every web server gets at its start, or that are asked for when they are needed. */
const RELOADABLE = [
  'app',
  'cache',
  'drainTimeoutMs',
  'startTimeoutMs',
  'listen.servedBy',
  'listen.trustProxy',
  'log.level',
  'session.cookie',
  'session.maxBytes',
  'session.rolling',
  'session.secrets',
  'session.ttlMs',
  'session.unset',
  'webServers.autoscale',
  'webServers.heapMb',
  'webServers.threads',
]

/** Keys of {@link Config} whose names in the file are others. */
const FILE_KEYS: Readonly<Record<string, string>> = {
  'listen.listeners': 'listen (host, port, socket, tls, proxyProtocol, also)',
  'session.secrets': 'session.secret',
  'cluster.keys': 'cluster.key',
}

/**
 * @returns the changed settings that need a restart, as the configuration file calls them; none when a reload can take
 * everything over
 */
export function needsRestart(before: Config, after: Config): string[] {
  return changedKeys(before, after)
    .filter(key => !RELOADABLE.some(known => key === known || key.startsWith(`${known}.`)))
    .map(key => FILE_KEYS[key] ?? key.replace(/Ms$/, ''))
}

/**
 * While a reload is under way, web servers with the old secrets and with the new ones serve the same sessions: each must
 * verify what the other signs. So a new secret is added behind the old one first, and moves to the front by a second
 * reload.
 */
export function canRotate(before: readonly string[], after: readonly string[]): boolean {
  const [signedBefore, signedAfter] = [before[0], after[0]]
  if (signedBefore === undefined || signedAfter === undefined) return false
  return after.includes(signedBefore) && before.includes(signedAfter)
}

/** Two levels are as deep as sections go; what lies deeper is compared whole. */
function changedKeys(before: Config, after: Config): string[] {
  const changed: string[] = []
  for (const [section, value] of entriesOf(after)) {
    const other = Object.fromEntries(entriesOf(before))[section]
    if (!isSection(value) || !isSection(other)) {
      if (!isSame(value, other)) changed.push(section)
      continue
    }
    const keys = new Set([...Object.keys(value), ...Object.keys(other)])
    for (const key of keys) if (!isSame(value[key], other[key])) changed.push(`${section}.${key}`)
  }
  return changed
}

function entriesOf(config: Config): [string, unknown][] {
  return Object.entries(config)
}

function isSection(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
