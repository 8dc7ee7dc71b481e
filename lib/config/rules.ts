/** What must hold between keys of different sections of a configuration file. */
import type { z } from 'zod'
import { type PlaceSections, placesFit } from './rules-hosts.js'
import { type ListenSection, listenersDiffer } from './rules-listen.js'

/** The parts of a validated file that the rules speak of. Sections with problems of their own are left out. */
interface Sections extends PlaceSections {
  readonly listen?: ListenSection & {
    readonly headersTimeout: number
    readonly requestTimeout: number
  }
  readonly sessionServers?: readonly (NonNullable<PlaceSections['sessionServers']>[number] & {
    readonly name: string
  })[]
  readonly replication?: {
    readonly copies?: number | 'all' | undefined
    readonly ackTimeout: number
    readonly outboxMaxBytes: number
  }
  readonly webServers?: PlaceSections['webServers'] & {
    readonly threads: number | 'auto'
    readonly autoscale?: { readonly min: number; readonly max: number } | undefined
  }
  readonly session?: { readonly maxBytes: number }
  readonly cache?: { readonly maxBytes: number }
  readonly admin?:
    | { readonly host: string; readonly port: number; readonly token?: string | undefined }
    | undefined
}

/** Where nobody but this machine can connect. */
const LOOPBACK_HOSTS = ['127.0.0.1', '::1', 'localhost']

type Demand = (path: (string | number)[], expected: string) => void

/** Adds an issue for every rule that the file breaks; a rule about a section with problems of its own waits. */
export function followsRules(file: Sections, context: z.core.$RefinementCtx<Sections>): void {
  const broken = new Set(context.issues.map(({ path }) => path?.[0]))
  const sound: Sections = Object.fromEntries(Object.entries(file).filter(([key]) => !broken.has(key)))
  const demand: Demand = (path, message) => {
    context.addIssue({ code: 'custom', path, message })
  }
  namesDiffer(sound, demand)
  copiesFit(sound, demand)
  listenersDiffer(sound, demand)
  timeoutsFit(sound, demand)
  threadsFit(sound, demand)
  sizesFit(sound, demand)
  adminIsGuarded(sound, demand)
  placesFit(sound, section => !broken.has(section), demand)
}

/** Run the rules even when some section has problems, so that all are reported together; but not on no object at all. */
export const whenObject = {
  when: ({ value }: z.core.ParsePayload) => typeof value === 'object' && value !== null,
}

function namesDiffer({ sessionServers = [] }: Sections, demand: Demand): void {
  const seen = new Set<string>()
  for (const [index, { name }] of sessionServers.entries()) {
    if (seen.has(name)) demand(['sessionServers', index, 'name'], 'a name that no other session server has')
    seen.add(name)
  }
}

function copiesFit({ replication, sessionServers }: Sections, demand: Demand): void {
  if (typeof replication?.copies !== 'number' || sessionServers === undefined) return
  if (replication.copies <= sessionServers.length) return
  demand(
    ['replication', 'copies'],
    `at most ${sessionServers.length}, the number of session servers; add session servers or lower it`,
  )
}

function timeoutsFit({ listen }: Sections, demand: Demand): void {
  if (listen === undefined || listen.requestTimeout === 0) return
  if (listen.headersTimeout <= listen.requestTimeout) return
  demand(['listen', 'headersTimeout'], `at most listen.requestTimeout (${listen.requestTimeout} ms)`)
}

function threadsFit({ webServers }: Sections, demand: Demand): void {
  const { autoscale, threads = 'auto' } = webServers ?? {}
  if (autoscale === undefined) return
  const { min, max } = autoscale
  if (min > max) demand(['webServers', 'autoscale', 'max'], `at least webServers.autoscale.min (${min})`)
  else if (threads !== 'auto' && (threads < min || threads > max)) {
    demand(
      ['webServers', 'threads'],
      `a number from ${min} to ${max}, as webServers.autoscale allows, or "auto"`,
    )
  }
}

function adminIsGuarded({ admin }: Sections, demand: Demand): void {
  if (admin === undefined || admin.token !== undefined || LOOPBACK_HOSTS.includes(admin.host)) return
  const names = LOOPBACK_HOSTS.map(host => `"${host}"`).join(', ')
  demand(['admin', 'host'], `one of ${names}, or an admin.token, which everything beyond loopback needs`)
}

function sizesFit({ session, replication, cache }: Sections, demand: Demand): void {
  if (session === undefined) return
  const least = `at least session.maxBytes (${session.maxBytes} bytes)`
  if (replication !== undefined && replication.outboxMaxBytes < session.maxBytes) {
    demand(['replication', 'outboxMaxBytes'], least)
  }
  if (cache !== undefined && cache.maxBytes < session.maxBytes) demand(['cache', 'maxBytes'], least)
}
